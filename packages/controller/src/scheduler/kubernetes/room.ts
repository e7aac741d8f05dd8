// How does an app get its place in the cluster, and how does all of it go again (contract/api.md §4.1)?
import { setTimeout as sleep } from 'node:timers/promises'
import { hasStatus } from '../../kube/error.ts'
import { type Namespace, pathOf, type Pod, type ResourceQuota, type Service } from '../../kube/objects.ts'
import { NameTaken } from '../port.ts'
import { type Backend, nameOf } from './backend.ts'
import { appAnnotation, appLabels, heritage, platformAnnotation } from './labels.ts'
import { sendsTo, service } from './service.ts'

const namespace = (app: string, platform: string): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: app,
    labels: { ...heritage },
    annotations: { [appAnnotation]: app, [platformAnnotation]: platform },
  },
})

const isOurs = ({ metadata }: Namespace, app: string, platform: string): boolean =>
  metadata?.labels?.heritage === heritage.heritage &&
  metadata.annotations?.[appAnnotation] === app &&
  metadata.annotations[platformAnnotation] === platform

export function quotaOf(app: string, given: Readonly<Record<string, unknown>>): ResourceQuota {
  return {
    ...given,
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: `${app}-quota`, namespace: app, labels: appLabels(app) },
  }
}

async function ownNamespace({ kube, options }: Backend, app: string, signal: AbortSignal): Promise<void> {
  const path = pathOf('v1/Namespace', undefined, app)
  let there = await kube.find<Namespace>(path, { signal })
  if (!there) {
    try {
      await kube.create(pathOf('v1/Namespace'), namespace(app, options.platform), { signal })
      return
    } catch (error) {
      // Somebody was faster, or a call that seemed lost was heard.
      if (!hasStatus(error, 409)) throw error
      there = await kube.get<Namespace>(path, { signal })
    }
  }
  if (!isOurs(there, app, options.platform))
    throw new NameTaken(`the cluster has a namespace ${app} that is no app of this platform`)
  if (there.metadata?.deletionTimestamp !== undefined)
    throw new NameTaken(`the namespace ${app} is still being deleted: try again in a moment`)
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

export async function makeRoom(backend: Backend, app: string, signal: AbortSignal): Promise<void> {
  const { kube, cluster, options } = backend
  const there = cluster.services.get(app, app)
  if (there && there.metadata?.deletionTimestamp === undefined) {
    // It is made last.
    const ours = await kube.find<Namespace>(pathOf('v1/Namespace', undefined, app), { signal })
    if (ours && isOurs(ours, app, options.platform) && ours.metadata?.deletionTimestamp === undefined) return
  }
  await ownNamespace(backend, app, signal)
  if (options.quota) await kube.apply(quotaOf(app, options.quota), { signal })
  const path = pathOf('v1/Service', app, app)
  const before = await kube.find<Service>(path, { signal })
  await shown(backend, app, before ?? (await kube.apply<Service>(service(app, null, null), { signal })), signal)
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
