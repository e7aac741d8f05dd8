// What is removed when a formation is up: surplus pods, types that are no longer in it, autoscalers?
import { type HorizontalPodAutoscaler, pathOf } from '../../client/objects.ts'
import type { Formation, Progress } from '@deis/ports/scheduler'
import { type Backend, nameOf } from '../backend.ts'
import { autoscaler } from '../manifests/deployment.ts'
import { heritageSelector } from '../../cluster/labels.ts'
import { deploymentName, oneOffType } from '../manifests/labels.ts'
import { change, make, scaleTo, type Step, wantedOf } from './steps.ts'

const shrinkMs = 60_000

export async function scalersOf(
  { kube }: Backend,
  app: string,
  signal: AbortSignal,
): Promise<HorizontalPodAutoscaler[]> {
  const path = pathOf('autoscaling/v1/HorizontalPodAutoscaler', app)
  return (await kube.list<HorizontalPodAutoscaler>(path, { query: { labelSelector: heritageSelector }, signal })).items
}

/** Removes what is no longer wanted: the deploy cannot fail any more. */
export async function shrink(
  backend: Backend,
  formation: Formation,
  { steps, scalers }: { readonly steps: readonly Step[]; readonly scalers: readonly HorizontalPodAutoscaler[] },
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const { kube, cluster } = backend
  const { app } = formation
  const path = pathOf('autoscaling/v1/HorizontalPodAutoscaler', app)
  const scaled = steps.filter(({ process }) => process.autoscale && process.replicas > 0)
  const unwanted = scalers.filter((one) => !scaled.some(({ type }) => deploymentName(app, type) === nameOf(one)))
  await Promise.all([
    ...unwanted.map((one) => kube.remove(`${path}/${nameOf(one)}`, { signal })),
    ...scaled.map(
      ({ type, process }) => process.autoscale && kube.apply(autoscaler(app, type, process.autoscale), { signal }),
    ),
  ])
  const lower = steps.map(async (step) => {
    const had = step.before.deployment?.spec?.replicas ?? 0
    const wanted = wantedOf(step, had)
    if (wanted >= had) return
    const name = deploymentName(app, step.type)
    progress(`scaling Deployment ${name} from ${had} to ${wanted} replicas`)
    const { metadata } = await scaleTo(backend, step, wanted, signal)
    const limit = AbortSignal.any([signal, AbortSignal.timeout(shrinkMs)])
    const isDown = (): true | undefined => {
      const { status } = cluster.deployments.get(app, name) ?? {}
      return (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) && (status?.replicas ?? 0) <= wanted
        ? true
        : undefined
    }
    await cluster.until(app, isDown, limit)
  })
  await Promise.all(lower)
  // A type at 0 gets the release's template only now, so that no pod of it starts.
  const idle = steps.filter(({ process }) => process.replicas === 0)
  await Promise.all(
    idle.map((step) =>
      step.before.deployment ? change(backend, step, step.before.deployment, signal) : make(backend, step, 0, signal),
    ),
  )
  const gone = cluster.deployments.of(app).filter((one) => !(String(one.metadata?.labels?.type) in formation.processes))
  await Promise.all(gone.map((one) => kube.remove(pathOf('apps/v1/Deployment', app, nameOf(one)), { signal })))
  const left = (): true | undefined =>
    cluster.pods.of(app).every((pod) => {
      const { labels, deletionTimestamp } = pod.metadata ?? {}
      const type = labels?.type ?? ''
      return type === oneOffType || type in formation.processes || deletionTimestamp !== undefined
    })
      ? true
      : undefined
  await cluster.until(app, left, AbortSignal.any([signal, AbortSignal.timeout(shrinkMs)]))
}
