// How do new pods replace old ones, all of them or none?
import { groupMembers } from '@deis/machine/pid'
import { countOf, deadlineSeconds, takeOver } from '@deis/ports/take-over'
import { DeployFailure, type Formation, type Progress } from '@deis/ports/scheduler'
import { type Backend, openApp, type ProcessApp } from './backend.ts'
import { exitFailure } from '@deis/ports/exit'
import { lateFailure, memoryFailure, systemFailure } from './diagnose.ts'
import { clearGroup } from './launch.ts'
import { prepareStart, startInHome, unpackedAtOnce, wasKilledForMemory, watchPod } from './process.ts'
import { listeningPorts } from './listening.ts'
import { type Pod, save } from './pod.ts'
import { retire, stopPod, supervise } from './supervise.ts'
import { addPod, requireSlug, servingOf, stay } from './wanted.ts'

/** Pods that never served get no longer than this to end. */
const failedGraceSeconds = 10

/** Fails with the output of the process when it ends before `signal` is aborted. */
async function failAtExit(
  backend: Backend,
  pod: Pod,
  signal: AbortSignal,
  fail: (error: unknown) => void,
): Promise<void> {
  const process = pod.process
  const exit = await process?.exited
  if (!process || !exit || signal.aborted) return
  await clearGroup(process)
  await pod.output?.poll()
  const lines = pod.output?.last() ?? []
  const { type, spec, broken } = pod
  fail(
    (await wasKilledForMemory(backend, pod))
      ? memoryFailure(type, exit, spec?.memory, lines)
      : exitFailure(type, exit, lines, broken),
  )
}

async function lateness(pod: Pod, seconds: number): Promise<DeployFailure> {
  await pod.output?.poll()
  const { type, routable, port, reason, process } = pod
  const lines = pod.output?.last() ?? []
  const listening = process ? await listeningPorts(await groupMembers(process.identity.pid)) : []
  return lateFailure({
    type,
    routable,
    port,
    seconds,
    reason: process && (reason ?? 'it only just started'),
    listening,
    lines,
  })
}

/** In as many shares as are unpacked at once. */
function shares(pods: readonly Pod[]): (readonly [Pod, ...Pod[]])[] {
  return Array.from({ length: unpackedAtOnce }, (_, share) =>
    pods.filter((_pod, index) => index % unpackedAtOnce === share),
  ).filter((some): some is [Pod, ...Pod[]] => some.length > 0)
}

/** Starts a pod for each of `types`; when they and `waitFor` are ready they replace `old`. Otherwise nothing changes. */
async function replace(
  backend: Backend,
  formation: Formation,
  { types, waitFor, old }: { types: readonly string[]; waitFor: readonly Pod[]; old: readonly Pod[] },
  signal: AbortSignal,
): Promise<Pod[]> {
  const app = openApp(backend, formation.app)
  const seconds = deadlineSeconds(formation)
  // The programs that unpack start while ports are taken and the state is saved.
  const { archiver, copies } = backend.options
  const { artifact } = formation
  const ready = artifact.kind === 'slug' ? copies.count({ app: app.id, digest: artifact.digest }) : 0
  archiver.expect(0, Math.min(Math.max(types.length - ready, 0), unpackedAtOnce))
  const added = await takeOver<Pod>(
    {
      types,
      waitFor,
      seconds,
      // At the same time, so that one change of the firewall closes all of their ports.
      add: (type) => addPod(backend, app, formation, type),
      async keep(pods) {
        if (pods.length === 0) return
        // Saved before anything runs, so that it is found again after the controller was killed.
        await save(backend, app)
        backend.changed(app.id)
      },
      async start(all, over, up, fail) {
        const bringUp = async (pod: Pod): Promise<void> => {
          try {
            over.throwIfAborted()
            await startInHome(backend, pod)
          } catch (error) {
            return fail(systemFailure(pod.type, error))
          }
          void failAtExit(backend, pod, over, fail)
          await watchPod(backend, pod)
          await up(pod)
        }
        const started = shares(all).map(async (pods) => {
          try {
            await prepareStart(backend, pods, over)
          } catch (error) {
            return fail(systemFailure([...new Set(pods.map(({ type }) => type))].join(', '), error))
          }
          await Promise.allSettled(pods.map(bringUp))
        })
        await Promise.allSettled(started)
      },
      late: (pod) => lateness(pod, seconds),
      explain: (names, error) => systemFailure(names || app.id, error),
      async serve(pods) {
        for (const pod of pods) pod.stage = 'serving'
        for (const pod of old) pod.stage = 'stopping'
        await save(backend, app)
      },
      async undo(pods) {
        for (const pod of old) pod.stage = 'serving'
        await Promise.all(
          pods.map((pod) => stopPod(backend, pod, Math.min(pod.graceSeconds, failedGraceSeconds) * 1000)),
        )
      },
    },
    signal,
  )
  for (const pod of added) pod.supervision = supervise(backend, pod)
  for (const pod of old) retire(backend, pod)
  app.formation = formation
  backend.changed(app.id)
  return added
}

export async function applyFormation(
  backend: Backend,
  formation: Formation,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  await requireSlug(backend, formation)
  const app = openApp(backend, formation.app)
  const { add, retire: old, changed } = await stay(backend, app, formation)
  if (add.length > 0) progress(`starting ${countOf(add)}`)
  await replace(backend, formation, { types: add, waitFor: changed, old }, signal)
  if (add.length > 0) progress(`${countOf(add)} ready`)
}

export async function restartPods(
  backend: Backend,
  app: ProcessApp,
  which: { readonly type?: string; readonly name?: string },
  signal: AbortSignal,
): Promise<Pod[]> {
  const old = servingOf(app).filter((pod) =>
    which.name === undefined ? which.type === undefined || pod.type === which.type : pod.name === which.name,
  )
  if (old.length === 0) return []
  if (!app.formation)
    throw new DeployFailure(
      `"${app.id}" has not been applied since the platform started, so its processes cannot be replaced yet`,
      [],
      'Try again in a moment.',
    )
  return replace(backend, app.formation, { types: old.map((pod) => pod.type), waitFor: [], old }, signal)
}
