// How do new pods replace old ones, all of them or none?
import { access } from 'node:fs/promises'
import { groupMembers } from '@deis/machine/pid'
import { slugFile } from '@deis/machine/slugs'
import { podName } from '@deis/ports/names'
import { countOf, deadlineSeconds, planRollout, takeOver } from '@deis/ports/take-over'
import { DeployFailure, type Formation, type ProcessSpec, type Progress } from '@deis/ports/scheduler'
import { type Backend, openApp, type ProcessApp } from './backend.ts'
import { exitFailure } from '@deis/ports/exit'
import { lateFailure, memoryFailure, systemFailure } from './diagnose.ts'
import { clearGroup } from './launch.ts'
import { prepareStart, startInHome, unpackedAtOnce, wasKilledForMemory, watchPod } from './process.ts'
import { listeningPorts } from './listening.ts'
import { newPod, type Pod, save, type Spec } from './pod.ts'
import { retire, stopPod, supervise } from './supervise.ts'

/** Pods that never served get no longer than this to end. */
const failedGraceSeconds = 10

function specOf(formation: Formation, type: string, process: ProcessSpec): Spec {
  if (process.command === null)
    throw new DeployFailure(`${type} has no command`, [], `Add a line \`${type}: COMMAND\` to the Procfile.`)
  return {
    artifact: formation.artifact,
    command: process.command,
    env: formation.env,
    memory: process.memory,
    cpu: process.cpu,
    readiness: process.readinessProbe,
    liveness: process.livenessProbe,
  }
}

async function addPod(backend: Backend, app: ProcessApp, formation: Formation, type: string): Promise<Pod> {
  const process = formation.processes[type] as ProcessSpec
  const spec = specOf(formation, type, process)
  const runAs = await backend.options.accounts.of(app.id)
  const pod = newPod({
    name: podName(app.id, type, formation.release),
    app,
    type,
    release: formation.release,
    port: await backend.ports.take(runAs?.uid ?? null),
    spec,
    graceSeconds: process.graceSeconds,
    routable: formation.routable === type,
    stage: 'starting',
  })
  app.pods.set(pod.name, pod)
  return pod
}

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
  const { artifact } = formation
  if (artifact.kind !== 'slug')
    throw new DeployFailure(
      'this platform (one machine without a container runtime) cannot run images',
      [],
      'Push source code, or run the platform on Docker or Kubernetes.',
    )
  await access(slugFile(backend.options.slugFolder, artifact.digest)).catch(() => {
    throw new DeployFailure(
      `the slug "${artifact.digest}" is not on this machine`,
      [],
      'Push the app again to build it.',
    )
  })
  const app = openApp(backend, formation.app)
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
    if (changed) await watchPod(backend, pod)
    // A pod that waits for its restart was ready once: it does not delay the others.
    if (changed && pod.process) waitFor.push(pod)
  }
  if (plan.add.length > 0) progress(`starting ${countOf(plan.add)}`)
  await replace(backend, formation, { types: plan.add, waitFor, old: plan.retire.map(({ pod }) => pod) }, signal)
  if (plan.add.length > 0) progress(`${countOf(plan.add)} ready`)
}

export async function restartPods(
  backend: Backend,
  app: ProcessApp,
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
