// How is guessing passwords slowed down, without locking out the account's owner?
import { createHash } from 'node:crypto'

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

/** A count is deleted after this long without a try. */
export const forgetMs = 15 * 60_000
export const maxKeys = 10_000

/** Of one size, whatever the key. */
export function keyHash(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, 24)
}

type Tries = { count: number; until: number; last: number }

/** Stores a part of each key's hash, whatever the key's length. The keys tried longest ago are deleted first. */
export function createThrottle(
  { free, firstWaitSeconds, maxWaitSeconds }: ThrottleLimits,
  now: () => number = Date.now,
): Throttle {
  const tries = new Map<string, Tries>()
  return {
    attempt(key) {
      const hash = keyHash(key)
      const at = now()
      const found = tries.get(hash)
      const known = found && found.last > at - forgetMs ? found : { count: 0, until: 0, last: at }
      if (known.until > at) return Math.ceil((known.until - at) / 1000)
      const count = known.count + 1
      const wait = count < free ? 0 : Math.min(firstWaitSeconds * 2 ** Math.min(count - free, 30), maxWaitSeconds)
      tries.delete(hash)
      tries.set(hash, { count, until: at + wait * 1000, last: at })
      const [oldest] = tries.keys()
      if (tries.size > maxKeys && oldest !== undefined) tries.delete(oldest)
      return 0
    },
    succeeded(key) {
      tries.delete(keyHash(key))
    },
    uncount(key) {
      const known = tries.get(keyHash(key))
      if (known) known.count = Math.max(0, known.count - 1)
    },
  }
}
