// Which secrets of earlier releases does nobody need any more (docs/contract/api.md §4.12)?
import { pathOf, type Secret } from '../../client/objects.ts'
import { type Backend, nameOf } from '../backend.ts'
import { heritage } from '../manifests/labels.ts'
import { envSecretName } from '../manifests/secret.ts'

/**
 * ReplicaSets (which may be gone back to) and pods name the version they need; `release` is one whose own may not be there or
 * not be shown yet.
 */
export async function removeOldSecrets(
  { kube, cluster, inUse }: Backend,
  app: string,
  signal: AbortSignal,
  release?: number,
): Promise<void> {
  const users = [...cluster.replicaSets.of(app), ...cluster.pods.of(app)]
  // What is being deleted starts no container any more.
  const labels = users.filter((one) => one.metadata?.deletionTimestamp === undefined).map((one) => one.metadata?.labels)
  const templates = cluster.deployments.of(app).map((one) => one.spec?.template.metadata?.labels)
  const needed = new Set([...labels, ...templates].map((one) => `${app}-${one?.version}-env`))
  if (release !== undefined) needed.add(envSecretName(app, release))
  const { items } = await kube.list<Secret>(pathOf('v1/Secret', app), {
    query: { labelSelector: `heritage=${heritage.heritage},app=${app},type=env` },
    signal,
  })
  const pods = new Set(cluster.pods.of(app).map((pod) => `${nameOf(pod)}-env`))
  const old = items.map(nameOf).filter((name) => !needed.has(name) && !pods.has(name) && !inUse.has(name))
  await Promise.all(old.map((name) => kube.remove(pathOf('v1/Secret', app, name), { signal })))
}
