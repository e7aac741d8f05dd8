// When have processes that were started again settled, each by itself, and which of them are not ready?
import { setMaxListeners } from 'node:events'
import { deadlineSeconds, type SwapPod } from './take-over.ts'
import type { Formation } from './scheduler.ts'

/** A process that is to run and is not ready. */
export type Unready = {
  readonly pod: string
  readonly type: string
  readonly cause: string
  /** It has ended, or could not be started; otherwise it has not become ready yet. */
  readonly failed: boolean
}

export type ResumedPod = SwapPod & {
  readonly name: string
  /** How its last process ended, or why none could be started; null: it is ready, or was not started before. */
  readonly problem: string | null
  /** What it waits for to become ready. */
  readonly reason: string | null
  /** Called whenever its process has ended, or could not be started. */
  readonly whenFailed: Set<() => void>
}

/** So long at most others wait for it: the next app, and a deploy that is carried on. */
const longestSeconds = 10

export const settleSeconds = (formation: Formation): number => Math.min(longestSeconds, deadlineSeconds(formation))

function isSettled(pod: ResumedPod, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      pod.whenReady.delete(done)
      pod.whenFailed.delete(done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    pod.whenReady.add(done)
    pod.whenFailed.add(done)
    signal.addEventListener('abort', done, { once: true })
    if (pod.ready || pod.problem !== null || signal.aborted) done()
  })
}

/** Resolves when each of them is ready or has failed, at the latest after that time. @throws the signal's reason */
export async function settle(pods: readonly ResumedPod[], seconds: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  // Each pod waits with it.
  setMaxListeners(0, over.signal)
  const end = (): void => over.abort()
  const timer = setTimeout(end, seconds * 1000)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  await Promise.all(pods.map((pod) => isSettled(pod, over.signal)))
  clearTimeout(timer)
  signal.removeEventListener('abort', end)
  signal.throwIfAborted()
}

export function unreadyOf(pods: readonly ResumedPod[]): Unready[] {
  return pods
    .filter(({ ready }) => !ready)
    .map(({ name, type, problem, reason }) => ({
      pod: name,
      type,
      cause: problem ?? reason ?? 'it was started a moment ago',
      failed: problem !== null,
    }))
}
