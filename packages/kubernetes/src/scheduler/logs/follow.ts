// How is everything that one pod says read, across restarts of its container and cut connections?
import type { Kube } from '../../client/client.ts'
import { hasStatus, KubeError } from '../../client/error.ts'
import { pathOf, type Pod } from '../../client/objects.ts'
import { type IntakeDeps, openIntake } from './merge.ts'
import { containerOf } from '../state.ts'

export type Followed = {
  /** The pod as it is now. */
  update(pod: Pod): void
  /** The API has forgotten the pod. Resolves when what was under way has come. */
  gone(): Promise<void>
  /** Resolves when all that was said until now has been taken in, or with the signal. Never rejects. */
  catchUp(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

export type FollowDeps = Pick<IntakeDeps, 'after' | 'take'> & {
  readonly kube: Kube
  readonly trouble: (error: unknown) => void
}

/** A life of the container. */
type Life = {
  readonly id: string
  readonly container: string
  readonly alive: boolean
  /** The one before it. */
  readonly previous: string | null
}

const firstDelayMs = 500
const lastDelayMs = 30_000
/** A stream that lasted this long was a good one. */
const goodMs = 10_000
/** How long a container may go on talking when its pod is no longer there. */
const goneMs = 30_000
/** Nobody is told of a single cut. */
const troubleAfter = 3

function lifeOf(pod: Pod): Life | null {
  const status = containerOf(pod)
  if (status?.containerID === undefined || status.containerID === '') return null
  const before = status.lastState?.terminated?.containerID
  return {
    id: status.containerID,
    container: status.name,
    alive: status.state?.running !== undefined,
    previous: before === undefined || before === status.containerID ? null : before,
  }
}

/** The API knows no such pod. A 404 without that reason is a proxy's. */
const isForgotten = (error: unknown): boolean => error instanceof KubeError && error.reason === 'NotFound'

export function followPod(first: Pod, { kube, after, take, trouble }: FollowDeps): Followed {
  const path = pathOf('v1/Pod', first.metadata?.namespace, first.metadata?.name, 'log')
  const intake = openIntake({ kube, path, after, take })
  const over = new AbortController()
  let life = lifeOf(first)
  /** Whose log was read to its end. */
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
  /** The end of what an earlier container has said, when it was not read while it lived. */
  const readPrevious = async ({ container, previous }: Life): Promise<void> => {
    if (previous === null || previous === finished) return
    try {
      await intake.read(container, { previous: true }, over.signal)
      await intake.takeHalf()
    } catch (error) {
      // The node keeps no log of it any more.
      if (!hasStatus(error, 400)) throw error
    }
    finished = previous
  }
  /** One stream. Tells whether there may be more of this life. */
  const readLife = async (now: Life): Promise<boolean> => {
    try {
      await readPrevious(now)
      await intake.read(now.container, { follow: true }, over.signal)
      // One that began when the container was dead has read everything.
      return now.alive && !isGone
    } catch (error) {
      if (!now.alive && hasStatus(error, 400)) return false
      throw error
    }
  }
  const readLives = async (): Promise<void> => {
    let delay = firstDelayMs
    let failures = 0
    try {
      for (;;) {
        const now = life
        if (now === null || now.id === finished || over.signal.aborted) return
        const started = Date.now()
        try {
          const more = await readLife(now)
          failures = 0
          if (!more) {
            await intake.takeHalf()
            finished = now.id
            continue
          }
        } catch (error) {
          if (over.signal.aborted) return
          if (isGone || isForgotten(error)) return await intake.takeHalf()
          failures++
          if (failures === troubleAfter) trouble(error)
        }
        if (Date.now() - started > goodMs) delay = firstDelayMs
        // Mostly the container has just ended, which the pod's state will tell in a moment.
        if (life === now && !isGone) await pause(delay)
        delay = Math.min(delay * 2, lastDelayMs)
      }
    } finally {
      isReading = false
    }
  }
  const read = (): void => {
    if (isReading) return
    isReading = true
    reading = readLives().catch(trouble)
  }
  read()

  return {
    update(pod) {
      const next = lifeOf(pod)
      if (next?.id === life?.id && next?.alive === life?.alive) return
      life = next
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
      const under = life?.alive && isReading && !isGone ? intake.catchUp(life.container, signal) : reading
      // What cannot be had now comes with the stream.
      await Promise.race([under.catch(() => {}), late])
    },
    async stop() {
      over.abort()
      wake()
      await reading
    },
  }
}
