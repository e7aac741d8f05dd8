// How is a pod kept running, and how does it end?
import { setTimeout as sleep } from 'node:timers/promises'
import { discard } from '@deis/machine/discard'
import { isAlive, killAll, stopGroup, withVariable } from '@deis/machine/pid'
import { type Backend, inBackground } from './backend.ts'
import { exitText } from '@deis/ports/exit'
import { clearGroup, podVariable } from './launch.ts'
import { memoryText } from './diagnose.ts'
import { startProcess, wasKilledForMemory, watchPod } from './process.ts'
import { logLine, type Pod, podFolder, save } from './pod.ts'
import { within } from '@deis/lib/within'

const drainMs = 30_000
const firstPauseMs = 1000
const longestPauseMs = 60_000
const stableAfterMs = 60_000

/** Says that its process has ended, or could not be started. False: it is removed. */
async function isToRestart(backend: Backend, pod: Pod, pause: number): Promise<boolean> {
  Object.assign(pod, { process: null, ready: false, reason: null, broken: null, state: 'error' })
  for (const notify of pod.whenFailed) notify()
  backend.changed(pod.app.id)
  await pod.output?.poll()
  if (pod.spec) {
    await logLine(pod, `${pod.problem}, restarting in ${pause / 1000}s`)
    return true
  }
  await logLine(pod, `${pod.problem}, waiting for the platform to start it again`)
  inBackground(backend, pod.app, 'a pod could not be removed', () => stopPod(backend, pod, 0))
  return false
}

/** Starts the pod unless it runs, and again whenever it ends, until it is stopped. Without a spec that is impossible: it is removed. */
export async function supervise(backend: Backend, pod: Pod): Promise<void> {
  const { signal } = pod.end
  const aborted = new Promise<null>((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
  let pause = firstPauseMs
  while (!signal.aborted) {
    if (pod.process) {
      const exit = await Promise.race([pod.process.exited, aborted])
      if (exit === null || signal.aborted) return
      if (Date.now() - pod.started.getTime() >= stableAfterMs) pause = firstPauseMs
      await clearGroup(pod.process)
      const how = (await wasKilledForMemory(backend, pod)) ? memoryText(exit, pod.spec?.memory) : exitText(exit)
      pod.problem = `process ${how}${pod.broken ? ` (${pod.broken})` : ''}`
    }
    if (pod.problem !== null && !(await isToRestart(backend, pod, pause))) return
    try {
      if (pod.problem !== null) {
        await sleep(pause, undefined, { signal })
        pause = Math.min(pause * 2, longestPauseMs)
      }
      await startProcess(backend, pod, signal)
      await watchPod(backend, pod)
    } catch (error) {
      if (signal.aborted) return
      pod.problem = `process could not be started: ${(error as Error).message}`
    }
  }
}

/**
 * Ends the pod and deletes its files.
 * @returns false when `signal` was aborted before that was done.
 */
export async function stopPod(backend: Backend, pod: Pod, graceMs: number, signal?: AbortSignal): Promise<boolean> {
  pod.end.abort()
  pod.watch.abort()
  await pod.supervision
  pod.ready = false
  if (pod.process) {
    const { identity } = pod.process
    // When a process ends its group is cleared; by now its number may belong to another process.
    if ((await isAlive(identity)) && !(await stopGroup(identity.pid, graceMs, signal))) return false
  }
  pod.gone.abort(new Error(`${pod.name} has ended`))
  await killAll(() => withVariable(podVariable, pod.name))
  await pod.output?.close({ flush: true })
  await discard(podFolder(backend.options.folder, pod.app.id, pod.name))
  if (pod.app.pods.delete(pod.name)) backend.ports.giveBack(pod.port)
  // It is gone in any case; a leftover record does no harm, the next write or the next start removes it.
  await save(backend, pod.app).catch((error: unknown) =>
    backend.options.log('error', 'state was not saved', { pod: pod.name, error }),
  )
  backend.changed(pod.app.id)
  return true
}

/** In the background: waits until no more requests are on their way to the pod, then ends it. */
export function retire(backend: Backend, pod: Pod): void {
  const { app, address, process } = pod
  const leave = app.leave.signal
  pod.end.abort()
  pod.watch.abort()
  pod.state = 'terminating'
  backend.changed(app.id)
  inBackground(backend, app, 'a pod could not be stopped', async () => {
    let draining = true
    void process?.exited.then(() => (draining ? clearGroup(process) : undefined))
    if (address !== null) {
      const warn = (error: unknown): void => {
        if (!leave.aborted) backend.options.log('warn', 'stopped before it was drained', { pod: pod.name, error })
      }
      await within(leave, drainMs, (signal) => backend.options.drained(app.id, address, signal)).catch(warn)
    }
    draining = false
    if (!leave.aborted) await stopPod(backend, pod, pod.graceSeconds * 1000, leave)
  })
}
