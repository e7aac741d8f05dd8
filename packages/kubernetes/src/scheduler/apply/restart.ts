// How are pods replaced by new ones of the same release, which start first (docs/contract/api.md §4.11)?
import { type Deployment, pathOf, type Pod } from '../../client/objects.ts'
import { heritageSelector } from '../../cluster/labels.ts'
import type { Scheduler } from '@deis/ports/scheduler'
import { type Backend, nameOf, ownerOf } from '../backend.ts'
import { deploymentName, managers, oneOffType, restartedAnnotation, templateHashLabel } from '../manifests/labels.ts'
import { beforeOf, clearNew } from './restore.ts'
import { awaitType, type Goal, podsOfTemplate } from './rollout.ts'
import { isActive } from '../state.ts'

type Which = Parameters<Scheduler['restart']>[1]

const quiet = (): void => {}
const restoreMs = 60_000

/** The mark of a restart in the template, under its own manager so that applying the release again keeps it; null: none. */
const marked = (app: string, type: string, mark: string | null): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: deploymentName(app, type), namespace: app },
  ...(mark === null ? {} : { spec: { template: { metadata: { annotations: { [restartedAnnotation]: mark } } } } }),
})

const portOf = (deployment: Deployment): number | null => {
  const port = deployment.spec?.template.spec?.containers[0]?.readinessProbe?.tcpSocket?.port
  return typeof port === 'number' ? port : null
}

/** The goal of a Deployment that already runs. */
function goalOf(app: string, type: string, deployment: Deployment, known: ReadonlySet<string>): Goal {
  return {
    app,
    type,
    replicas: null,
    generation: deployment.metadata?.generation ?? 0,
    known,
    // The timeout of its last deploy.
    seconds: deployment.spec?.progressDeadlineSeconds ?? 600,
    port: portOf(deployment),
  }
}

async function restartType(backend: Backend, app: string, live: Deployment, signal: AbortSignal): Promise<Pod[]> {
  const { kube, cluster } = backend
  const type = live.metadata?.labels?.type ?? ''
  const before = beforeOf(backend, app, type, live)
  const mark = (text: string | null, stop: AbortSignal): Promise<Deployment> =>
    kube.apply<Deployment>(marked(app, type, text), { manager: managers.restart, signal: stop })
  try {
    const now = await mark(new Date().toISOString(), signal)
    await awaitType(backend, goalOf(app, type, now, new Set()), signal, quiet)
    const fresh = podsOfTemplate(backend, cluster.deployments.get(app, nameOf(live)) ?? now)
    return cluster.pods.of(app).filter((pod) => fresh.has(pod.metadata?.uid ?? '') && isActive(pod))
  } catch (error) {
    const stop = AbortSignal.timeout(restoreMs)
    const { metadata } = await mark(live.spec?.template.metadata?.annotations?.[restartedAnnotation] ?? null, stop)
    await clearNew(backend, before, metadata?.generation ?? 0, stop)
    throw error
  }
}

/**
 * Removing the hash from its labels detaches a pod from its ReplicaSet, which creates another; the Service still selects it.
 * When the new one is ready, the old one is deleted.
 */
async function restartPod(backend: Backend, app: string, pod: Pod, signal: AbortSignal): Promise<Pod[]> {
  const { kube, cluster } = backend
  const type = pod.metadata?.labels?.type ?? ''
  const path = pathOf('v1/Pod', app, nameOf(pod))
  const live = await kube.get<Deployment>(pathOf('apps/v1/Deployment', app, deploymentName(app, type)), { signal })
  const known = podsOfTemplate(backend, live)
  const label = (hash: string | null, stop: AbortSignal): Promise<unknown> =>
    kube.patch(path, { metadata: { labels: { [templateHashLabel]: hash } } }, { signal: stop })
  try {
    await label(null, signal)
    // Until then the ReplicaSet still counts it.
    const isDetached = (): true | undefined => {
      const there = cluster.pods.get(app, nameOf(pod))
      return !there || ownerOf(there) === undefined ? true : undefined
    }
    await cluster.until(app, isDetached, signal)
    await awaitType(backend, goalOf(app, type, live, known), signal, quiet)
  } catch (error) {
    // With its label it is counted again, and the ReplicaSet deletes the one that is not ready.
    await label(pod.metadata?.labels?.[templateHashLabel] ?? null, AbortSignal.timeout(restoreMs))
    throw error
  }
  await kube.remove(path, { signal })
  const gone = (): true | undefined => {
    const there = cluster.pods.get(app, nameOf(pod))
    return !there || !isActive(there) ? true : undefined
  }
  await cluster.until(app, gone, signal)
  const fresh = podsOfTemplate(backend, live)
  return cluster.pods
    .of(app)
    .filter((one) => fresh.has(one.metadata?.uid ?? '') && !known.has(one.metadata?.uid ?? '') && isActive(one))
}

export async function restartPods(backend: Backend, app: string, which: Which, signal: AbortSignal): Promise<Pod[]> {
  const { cluster, kube } = backend
  if (which.name !== undefined) {
    const pod = cluster.pods.get(app, which.name)
    const chosen = pod && pod.metadata?.labels?.type !== oneOffType && isActive(pod) && ownerOf(pod) !== undefined
    return chosen ? restartPod(backend, app, pod, signal) : []
  }
  if (cluster.deployments.of(app).length === 0) return []
  const { items } = await kube.list<Deployment>(pathOf('apps/v1/Deployment', app), {
    query: { labelSelector: heritageSelector },
    signal,
  })
  const chosen = items.filter(
    (one) => (which.type === undefined || one.metadata?.labels?.type === which.type) && (one.spec?.replicas ?? 0) > 0,
  )
  const done = await Promise.allSettled(chosen.map((one) => restartType(backend, app, one, signal)))
  const failed = done.find((one) => one.status === 'rejected')
  if (failed) throw failed.reason
  return done.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
}
