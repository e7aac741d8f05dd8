// How does reality become equal to a formation, all types of it or none?
import { isDeepStrictEqual } from 'node:util'
import { KubeError } from '../../kube/error.ts'
import { type Deployment, type HorizontalPodAutoscaler, pathOf } from '../../kube/objects.ts'
import { DeployFailure, type Formation, type ProcessSpec, type Progress } from '../port.ts'
import { type Backend, nameOf } from './backend.ts'
import { autoscaler, deployment, patience, type Patience, replicasOf, surgeOf } from './deployment.ts'
import { deploymentName, heritage, managers, oneOffType } from './labels.ts'
import { matchingNodes } from './nodes.ts'
import { fieldsOf } from './owned.ts'
import { replace } from './replace.ts'
import { type Before, beforeOf, restore } from './restore.ts'
import { awaitType, hasBeenUp, podsOfTemplate } from './rollout.ts'
import { makeRoom, pointService, removeStrays } from './room.ts'
import { envSecret, pullSecrets } from './secret.ts'
import { removeOldSecrets } from './tidy.ts'

/** One type of the formation beside what there is of it. */
type Step = {
  readonly type: string
  readonly process: ProcessSpec
  readonly manifest: Deployment
  readonly patience: Patience
  readonly before: Before
}

const restoreMs = 120_000
const shrinkMs = 60_000
const selector = { labelSelector: `heritage=${heritage.heritage}` }

/** What the API refuses for good is the release's fault, not the cluster's: asking again changes nothing. */
export function refusal(error: unknown): unknown {
  if (!(error instanceof KubeError) || ![400, 403, 413, 422].includes(error.status)) return error
  return new DeployFailure(
    `the cluster refuses it: ${error.message}`,
    [],
    error.status === 403
      ? 'It may be a quota, or a right that the platform lacks: show this to whoever runs the platform.'
      : 'Change what it names and deploy again.',
  )
}

async function stepsOf(backend: Backend, formation: Formation, signal: AbortSignal): Promise<Step[]> {
  const { app, batches, tags, deployTimeoutSeconds } = formation
  const secrets = pullSecrets(app, formation.artifact, formation.registry, backend.options)
  const nodes = batches > 0 ? 0 : await matchingNodes(backend.kube, tags, signal)
  const plain = Object.entries(formation.processes).map(([type, process]) => {
    const surge = surgeOf(batches, nodes, process.replicas)
    const time = patience(deployTimeoutSeconds, process, process.replicas, surge)
    const parts = { formation, type, process, surge, seconds: time.seconds, pullSecrets: secrets.map(nameOf) }
    return { type, process, patience: time, manifest: deployment(parts, backend.pods) }
  })
  await Promise.all(
    [envSecret(app, formation.release, formation.env), ...secrets].map((secret) =>
      backend.kube.apply(secret, { signal }),
    ),
  )
  const { items } = await backend.kube.list<Deployment>(pathOf('apps/v1/Deployment', app), { query: selector, signal })
  return plain.map((step) => {
    const live = items.find((one) => nameOf(one) === deploymentName(app, step.type))
    return { ...step, before: beforeOf(backend, app, step.type, live) }
  })
}

async function scaleTo(
  { kube }: Backend,
  { before: { app }, type }: Step,
  replicas: number,
  signal: AbortSignal,
): Promise<Deployment> {
  return kube.apply<Deployment>(replicasOf(app, type, replicas), { manager: managers.scale, signal })
}

async function make(backend: Backend, step: Step, replicas: number, signal: AbortSignal): Promise<Deployment> {
  const { manifest } = step
  // Without a number there would be one pod for a moment.
  await backend.kube.apply<Deployment>(
    { ...manifest, spec: { ...manifest.spec, replicas } as Deployment['spec'] },
    { signal },
  )
  return scaleTo(backend, step, replicas, signal)
}

/** Applies the manifest; the number stays as it is. */
async function change(backend: Backend, step: Step, live: Deployment, signal: AbortSignal): Promise<Deployment> {
  const fields = fieldsOf(live, managers.main)
  const counted = fields?.['f:spec']?.['f:replicas'] !== undefined && !fieldsOf(live, managers.scale)
  // We died between the two calls of `make`: left out, the number would become 1.
  if (counted) await scaleTo(backend, step, live.spec?.replicas ?? 1, signal)
  return replace(backend.kube, step.manifest, live, signal)
}

/** An autoscaler's number is its own, unless it has none to go by. */
function wantedOf({ process: { autoscale, replicas } }: Step, now: number): number {
  if (!autoscale || replicas === 0) return replicas
  return now > 0 ? now : Math.min(Math.max(replicas, autoscale.min), autoscale.max)
}

