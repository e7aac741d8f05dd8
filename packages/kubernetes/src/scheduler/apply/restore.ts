// How is a type restored exactly when its change has failed?
import { type Deployment, type KubeObject, pathOf, type Pod } from '../../client/objects.ts'
import { type Backend, nameOf, ownerOf } from '../backend.ts'
import { replicaSetsOf } from '../watches.ts'
import { replicasOf } from '../manifests/deployment.ts'
import { deploymentName, managers } from '../manifests/labels.ts'
import { ownedBy } from './owned.ts'
import { replace } from './replace.ts'
import { hasReadyCondition, isActive } from '../state.ts'

/** The state of a type before a change. */
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

/** Applies again what the platform's field manager had applied; fields of others were not changed. Returns the generation. */
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
    : // Not created by the platform.
      await kube.patch<Deployment>(path, [{ op: 'replace', path: '/spec/template', value: was.spec?.template }], {
        kind: 'json',
        signal,
      })
  const replicas = was.spec?.replicas ?? 1
  if (now.spec?.replicas === replicas) return now.metadata?.generation ?? 0
  const scaled = await kube.apply<Deployment>(replicasOf(app, type, replicas), { manager: managers.scale, signal })
  return scaled.metadata?.generation ?? 0
}

/** Deletes each object only once. */
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

/** After a failed first deploy there is no previous state: everything of the type is deleted at once. */
async function clearAll(backend: Backend, { app, type, pods }: Before, signal: AbortSignal): Promise<void> {
  const { kube, cluster } = backend
  const name = deploymentName(app, type)
  // In the foreground: owners go after their objects, and create no new ones meanwhile.
  await kube.remove(pathOf('apps/v1/Deployment', app, name), { signal, background: false })
  const remove = remover(backend, app, signal)
  const isCleared = (): true | undefined => {
    const left = cluster.pods.of(app).filter((pod) => pod.metadata?.labels?.type === type && !pods.has(uidOf(pod)))
    // A ReplicaSet that is not being deleted yet would replace each deleted pod.
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
 * Deletes what a change has created, after its Deployment was restored. Pods that never served are killed, and gone when this
 * resolves; those that did serve run on until others have taken over, and end like any other.
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
    // Until then the cluster would recreate what is deleted here.
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

/** Restores the previous Deployment; if there was none, deletes everything of the type. */
export async function restore(backend: Backend, before: Before, signal: AbortSignal): Promise<void> {
  if (!before.deployment) return clearAll(backend, before, signal)
  const generation = await putBack(backend, before, before.deployment, signal)
  await clearNew(backend, before, generation, signal)
}
