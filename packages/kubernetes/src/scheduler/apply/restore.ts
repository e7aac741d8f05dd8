// How does a type go back to exactly what it was, when its change has failed?
import { type Deployment, type KubeObject, pathOf, type Pod } from '../../client/objects.ts'
import { type Backend, nameOf, ownerOf } from '../backend.ts'
import { replicaSetsOf } from '../cluster.ts'
import { replicasOf } from '../manifests/deployment.ts'
import { deploymentName, managers } from '../manifests/labels.ts'
import { ownedBy } from './owned.ts'
import { replace } from './replace.ts'
import { hasReadyCondition, isActive } from '../state.ts'

/** What there was of a type before a change. */
export type Before = {
  readonly app: string
  readonly type: string
  readonly deployment: Deployment | undefined
  readonly replicaSets: ReadonlySet<string>
  readonly pods: ReadonlySet<string>
}

const uidOf = (object: { readonly metadata?: { readonly uid?: string } }): string => object.metadata?.uid ?? ''

export function beforeOf({ cluster }: Backend, app: string, type: string, deployment: Deployment | undefined): Before {
  const pods = cluster.pods.of(app).filter((pod) => pod.metadata?.labels?.type === type)
  return {
    app,
    type,
    deployment,
    replicaSets: new Set(deployment ? replicaSetsOf(cluster, deployment).map(uidOf) : []),
    pods: new Set(pods.map(uidOf)),
  }
}

const typed = (deployment: Deployment): Deployment => ({ ...deployment, apiVersion: 'apps/v1', kind: 'Deployment' })

/** As our field manager had applied it; what others own has not been touched. Returns the generation. */
async function putBack(
  { kube }: Backend,
  { app, type }: Before,
  was: Deployment,
  signal: AbortSignal,
): Promise<number> {
  const path = pathOf('apps/v1/Deployment', app, deploymentName(app, type))
  const owned = ownedBy(typed(was), managers.main)
  const { replicas: _replicas, ...spec } = owned?.spec ?? {}
  const now = owned
    ? await replace(
        kube,
        { ...owned, spec: spec as Deployment['spec'] },
        await kube.get<Deployment>(path, { signal }),
        signal,
      )
    : // Made by somebody else, before us.
      await kube.patch<Deployment>(path, [{ op: 'replace', path: '/spec/template', value: was.spec?.template }], {
        kind: 'json',
        signal,
      })
  const replicas = was.spec?.replicas ?? 1
  if (now.spec?.replicas === replicas) return now.metadata?.generation ?? 0
  const scaled = await kube.apply<Deployment>(replicasOf(app, type, replicas), { manager: managers.scale, signal })
  return scaled.metadata?.generation ?? 0
}

/** Asks for each deletion once. */
function remover({ kube, options }: Backend, app: string, signal: AbortSignal) {
  const asked = new Set<string>()
  return (object: KubeObject, kind: string, how: { graceSeconds?: number; background?: boolean }): void => {
    if (asked.has(uidOf(object))) return
    asked.add(uidOf(object))
    kube
      .remove(pathOf(kind, app, nameOf(object)), { signal, ...how })
      .catch((error: unknown) => options.log('warn', 'clearing up a failed deploy failed', { app, err: error }))
  }
}

/** A first deploy has nothing to go back to: everything of the type goes, at once. */
async function clearAll(backend: Backend, { app, type, pods }: Before, signal: AbortSignal): Promise<void> {
  const { kube, cluster } = backend
  const name = deploymentName(app, type)
  // In the foreground: what owns others is gone after them, and makes none meanwhile.
  await kube.remove(pathOf('apps/v1/Deployment', app, name), { signal, background: false })
  const remove = remover(backend, app, signal)
  const isCleared = (): true | undefined => {
    const left = cluster.pods.of(app).filter((pod) => pod.metadata?.labels?.type === type && !pods.has(uidOf(pod)))
    // A ReplicaSet that is not going yet would make another for each that is taken away.
    const making = new Set(
      cluster.replicaSets
        .of(app)
        .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
        .map(uidOf),
    )
    for (const pod of left) if (!making.has(ownerOf(pod) ?? '')) remove(pod, 'v1/Pod', { graceSeconds: 0 })
    return left.length === 0 && !cluster.deployments.get(app, name) ? true : undefined
  }
  await cluster.until(app, isCleared, signal)
}

/**
 * Takes away what a change has made of a Deployment that is as before again. Pods that never served are ended at once and
 * gone when this resolves; those that did go on until others have taken over, and end like any other.
 */
export async function clearNew(
  backend: Backend,
  { app, type, deployment, replicaSets, pods }: Before,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  const { cluster } = backend
  const name = deploymentName(app, type)
  const remove = remover(backend, app, signal)
  const served = new Set<string>()
  const wanted = deployment?.status?.availableReplicas ?? 0
  const isOld = (pod: Pod): boolean => replicaSets.has(ownerOf(pod) ?? '') && isActive(pod)
  const isCleared = (): true | undefined => {
    const { observedGeneration = 0, replicas, availableReplicas = 0 } = cluster.deployments.get(app, name)?.status ?? {}
    // Until then the cluster would make what we take away again.
    if (observedGeneration < generation) return undefined
    const fresh = cluster.pods
      .of(app)
      .filter((pod) => pod.metadata?.labels?.type === type && !pods.has(uidOf(pod)) && !isOld(pod))
    for (const pod of fresh) if (hasReadyCondition(pod)) served.add(uidOf(pod))
    const doomed = fresh.filter((pod) => !served.has(uidOf(pod)))
    for (const pod of doomed) remove(pod, 'v1/Pod', { graceSeconds: 0 })
    const sets = cluster.replicaSets
      .of(app)
      .filter((one) => one.metadata?.labels?.type === type && !replicaSets.has(uidOf(one)))
    for (const one of sets) if ((one.status?.replicas ?? 0) === 0) remove(one, 'apps/v1/ReplicaSet', {})
    const back = replicas === deployment?.status?.replicas && availableReplicas >= wanted
    return doomed.length === 0 && sets.length === 0 && back ? true : undefined
  }
  await cluster.until(app, isCleared, signal)
}

/** Where there was a Deployment it is as it was then; else nothing of it stays. */
export async function restore(backend: Backend, before: Before, signal: AbortSignal): Promise<void> {
  if (!before.deployment) return clearAll(backend, before, signal)
  const generation = await putBack(backend, before, before.deployment, signal)
  await clearNew(backend, before, generation, signal)
}