/** Starts what is new or more of one type, and waits until it is up. Fewer pods come later, when nothing can fail any more. */
async function raise(
  backend: Backend,
  formation: Formation,
  step: Step,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const { type, before, patience } = step
  const live = before.deployment
  const replicas = wantedOf(step, live?.spec?.replicas ?? 0)
  const { batchSeconds, batches, seconds } = patience
  let now = live ? await change(backend, step, live, signal) : await make(backend, step, replicas, signal)
  const same = live !== undefined && isDeepStrictEqual(now.spec?.template, live.spec?.template)
  const had = live?.spec?.replicas ?? 0
  // One thing after the other: a rollout that also changes the number would touch the pods to go back to.
  const target = same ? Math.max(replicas, had) : had || replicas
  if (live && now.spec?.replicas !== target) {
    progress(`scaling Deployment ${nameOf(live)} from ${had} to ${target} replicas`)
    now = await scaleTo(backend, step, target, signal)
  }
  const settled = same && live !== undefined && hasBeenUp(live)
  if (settled && target === had) return
  progress(
    `This deployments overall timeout is ${seconds}s - batch timeout is ${batchSeconds}s and there are ${batches} batches to deploy with a total of ${target} pods`,
  )
  const goal = {
    app: formation.app,
    type,
    replicas: step.process.autoscale ? null : target,
    generation: now.metadata?.generation ?? 0,
    known: settled ? podsOfTemplate(backend, live) : new Set<string>(),
    seconds,
    port: formation.port,
  }
  await awaitType(backend, goal, signal, progress)
  if (replicas <= target) return
  progress(`scaling Deployment ${nameOf(now)} from ${target} to ${replicas} replicas`)
  const known = podsOfTemplate(backend, backend.cluster.deployments.get(formation.app, nameOf(now)) ?? now)
  now = await scaleTo(backend, step, replicas, signal)
  await awaitType(backend, { ...goal, replicas, generation: now.metadata?.generation ?? 0, known }, signal, progress)
}

/** All at once; the first failure ends the others. */
async function raiseAll(
  backend: Backend,
  formation: Formation,
  steps: readonly Step[],
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const over = new AbortController()
  const follow = (): void => over.abort(signal.reason)
  signal.addEventListener('abort', follow, { once: true })
  if (signal.aborted) follow()
  const work = steps.map(async (step) => {
    try {
      await raise(backend, formation, step, over.signal, progress)
    } catch (error) {
      over.abort(refusal(error))
    }
  })
  await Promise.all(work)
  signal.removeEventListener('abort', follow)
  over.signal.throwIfAborted()
}

/** Nothing can fail the deploy here any more, so this also takes away. */
async function shrink(
  backend: Backend,
  formation: Formation,
  steps: readonly Step[],
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const { kube, cluster } = backend
  const { app } = formation
  const path = pathOf('autoscaling/v1/HorizontalPodAutoscaler', app)
  const { items } = await kube.list<HorizontalPodAutoscaler>(path, { query: selector, signal })
  const scaled = steps.filter(({ process }) => process.autoscale && process.replicas > 0)
  const unwanted = items.filter((one) => !scaled.some(({ type }) => deploymentName(app, type) === nameOf(one)))
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

async function restoreAll(backend: Backend, app: string, steps: readonly Step[]): Promise<void> {
  // Its own time: the caller's may be over.
  const signal = AbortSignal.timeout(restoreMs)
  const done = await Promise.allSettled(steps.map((step) => restore(backend, step.before, signal)))
  for (const one of done)
    if (one.status === 'rejected') backend.options.log('error', 'going back failed', { app, err: one.reason })
  await removeOldSecrets(backend, app, signal).catch((error: unknown) =>
    backend.options.log('warn', 'secrets of a failed release stay', { app, err: error }),
  )
}

export async function applyFormation(
  backend: Backend,
  formation: Formation,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const { app, routable, port } = formation
  await makeRoom(backend, app, signal)
  await removeStrays(backend, app, signal)
  const steps = await stepsOf(backend, formation, signal).catch((error: unknown) => {
    throw refusal(error)
  })
  const active = steps.filter(({ process }) => process.replicas > 0)
  try {
    await raiseAll(backend, formation, active, signal, progress)
    await pointService(backend, app, routable, port, signal)
  } catch (error) {
    await restoreAll(backend, app, active)
    throw signal.aborted ? signal.reason : error
  }
  await shrink(backend, formation, steps, signal, progress)
  await removeOldSecrets(backend, app, signal)
}
