// Which secrets of earlier releases are no longer needed (docs/contract/api.md §4.12)?
import { pathOf, type Secret } from '../../client/objects.ts'
import { type Backend, nameOf } from '../backend.ts'
import { heritageSelector } from '../../cluster/labels.ts'
import { envSecretName } from '../manifests/secret.ts'

/**
 * ReplicaSets (kept for rollbacks) and pods name the version that they need; `release` is kept even if the watches do not show
 * its ReplicaSet yet.
 */
export async function removeOldSecrets(
  { kube, cluster, inUse }: Backend,
  app: string,
  signal: AbortSignal,
  release?: number,
): Promise<void> {
  const users = [...cluster.replicaSets.of(app), ...cluster.pods.of(app)]
  // Objects that are being deleted start no more containers.
  const labels = users.filter((one) => one.metadata?.deletionTimestamp === undefined).map((one) => one.metadata?.labels)
  const templates = cluster.deployments.of(app).map((one) => one.spec?.template.metadata?.labels)
  const needed = new Set([...labels, ...templates].map((one) => `${app}-${one?.version}-env`))
  if (release !== undefined) needed.add(envSecretName(app, release))
  const { items } = await kube.list<Secret>(pathOf('v1/Secret', app), {
    query: { labelSelector: `${heritageSelector},app=${app},type=env` },
    signal,
  })
  const pods = new Set(cluster.pods.of(app).map((pod) => `${nameOf(pod)}-env`))
  const old = items.map(nameOf).filter((name) => !needed.has(name) && !pods.has(name) && !inUse.has(name))
  await Promise.all(old.map((name) => kube.remove(pathOf('v1/Secret', app, name), { signal })))
}
