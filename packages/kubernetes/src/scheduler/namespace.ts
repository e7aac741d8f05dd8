// How is an app's namespace created, with all that belongs in it, and deleted again (docs/contract/api.md §4.1)?
import { setTimeout as sleep } from 'node:timers/promises'
import { type Namespace, pathOf, type Pod, type ResourceQuota, type Service } from '../client/objects.ts'
import { type Backend, nameOf } from './backend.ts'
import { appLabels } from './manifests/labels.ts'
import { applyPolicies, claimNamespace, isOurs } from './namespace-policy.ts'
import { sendsTo, service } from './manifests/service.ts'

export function quotaOf(app: string, given: Readonly<Record<string, unknown>>): ResourceQuota {
  return {
    ...given,
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: `${app}-quota`, namespace: app, labels: appLabels(app) },
  }
}

/** Resolves when the watch shows the Service as the server has answered it. */
async function shown({ cluster }: Backend, app: string, answer: Service, signal: AbortSignal): Promise<void> {
  const ours = Number(answer.metadata?.resourceVersion)
  await cluster.until(
    app,
    () => (Number(cluster.services.get(app, app)?.metadata?.resourceVersion) >= ours ? true : undefined),
    AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
  )
}

/** Creates what is missing of the app's namespace. @returns the namespace. */
export async function ensureNamespace(backend: Backend, app: string, signal: AbortSignal): Promise<Namespace> {
  const { kube, cluster, options } = backend
  const there = cluster.services.get(app, app)
  if (there && there.metadata?.deletionTimestamp === undefined) {
    // The Service is created last: everything else is there.
    const ours = await kube.find<Namespace>(pathOf('v1/Namespace', undefined, app), { signal })
    if (ours && isOurs(ours, app, options.platform) && ours.metadata?.deletionTimestamp === undefined)
      return applyPolicies(backend, app, ours, signal)
  }
  const namespace = await applyPolicies(backend, app, await claimNamespace(backend, app, signal), signal, true)
  if (options.quota) await kube.apply(quotaOf(app, options.quota), { signal })
  const path = pathOf('v1/Service', app, app)
  const before = await kube.find<Service>(path, { signal })
  await shown(backend, app, before ?? (await kube.apply<Service>(service(app, null, null), { signal })), signal)
  return namespace
}

/** Makes the Service send to the type that now receives requests. */
export async function pointService(
  backend: Backend,
  app: string,
  routable: string | null,
  port: number | null,
  signal: AbortSignal,
): Promise<void> {
  const { kube, cluster } = backend
  if (sendsTo(cluster.services.get(app, app), routable, port)) return
  await shown(backend, app, await kube.apply<Service>(service(app, routable, port), { signal }), signal)
}

const goneMs = 300_000
/** An app that is destroyed is no longer routed, so there is nothing to drain. */
const lastGraceSeconds = 5
const forceMs = (lastGraceSeconds + 3) * 1000

/** Why the namespace is still there, as the API server reports it. */
function remains(there: Namespace | undefined): string {
  const reasons =
    there?.status?.conditions?.filter((one) => one.status === 'True').map((one) => one.message ?? '') ?? []
  return reasons.length > 0 ? reasons.join('; ') : 'the cluster does not report why'
}

export async function removeNamespace(backend: Backend, app: string, signal: AbortSignal): Promise<void> {
  const { kube, cluster } = backend
  const path = pathOf('v1/Namespace', undefined, app)
  const there = await kube.find<Namespace>(path, { signal })
  if (!there || !isOurs(there, app, backend.options.platform)) return
  await kube.remove(path, { signal })
  await kube.remove(pathOf('v1/Pod', app), { signal, graceSeconds: lastGraceSeconds })
  const started = Date.now()
  let forced = false
  for (let pause = 200; ; pause = Math.min(pause * 1.5, 2000)) {
    const left = await kube.find<Namespace>(path, { signal })
    if (!left || left.metadata?.uid !== there.metadata?.uid) break
    // Does not wait for a node that is slow to report, or gone.
    if (!forced && Date.now() - started > forceMs) {
      forced = true
      await kube.remove(pathOf('v1/Pod', app), { signal, graceSeconds: 0 })
    }
    if (Date.now() - started > goneMs)
      throw new Error(`the namespace "${app}" still exists after ${goneMs / 1000} s: ${remains(left)}`)
    await sleep(pause, undefined, { signal })
  }
  const isEmpty = (): true | undefined =>
    cluster.pods.of(app).length + cluster.services.of(app).length + cluster.deployments.of(app).length === 0
      ? true
      : undefined
  await cluster.until(app, isEmpty, signal)
}

/** Deletes pods without an owner: a controller died while it replaced them by name. */
export async function removeOrphans({ kube, cluster }: Backend, app: string, signal: AbortSignal): Promise<void> {
  const isOrphan = (pod: Pod): boolean =>
    pod.metadata?.labels?.type !== 'run' &&
    pod.metadata?.deletionTimestamp === undefined &&
    (pod.metadata?.ownerReferences ?? []).length === 0
  const found = cluster.pods.of(app).filter(isOrphan)
  await Promise.all(found.map((pod) => kube.remove(pathOf('v1/Pod', app, nameOf(pod)), { signal })))
}
