// How does an app get its place in the cluster, and how does all of it go again (docs/contract/api.md §4.1)?
import { setTimeout as sleep } from 'node:timers/promises'
import { type Namespace, pathOf, type Pod, type ResourceQuota, type Service } from '../client/objects.ts'
import { type Backend, nameOf } from './backend.ts'
import { appLabels } from './manifests/labels.ts'
import { furnish, isOurs, ownNamespace } from './namespace.ts'
import { sendsTo, service } from './manifests/service.ts'

export function quotaOf(app: string, given: Readonly<Record<string, unknown>>): ResourceQuota {
  return {
    ...given,
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: `${app}-quota`, namespace: app, labels: appLabels(app) },
  }
}

/** Resolves when the watch shows what was answered to us. */
async function shown({ cluster }: Backend, app: string, answer: Service, signal: AbortSignal): Promise<void> {
  const ours = Number(answer.metadata?.resourceVersion)
  await cluster.until(
    app,
    () => (Number(cluster.services.get(app, app)?.metadata?.resourceVersion) >= ours ? true : undefined),
    AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
  )
}

/** @returns the namespace, as it is then. */
export async function makeRoom(backend: Backend, app: string, signal: AbortSignal): Promise<Namespace> {
  const { kube, cluster, options } = backend
  const there = cluster.services.get(app, app)
  if (there && there.metadata?.deletionTimestamp === undefined) {
    // It is made last.
    const ours = await kube.find<Namespace>(pathOf('v1/Namespace', undefined, app), { signal })
    if (ours && isOurs(ours, app, options.platform) && ours.metadata?.deletionTimestamp === undefined)
      return furnish(backend, app, ours, signal)
  }
  const namespace = await furnish(backend, app, await ownNamespace(backend, app, signal), signal, true)
  if (options.quota) await kube.apply(quotaOf(app, options.quota), { signal })
  const path = pathOf('v1/Service', app, app)
  const before = await kube.find<Service>(path, { signal })
  await shown(backend, app, before ?? (await kube.apply<Service>(service(app, null, null), { signal })), signal)
  return namespace
}

/** Lets the Service send to the type that now receives requests. */
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
/** What is destroyed is no longer routed: nothing to drain. */
const lastGraceSeconds = 5
const forceMs = (lastGraceSeconds + 3) * 1000

/** What the API server says keeps the namespace. */
function remains(there: Namespace | undefined): string {
  const told = there?.status?.conditions?.filter((one) => one.status === 'True').map((one) => one.message ?? '') ?? []
  return told.length > 0 ? told.join('; ') : 'the cluster does not say why'
}

export async function removeRoom(backend: Backend, app: string, signal: AbortSignal): Promise<void> {
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
    // A node that is slow to report, or gone, holds up nothing.
    if (!forced && Date.now() - started > forceMs) {
      forced = true
      await kube.remove(pathOf('v1/Pod', app), { signal, graceSeconds: 0 })
    }
    if (Date.now() - started > goneMs)
      throw new Error(`the namespace ${app} is not gone after ${goneMs / 1000} s: ${remains(left)}`)
    await sleep(pause, undefined, { signal })
  }
  const isEmpty = (): true | undefined =>
    cluster.pods.of(app).length + cluster.services.of(app).length + cluster.deployments.of(app).length === 0
      ? true
      : undefined
  await cluster.until(app, isEmpty, signal)
}

/** Pods that belong to nothing: a controller died while it replaced them by name. */
export async function removeStrays({ kube, cluster }: Backend, app: string, signal: AbortSignal): Promise<void> {
  const stray = (pod: Pod): boolean =>
    pod.metadata?.labels?.type !== 'run' &&
    pod.metadata?.deletionTimestamp === undefined &&
    (pod.metadata?.ownerReferences ?? []).length === 0
  const found = cluster.pods.of(app).filter(stray)
  await Promise.all(found.map((pod) => kube.remove(pathOf('v1/Pod', app, nameOf(pod)), { signal })))
}
