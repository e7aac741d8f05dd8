// How does a pod stay up, and how does it end?
import { setTimeout as sleep } from 'node:timers/promises'
import { discard } from '@deis/machine/discard'
import { isAlive, killAll, stopGroup, withVariable } from '@deis/machine/pid'
import { type Backend, inBackground } from './backend.ts'
import { exitText } from '@deis/ports/exit'
import { clearGroup, podVariable } from './launch.ts'
import { startLife, watchPod } from './life.ts'
import { type Pod, save, say } from './pod.ts'
import { podFolder } from './state.ts'
import { within } from './within.ts'

const drainMs = 30_000
const firstPauseMs = 1000
const longestPauseMs = 60_000
const soundAfterMs = 60_000

/** Starts the pod again whenever it ends, until it shall end. Without a spec there is nothing to start: it is forgotten. */
export async function supervise(backend: Backend, pod: Pod): Promise<void> {
  const { signal } = pod.end
  const aborted = new Promise<null>((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
  let pause = firstPauseMs
  let trouble: string | null = null
  while (!signal.aborted) {
    if (pod.life) {
      const exit = await Promise.race([pod.life.exited, aborted])
      if (exit === null || signal.aborted) return
      if (Date.now() - pod.started.getTime() >= soundAfterMs) pause = firstPauseMs
      await clearGroup(pod.life)
      trouble = `process ${exitText(exit)}${pod.broken ? ` (${pod.broken})` : ''}`
    }
    Object.assign(pod, { life: null, ready: false, reason: null, broken: null, state: 'error' })
    backend.changed(pod.app.id)
    await pod.output?.poll()
    if (!pod.spec) {
      await say(pod, `${trouble}, waiting for the platform to start it again`)
      inBackground(backend, pod.app, 'a pod could not be removed', () => stopPod(backend, pod, 0))
      return
    }
    await say(pod, `${trouble}, restarting in ${pause / 1000}s`)
    try {
      await sleep(pause, undefined, { signal })
      pause = Math.min(pause * 2, longestPauseMs)
      await startLife(backend, pod, signal)
      await watchPod(backend, pod)
    } catch (error) {
      if (signal.aborted) return
      trouble = `process could not be started: ${(error as Error).message}`
    }
  }
}

/**
 * Ends the pod and deletes what there is of it.
 * @returns false when `signal` was aborted before that was done.
 */
export async function stopPod(backend: Backend, pod: Pod, graceMs: number, signal?: AbortSignal): Promise<boolean> {
  pod.end.abort()
  pod.watch.abort()
  await pod.supervision
  pod.ready = false
  if (pod.life) {
    const { identity } = pod.life
    // The group of one that has ended was cleared then; by now its number may be somebody else's.
    if ((await isAlive(identity)) && !(await stopGroup(identity.pid, graceMs, signal))) return false
  }
  pod.gone.abort(new Error(`${pod.name} has ended`))
  await killAll(() => withVariable(podVariable, pod.name))
  await pod.output?.close({ flush: true })
  await discard(podFolder(backend.options.folder, pod.app.id, pod.name))
  if (pod.app.pods.delete(pod.name)) backend.ports.giveBack(pod.port)
  // It is gone in any case; a record too many does no harm, the next write or the next start removes it.
  await save(backend, pod.app).catch((error: unknown) =>
    backend.options.log('error', 'state was not saved', { pod: pod.name, error }),
  )
  backend.changed(pod.app.id)
  return true
}

/** Behind: waits until no request is on its way to the pod any more, then ends it. */
export function retire(backend: Backend, pod: Pod): void {
  const { app, address, life } = pod
  const leave = app.leave.signal
  pod.end.abort()
  pod.watch.abort()
  pod.state = 'terminating'
  backend.changed(app.id)
  inBackground(backend, app, 'a pod could not be stopped', async () => {
    let draining = true
    void life?.exited.then(() => (draining ? clearGroup(life) : undefined))
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
