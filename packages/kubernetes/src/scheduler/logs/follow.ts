// How is all output of one pod read, across restarts of its container and broken connections?
import { containerOf } from '../../cluster/containers.ts'
import type { Kube } from '../../client/client.ts'
import { hasStatus, KubeError } from '../../client/error.ts'
import { pathOf, type Pod } from '../../client/objects.ts'
import { type LogMergerDeps, openLogMerger } from './merge.ts'

export type Followed = {
  /** The pod as it is now. */
  update(pod: Pod): void
  /** To be called when the API no longer shows the pod. Resolves when its open streams have ended. */
  gone(): Promise<void>
  /** Resolves when all output until now is stored, or with the signal. Never rejects. */
  catchUp(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

export type FollowDeps = Pick<LogMergerDeps, 'after' | 'take'> & {
  readonly kube: Kube
  readonly trouble: (error: unknown) => void
}

/** One run of the container: from a start to its end. */
type ContainerRun = {
  readonly id: string
  readonly container: string
  readonly alive: boolean
  /** When this state of it was seen. */
  readonly seenAt: number
  /** The id of the run before it. */
  readonly previous: string | null
}

const firstDelayMs = 500
const lastDelayMs = 30_000
/** After a stream that lasted this long, the delay is short again. */
const goodMs = 10_000
/** How long a container may still print after its pod is gone. */
const goneMs = 30_000
/** A container runtime that is busy may write the last lines of a container after it has reported its end. */
const settleMs = 1_000
/** How many failures in a row are logged; single ones are not. */
const troubleAfter = 3

function containerRunOf(pod: Pod): ContainerRun | null {
  const status = containerOf(pod)
  if (status?.containerID === undefined || status.containerID === '') return null
  const before = status.lastState?.terminated?.containerID
  return {
    id: status.containerID,
    container: status.name,
    alive: status.state?.running !== undefined,
    seenAt: Date.now(),
    previous: before === undefined || before === status.containerID ? null : before,
  }
}

/** Whether the API has no such pod. A 404 without that reason is a proxy's. */
const isForgotten = (error: unknown): boolean => error instanceof KubeError && error.reason === 'NotFound'

export function followPod(first: Pod, { kube, after, take, trouble }: FollowDeps): Followed {
  const path = pathOf('v1/Pod', first.metadata?.namespace, first.metadata?.name, 'log')
  const merger = openLogMerger({ kube, path, after, take })
  const over = new AbortController()
  let current = containerRunOf(first)
  /** The id of the run whose log was read to its end. */
  let finished: string | null = null
  let isGone = false
  let isReading = false
  let reading = Promise.resolve()
  let wake = (): void => {}

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms * (0.5 + Math.random()))
      timer.unref()
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  /** Reads the rest of the previous run's log, unless that was read to its end while it ran. */
  const readPrevious = async ({ container, previous }: ContainerRun): Promise<void> => {
    if (previous === null || previous === finished) return
    try {
      await merger.read(container, { previous: true }, over.signal)
      await merger.acceptPartialLine()
    } catch (error) {
      // 400: the node no longer has its log.
      if (!hasStatus(error, 400)) throw error
    }
    finished = previous
  }
  /** Reads one stream. Returns whether there may be more of this run. */
  const readRun = async (now: ContainerRun): Promise<boolean> => {
    const began = Date.now()
    try {
      await readPrevious(now)
      await merger.read(now.container, { follow: true }, over.signal)
      // A stream that began well after the end of the container has read everything.
      return !isGone && (now.alive || began - now.seenAt < settleMs)
    } catch (error) {
      if (!now.alive && hasStatus(error, 400)) return false
      throw error
    }
  }
  const readRuns = async (): Promise<void> => {
    let delay = firstDelayMs
    let failures = 0
    try {
      for (;;) {
        const now = current
        if (now === null || now.id === finished || over.signal.aborted) return
        const started = Date.now()
        try {
          const more = await readRun(now)
          failures = 0
          if (!more) {
            await merger.acceptPartialLine()
            finished = now.id
            continue
          }
        } catch (error) {
          if (over.signal.aborted) return
          if (isGone || isForgotten(error)) return await merger.acceptPartialLine()
          failures++
          if (failures === troubleAfter) trouble(error)
        }
        if (Date.now() - started > goodMs) delay = firstDelayMs
        // Usually the container has just ended, and the pod's state will show it in a moment.
        if (current === now && !isGone) await pause(now.alive || failures > 0 ? delay : 2 * settleMs)
        delay = Math.min(delay * 2, lastDelayMs)
      }
    } finally {
      isReading = false
    }
  }
  const read = (): void => {
    if (isReading) return
    isReading = true
    reading = readRuns().catch(trouble)
  }
  read()

  return {
    update(pod) {
      const next = containerRunOf(pod)
      if (next?.id === current?.id && next?.alive === current?.alive) return
      current = next
      wake()
      read()
    },
    async gone() {
      isGone = true
      wake()
      const timer = setTimeout(() => over.abort(), goneMs)
      await reading
      clearTimeout(timer)
    },
    async catchUp(signal) {
      const late = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      const work = current && isReading && !isGone ? merger.catchUp(current.container, signal) : reading
      // Lines that cannot be read now come with the stream.
      await Promise.race([work.catch(() => {}), late])
    },
    async stop() {
      over.abort()
      wake()
      await reading
    },
  }
}
