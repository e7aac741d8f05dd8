// How is what runs brought to a formation, with all of its types or none?
import { isDeepStrictEqual } from 'node:util'
import { KubeError } from '../../client/error.ts'
import { DeployFailure, type Formation, type Progress } from '@deis/ports/scheduler'
import { type Backend, nameOf } from '../backend.ts'
import { securityHint } from '../refusal.ts'
import { restore } from './restore.ts'
import { awaitType, hasBeenUp, podsOfTemplate } from './rollout.ts'
import { enforce } from '../namespace-policy.ts'
import { ensureNamespace, pointService, removeOrphans } from '../namespace.ts'
import { isRestricted, levelFor } from '../manifests/security.ts'
import { scalersOf, shrink } from './shrink.ts'
import { change, make, scaleTo, type Step, stepsOf, wantedOf } from './steps.ts'
import { removeOldSecrets } from './tidy.ts'

const restoreMs = 120_000

/** A refusal that a retry does not change is a failure of the release, not of the cluster. */
export function refusal(error: unknown): unknown {
  if (!(error instanceof KubeError) || ![400, 403, 413, 422].includes(error.status)) return error
  return new DeployFailure(
    `the cluster refuses it: ${error.message}`,
    [],
    securityHint(error.message) ??
      (error.status === 403
        ? "It may be a quota, or a right that the platform lacks: show this to the platform's admin."
        : 'Change what it names and deploy again.'),
  )
}

/** Starts the new or additional pods of one type, and waits until they are up. Surplus pods go later, when nothing can fail any more. */
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
  // One step after the other: a rollout that also changes the number would change the old pods, too.
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

async function restoreAll(backend: Backend, app: string, steps: readonly Step[]): Promise<void> {
  // A deadline of its own: the caller's may be over.
  const signal = AbortSignal.timeout(restoreMs)
  const done = await Promise.allSettled(steps.map((step) => restore(backend, step.before, signal)))
  for (const one of done)
    if (one.status === 'rejected')
      backend.options.log('error', 'restoring the previous state failed', { app, err: one.reason })
  await removeOldSecrets(backend, app, signal).catch((error: unknown) =>
    backend.options.log('warn', 'secrets of a failed release were not deleted', { app, err: error }),
  )
}

type Prepared = {
  readonly steps: readonly Step[]
  /** Removes what the formation no longer wants, when nothing can fail any more. */
  finish(progress: Progress): Promise<void>
}

/** What pods of the formation need: a namespace, secrets, and what is there of each type. */
export async function prepare(backend: Backend, formation: Formation, signal: AbortSignal): Promise<Prepared> {
  const { app, artifact } = formation
  const found = await ensureNamespace(backend, app, signal)
  const level = levelFor(artifact.kind === 'image' ? artifact : null, backend.options.podSecurity)
  // If this fails, the previous pods must be able to start again: stricter rules come at the end.
  const namespace = level === 'restricted' ? found : await enforce(backend, app, found, level, signal)
  await removeOrphans(backend, app, signal)
  const [steps, scalers] = await Promise.all([
    stepsOf(backend, formation, isRestricted(artifact, namespace), signal),
    scalersOf(backend, app, signal),
  ]).catch((error: unknown) => {
    throw refusal(error)
  })
  return {
    steps,
    async finish(progress) {
      await Promise.all([
        shrink(backend, formation, { steps, scalers }, signal, progress),
        enforce(backend, app, namespace, level, signal),
        removeOldSecrets(backend, app, signal, formation.release),
      ])
    },
  }
}

export async function applyFormation(
  backend: Backend,
  formation: Formation,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const { app, routable, port } = formation
  const { steps, finish } = await prepare(backend, formation, signal)
  const active = steps.filter(({ process }) => process.replicas > 0)
  try {
    await raiseAll(backend, formation, active, signal, progress)
    await pointService(backend, app, routable, port, signal)
  } catch (error) {
    await restoreAll(backend, app, active)
    throw signal.aborted ? signal.reason : error
  }
  await finish(progress)
}
