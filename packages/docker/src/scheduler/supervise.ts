// How is a pod kept running, and how does it end?
import { setTimeout as sleep } from 'node:timers/promises'
import { within } from '@deis/lib/within'
import { type Backend, inBackground } from './backend.ts'
import { endedText } from './diagnose.ts'
import { watchPod } from './health.ts'
import { logLine, type Pod } from './pod.ts'
import { clearName, startContainer, stopContainer } from './running.ts'
import { isAway } from '../engine/error.ts'
import { removeContainer } from '../engine/remove.ts'

const drainMs = 30_000
const firstPauseMs = 1000
const longestPauseMs = 60_000
const stableAfterMs = 60_000
/** Between two questions whether the engine answers again. */
const awayMs = 1000
/** How long the last lines of a container may take to come. */
const lastLinesMs = 5_000
/** While the engine is away. */
const retryMs = 5_000
const never = new AbortController().signal

/** Starts the pod's next container, and watches it. */
export async function startPod(backend: Backend, pod: Pod, signal: AbortSignal): Promise<void> {
  pod.container = await startContainer(backend, pod, signal)
  pod.started = pod.container.started
  pod.state = 'starting'
  backend.changed(pod.app.id)
}

/** All lines of a container that has ended, or most of them. */
export async function lastLines(pod: Pod): Promise<readonly string[]> {
  const output = pod.container?.output
  if (!output) return []
  await Promise.race([output.ended, sleep(lastLinesMs, undefined, { ref: false })])
  return output.last()
}

/** Resolves when the engine answers. */
async function engineBack({ options: { engine } }: Backend, signal: AbortSignal): Promise<void> {
  const ping = { method: 'GET', path: '/_ping', ms: 10_000 } as const
  for (;;) {
    await sleep(awayMs, undefined, { signal })
    try {
      return await engine.send('asking whether Docker answers', ping, signal)
    } catch {
      signal.throwIfAborted()
    }
  }
}

/**
 * Says that its container has ended, or could not be started, and when the next one is. One that runs prints no last line. False:
 * it is removed.
 */
async function isToRestart(backend: Backend, pod: Pod, when: string, hasEnded: boolean): Promise<boolean> {
  Object.assign(pod, { ready: false, reason: null, broken: null, state: 'error' })
  for (const notify of pod.whenFailed) notify()
  backend.changed(pod.app.id)
  if (hasEnded) await lastLines(pod)
  if (pod.container) {
    const { id, output } = pod.container
    pod.container = null
    await output.stop()
    await removeContainer(backend.options.engine, id).catch(() => {})
  }
  if (pod.spec) {
    await logLine(pod, `${pod.problem}, restarting ${when}`)
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
  /** Its last end, or failure to start, was the engine's: it does not count against the app. */
  let isEngines = false
  while (!signal.aborted) {
    let hasEnded = true
    if (pod.container) {
      const ended = await Promise.race([pod.container.exited.catch(() => null), aborted])
      if (ended === null || signal.aborted) return
      hasEnded = ended.again !== true
      isEngines = ended.withEngine === true
      if (Date.now() - pod.started.getTime() >= stableAfterMs) pause = firstPauseMs
      pod.problem = `process ${endedText(ended)}${pod.broken === null ? '' : ` (${pod.broken})`}`
    }
    const when = isEngines ? 'when the engine answers' : `in ${pause / 1000}s`
    if (pod.problem !== null && !(await isToRestart(backend, pod, when, hasEnded))) return
    const counts = pod.problem !== null && !isEngines
    try {
      if (counts) await sleep(pause, undefined, { signal })
      else if (isEngines) await engineBack(backend, signal)
      await startPod(backend, pod, signal)
      watchPod(backend, pod)
      isEngines = false
    } catch (error) {
      if (signal.aborted) return
      pod.problem = `process could not be started: ${(error as Error).message}`
      // An engine that answers, but not to this, is paused for.
      isEngines = isAway(error) && !isEngines
    }
    // With the engine away by now, its end was the engine's, too.
    if (counts && !isEngines) pause = Math.min(pause * 2, longestPauseMs)
  }
}

/** What the engine made of it, or is about to make, although its answer did not come. */
async function clearLeft(backend: Backend, { app, name }: Pod): Promise<void> {
  const { engine, platform } = backend.options
  const leave = app.leave.signal
  const clear = () => clearName(engine, name, platform, never)
  await clear().catch((error: unknown) => {
    if (!isAway(error)) return
    inBackground(backend, app, 'a container could not be deleted', async () => {
      for (;;) {
        await sleep(retryMs, undefined, { signal: leave })
        const isDone = await clear().then(
          () => true,
          (again: unknown) => !isAway(again),
        )
        if (isDone) return
      }
    })
  })
}

/**
 * Ends the pod and deletes its container.
 * @returns false when `signal` was aborted before that was done.
 */
export async function stopPod(backend: Backend, pod: Pod, graceMs: number, signal?: AbortSignal): Promise<boolean> {
  pod.end.abort()
  pod.watch.abort()
  await pod.supervision
  pod.ready = false
  pod.gone.abort(new Error(`${pod.name} has ended`))
  if (!pod.container) await clearLeft(backend, pod)
  else if (!(await stopContainer(backend, pod.container, graceMs, signal))) return false
  pod.container = null
  pod.app.pods.delete(pod.name)
  backend.changed(pod.app.id)
  return true
}

/** In the background: waits until no more requests are on their way to the pod, then ends it. */
export function retire(backend: Backend, pod: Pod): void {
  const { app, address } = pod
  const leave = app.leave.signal
  pod.end.abort()
  pod.watch.abort()
  pod.state = 'terminating'
  backend.changed(app.id)
  inBackground(backend, app, 'a pod could not be stopped', async () => {
    if (address !== null) {
      const warn = (error: unknown): void => {
        if (!leave.aborted) backend.options.log('warn', 'stopped before it was drained', { pod: pod.name, err: error })
      }
      await within(leave, drainMs, (signal) => backend.options.drained(app.id, address, signal)).catch(warn)
    }
    if (!leave.aborted) await stopPod(backend, pod, pod.graceSeconds * 1000, leave)
  })
}
