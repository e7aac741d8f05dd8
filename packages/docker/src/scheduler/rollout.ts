// How do new containers replace old ones, all of them or none?
import { countOf, deadlineSeconds, takeOver } from '@deis/ports/take-over'
import { DeployFailure, type Formation, type ProcessSpec, type Progress } from '@deis/ports/scheduler'
import { type Backend, type DockerApp, openApp } from './backend.ts'
import { endFailure, lateFailure, startFailure } from './diagnose.ts'
import { watchPod } from './health.ts'
import type { Pod } from './pod.ts'
import { ensureImage } from './running.ts'
import { lastLines, retire, startPod, stopPod, supervise } from './supervise.ts'
import { addPod, saveNames, servingOf, specOf, stay } from './wanted.ts'

/** Pods that never served get no longer than this to end. */
const failedGraceSeconds = 10

/** Once for all pods, and before their time begins: a large image takes as long as it takes. */
async function fetchImage(
  backend: Backend,
  formation: Formation,
  type: string,
  what: string,
  signal: AbortSignal,
): Promise<void> {
  const { artifact } = formation
  // A container that runs keeps its image.
  const isHeld = (pod: Pod): boolean =>
    artifact.kind === 'image' &&
    pod.ready &&
    pod.spec?.artifact.kind === 'image' &&
    pod.spec.artifact.reference === artifact.reference
  if (servingOf(openApp(backend, formation.app)).some(isHeld)) return
  try {
    await ensureImage(backend, specOf(formation, type, formation.processes[type] as ProcessSpec), signal)
  } catch (error) {
    throw signal.aborted ? error : startFailure(what, error)
  }
}

/** Fails with the output of the container when it ends before `signal` is aborted. */
async function failAtEnd(pod: Pod, signal: AbortSignal, fail: (error: unknown) => void): Promise<void> {
  const ended = await pod.container?.exited.catch(() => null)
  if (!ended || signal.aborted) return
  fail(endFailure(pod, ended, await lastLines(pod)))
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
  const save = (more: readonly Pod[], less: readonly Pod[]): Promise<void> => saveNames(backend, app, more, less)
  const [type] = types
  if (type !== undefined) await fetchImage(backend, formation, type, countOf(types), signal)
  const added = await takeOver<Pod>(
    {
      types,
      waitFor,
      seconds,
      add: async (type) => addPod(app, formation, type),
      async keep() {
        await save([], [])
        backend.changed(app.id)
      },
      async start(pods, over, up, fail) {
        const bringUp = async (pod: Pod): Promise<void> => {
          try {
            await startPod(backend, pod, over)
          } catch (error) {
            return fail(over.aborted ? error : startFailure(pod.type, error))
          }
          void failAtEnd(pod, over, fail)
          watchPod(backend, pod)
          await up(pod)
        }
        await Promise.allSettled(pods.map(bringUp))
      },
      late: async (pod) => lateFailure(pod, seconds, pod.container?.output.last() ?? []),
      explain: (names, error) => startFailure(names || app.id, error),
      async serve(pods) {
        await save(pods, old)
        for (const pod of pods) pod.stage = 'serving'
        for (const pod of old) pod.stage = 'stopping'
      },
      async undo(pods) {
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
  const app = openApp(backend, formation.app)
  await backend.options.networks.ensure(app.id, signal)
  const { add, retire: old, changed } = stay(backend, app, formation)
  if (add.length > 0) progress(`starting ${countOf(add)}`)
  await replace(backend, formation, { types: add, waitFor: changed, old }, signal)
  if (add.length > 0) progress(`${countOf(add)} ready`)
}

export async function restartPods(
  backend: Backend,
  app: DockerApp,
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
