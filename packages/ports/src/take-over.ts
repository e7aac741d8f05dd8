// Which new pods take over from which old ones, all of them or none, where the backend itself starts and watches them?
import { setMaxListeners } from 'node:events'
import { DeployFailure, type Formation } from './scheduler.ts'

export type Candidate = {
  readonly type: string
  readonly release: number
  readonly started: Date
  readonly ok: boolean
}

export type Plan<P> = {
  readonly keep: readonly P[]
  /** One entry for each pod to add: its type. */
  readonly add: readonly string[]
  readonly retire: readonly P[]
}

/** Keeps as many pods of the formation's release as it wants: working ones first, then those that have run longest. */
export function planRollout<P extends Candidate>(pods: readonly P[], formation: Formation): Plan<P> {
  const keep: P[] = []
  const add: string[] = []
  for (const [type, { replicas }] of Object.entries(formation.processes)) {
    const kept = pods
      .filter((pod) => pod.type === type && pod.release === formation.release)
      .toSorted((one, other) => Number(other.ok) - Number(one.ok) || one.started.getTime() - other.started.getTime())
      .slice(0, replicas)
    keep.push(...kept)
    for (let missing = replicas - kept.length; missing > 0; missing--) add.push(type)
  }
  return { keep, add, retire: pods.filter((pod) => !keep.includes(pod)) }
}

export type SwapPod = {
  readonly type: string
  ready: boolean
  /** Called whenever it has become ready. */
  readonly whenReady: Set<() => void>
}

export type Swap<P extends SwapPod> = {
  /** One entry for each pod to add: its type. */
  readonly types: readonly string[]
  /** Pods that stay, and have to be ready as well. */
  readonly waitFor: readonly P[]
  readonly seconds: number
  /** Makes a pod, which does not run yet. */
  add(type: string): Promise<P>
  /** All were made. What is kept of them is found again after a kill. */
  keep(pods: readonly P[]): Promise<void>
  /** Starts them. Resolves when each is started and `up` has resolved for it, or failed. */
  start(
    pods: readonly P[],
    signal: AbortSignal,
    /** Resolves when the pod is ready, rejects when all give up. */
    up: (pod: P) => Promise<void>,
    fail: (error: unknown) => void,
  ): Promise<void>
  /** Why this one was not ready in time. */
  late(pod: P): Promise<DeployFailure>
  explain(types: string, error: unknown): DeployFailure
  /** The new ones serve from now on. */
  serve(added: readonly P[]): Promise<void>
  /** The old ones serve on, as before; the new ones end. */
  undo(added: readonly P[]): Promise<void>
}

/** Resolves when the pod is ready, rejects with the signal's reason. */
function becomesReady(pod: SwapPod, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      pod.whenReady.delete(done)
      signal.removeEventListener('abort', done)
      if (signal.aborted) reject(signal.reason as Error)
      else resolve()
    }
    pod.whenReady.add(done)
    signal.addEventListener('abort', done, { once: true })
    if (pod.ready || signal.aborted) done()
  })
}

/** DEIS_DEPLOY_TIMEOUT plus the longest initial delay of a probe (docs/contract/api.md §4.8). */
export function deadlineSeconds(formation: Formation): number {
  const delays = Object.values(formation.processes).flatMap(({ readinessProbe, livenessProbe }) => [
    readinessProbe?.initialDelaySeconds ?? 0,
    livenessProbe?.initialDelaySeconds ?? 0,
  ])
  return formation.deployTimeoutSeconds + Math.max(0, ...delays)
}

/** `web (2), worker (1)` */
export function countOf(types: readonly string[]): string {
  return [...new Set(types)].map((type) => `${type} (${types.filter((one) => one === type).length})`).join(', ')
}

/**
 * Resolves with the new pods when all are ready and serve.
 * @throws DeployFailure, the signal's reason; nothing has changed then.
 */
export async function takeOver<P extends SwapPod>(swap: Swap<P>, signal: AbortSignal): Promise<P[]> {
  const { types, waitFor, seconds } = swap
  const added: P[] = []
  /** Aborted with the first failure; the others then give up. */
  const over = new AbortController()
  // Each pod waits with it.
  setMaxListeners(0, over.signal)
  const fail = (error: unknown): void => over.abort(error)
  const cancelled = (): void => fail(signal.reason)
  if (signal.aborted) cancelled()
  signal.addEventListener('abort', cancelled, { once: true })
  const late = setTimeout(() => {
    const pod = [...added, ...waitFor].find((one) => !one.ready)
    if (pod) void swap.late(pod).then(fail, fail)
  }, seconds * 1000)
  const up = (pod: P): Promise<void> => becomesReady(pod, over.signal)
  try {
    const made = await Promise.allSettled(types.map((type) => swap.add(type)))
    for (const one of made) if (one.status === 'fulfilled') added.push(one.value)
    for (const one of made) if (one.status === 'rejected') throw one.reason
    await swap.keep(added)
    await Promise.allSettled([swap.start(added, over.signal, up, fail), ...waitFor.map(up)])
    over.signal.throwIfAborted()
    signal.throwIfAborted()
    await swap.serve(added)
  } catch (error) {
    fail(error)
    await swap.undo(added)
    throw error instanceof DeployFailure || signal.aborted ? error : swap.explain(types.join(', '), error)
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', cancelled)
  }
  // From here on an exit does not fail the deploy.
  over.abort()
  return added
}
