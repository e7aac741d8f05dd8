// How is guessing passwords slowed down, without locking out the account's owner?
import { createRecent } from './recent.ts'

export type Throttle = {
  /** Counts a try before it is made. Returns 0, or the seconds to wait before it is allowed. */
  attempt(key: string): number
  /** The try was right: the key's count is deleted. */
  succeeded(key: string): void
  /** The try was right and does not count; other tries stay counted. */
  uncount(key: string): void
}

export type ThrottleLimits = {
  /** Tries without a wait. */
  readonly free: number
  /** The first wait; each further try doubles it. */
  readonly firstWaitSeconds: number
  readonly maxWaitSeconds: number
}

type Tries = { count: number; until: number }

export function createThrottle(
  { free, firstWaitSeconds, maxWaitSeconds }: ThrottleLimits,
  now: () => number = Date.now,
): Throttle {
  const tries = createRecent<Tries>(now)
  return {
    attempt(key) {
      const at = now()
      const known = tries.get(key) ?? { count: 0, until: 0 }
      if (known.until > at) return Math.ceil((known.until - at) / 1000)
      const count = known.count + 1
      const wait = count < free ? 0 : Math.min(firstWaitSeconds * 2 ** Math.min(count - free, 30), maxWaitSeconds)
      tries.keep(key, { count, until: at + wait * 1000 })
      return 0
    },
    succeeded: (key) => tries.delete(key),
    uncount(key) {
      const known = tries.get(key)
      if (known) known.count = Math.max(0, known.count - 1)
    },
  }
}
