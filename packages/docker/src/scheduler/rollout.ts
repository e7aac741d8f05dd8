// How do new containers replace old ones, all of them or none?
import { podName } from '@deis/ports/names'
import { countOf, deadlineSeconds, planRollout, takeOver } from '@deis/ports/take-over'
import { DeployFailure, type Formation, type ProcessSpec, type Progress } from '@deis/ports/scheduler'
import { type Backend, type DockerApp, openApp } from './backend.ts'
import { endFailure, lateFailure, startFailure } from './diagnose.ts'
import { watchPod } from './health.ts'
import { newPod, type Pod, type Spec } from './pod.ts'
import { ensureImage } from './running.ts'
import { saveServing } from './state.ts'
import { lastLines, retire, startPod, stopPod, supervise } from './supervise.ts'

/** Pods that never served get no longer than this to end. */
const failedGraceSeconds = 10

function specOf(formation: Formation, type: string, process: ProcessSpec): Spec {
  return {
    artifact: formation.artifact,
    command: process.command,
    env: formation.env,
    ...(process.memory === undefined ? {} : { memory: process.memory }),
    ...(process.cpu === undefined ? {} : { cpu: process.cpu }),
    port: formation.routable === type ? formation.port : null,
    ...(process.readinessProbe ? { readiness: process.readinessProbe } : {}),
    ...(process.livenessProbe ? { liveness: process.livenessProbe } : {}),
    registry: formation.registry,
    pullPolicy: formation.pullPolicy,
  }
}

function addPod(app: DockerApp, formation: Formation, type: string): Pod {
  const process = formation.processes[type] as ProcessSpec
  const pod = newPod({
    name: podName(app.id, type, formation.release),
    app,
    type,
    release: formation.release,
    spec: specOf(formation, type, process),
    graceSeconds: process.graceSeconds,
    routable: formation.routable === type,
    stage: 'starting',
  })
  app.pods.set(pod.name, pod)
  return pod
}

/** Once for all pods, and before their time begins: a large image takes as long as it takes. */
async function fetchImage(
  backend: Backend,
  formation: Formation,
  type: string,
  what: string,
  signal: AbortSignal,
): Promise<void> {
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
  const save = (more: readonly Pod[], less: readonly Pod[] = []): Promise<void> => {
    const serving = [...app.pods.values()].filter((pod) => pod.stage === 'serving' && !less.includes(pod))
    return saveServing(
      backend.options.stateFolder,
      app.id,
      [...new Set([...serving, ...more])].map(({ name }) => name),
    )
  }
  const [type] = types
  if (type !== undefined) await fetchImage(backend, formation, type, countOf(types), signal)
  const added = await takeOver<Pod>(
    {
      types,
      waitFor,
      seconds,
      add: async (type) => addPod(app, formation, type),
      async keep() {
        // From here on a container that is not named there never served.
        await save([])
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
  const serving = [...app.pods.values()].filter((pod) => pod.stage === 'serving')
  const candidates = serving.map((pod) => ({
    pod,
    type: pod.type,
    release: pod.release,
    started: pod.started,
    ok: pod.ready,
  }))
  const plan = planRollout(candidates, formation)
  const waitFor: Pod[] = []
  for (const { pod } of plan.keep) {
    const process = formation.processes[pod.type] as ProcessSpec
    const routable = formation.routable === pod.type
    const changed = pod.spec === null || pod.routable !== routable
    if (routable && !pod.routable) Object.assign(pod, { ready: pod.address !== null && pod.ready })
    Object.assign(pod, { routable, spec: specOf(formation, pod.type, process), graceSeconds: process.graceSeconds })
    if (changed) watchPod(backend, pod)
    // A pod that waits for its restart was ready once: it does not delay the others.
    if (changed && pod.container) waitFor.push(pod)
  }
  if (plan.add.length > 0) progress(`starting ${countOf(plan.add)}`)
  await replace(backend, formation, { types: plan.add, waitFor, old: plan.retire.map(({ pod }) => pod) }, signal)
  if (plan.add.length > 0) progress(`${countOf(plan.add)} ready`)
}

export async function restartPods(
  backend: Backend,
  app: DockerApp,
  which: { readonly type?: string; readonly name?: string },
  signal: AbortSignal,
): Promise<Pod[]> {
  const old = [...app.pods.values()].filter(
    (pod) =>
      pod.stage === 'serving' &&
      (which.name === undefined ? which.type === undefined || pod.type === which.type : pod.name === which.name),
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
