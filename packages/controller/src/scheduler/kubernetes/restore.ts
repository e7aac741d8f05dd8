// How does a type go back to exactly what it was, when its change has failed?
import { type Deployment, type KubeObject, pathOf, type ReplicaSet } from '../../kube/objects.ts'
import { type Backend, nameOf, ownerOf } from './backend.ts'
import { replicaSetsOf } from './cluster.ts'
import { replicasOf } from './deployment.ts'
import { deploymentName, managers } from './labels.ts'
import { ownedBy } from './owned.ts'
import { replace } from './replace.ts'
import { isActive } from './state.ts'

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

/** Pods that never served are ended at once; resolves when they are gone. */
export async function clearNew(
  { kube, cluster, options }: Backend,
  { app, type, deployment, replicaSets, pods }: Before,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  const name = deploymentName(app, type)
  const failed = (error: unknown): void =>
    options.log('warn', 'clearing up a failed deploy failed', { app, err: error })
  if (deployment)
    // Until then it would make what we take away again.
    await cluster.until(
      app,
      () => ((cluster.deployments.get(app, name)?.status?.observedGeneration ?? 0) >= generation ? true : undefined),
      signal,
    )
  const asked = new Set<string>()
  const once = (object: KubeObject, kind: string, graceSeconds?: number): void => {
    if (asked.has(uidOf(object))) return
    asked.add(uidOf(object))
    // In the foreground: what owns others is gone after them, and makes none meanwhile.
    kube.remove(pathOf(kind, app, nameOf(object)), { signal, graceSeconds, background: false }).catch(failed)
  }
  const isNewSet = (one: ReplicaSet): boolean =>
    one.metadata?.labels?.type === type && !replicaSets.has(uidOf(one)) && one.metadata.labels.app === app
  await cluster.until(
    app,
    () => {
      for (const one of cluster.replicaSets.of(app)) if (isNewSet(one)) once(one, 'apps/v1/ReplicaSet')
      const doomed = cluster.pods.of(app).filter((pod) => {
        const fresh = pod.metadata?.labels?.type === type && !pods.has(uidOf(pod))
        return fresh && !(replicaSets.has(ownerOf(pod) ?? '') && isActive(pod))
      })
      for (const pod of doomed) once(pod, 'v1/Pod', 0)
      const owners = cluster.replicaSets.of(app).some(isNewSet) || (!deployment && cluster.deployments.get(app, name))
      const left = doomed.length > 0 || owners
      return left ? undefined : true
    },
    signal,
  )
}

/** Where there was a Deployment it is as it was then; else nothing of it stays. */
export async function restore(backend: Backend, before: Before, signal: AbortSignal): Promise<void> {
  const { cluster, kube } = backend
  const { app, type, deployment } = before
  if (!deployment) {
    await kube.remove(pathOf('apps/v1/Deployment', app, deploymentName(app, type)), { signal, background: false })
    await clearNew(backend, before, 0, signal)
    return
  }
  const generation = await putBack(backend, before, deployment, signal)
  await clearNew(backend, before, generation, signal)
  const wanted = deployment.status?.availableReplicas ?? 0
  await cluster.until(
    app,
    () => {
      const status = cluster.deployments.get(app, deploymentName(app, type))?.status
      return (status?.availableReplicas ?? 0) >= wanted && status?.replicas === deployment.status?.replicas
        ? true
        : undefined
    },
    signal,
  )
}
