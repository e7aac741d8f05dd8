// Which client may try a password of an account next, when many unknown ones try and its owner may be among them?
import { createRecent, keyHash } from './recent.ts'

export type Turns = {
  /** Whether `take` would tell the client to wait; counts nothing. */
  isEarly(account: string, client: string): boolean
  /** Counts a try before it is made: 0, or the seconds until the client's own turn, which no other client can take then. */
  take(account: string, client: string): number
  /** The try was right and does not count. */
  uncount(account: string): void
}

/** Tries before any client has to wait. */
const free = 30
/** The first gap between two tries; each further try doubles it. */
const firstGapMs = 1_000
const longestGapMs = 10_000
/** The more clients wait, the shorter the gaps, so that a few make no client wait for longer than this. */
const fairWaitMs = 60_000
/** A turn that its client does not use is over then. */
const keptMs = 60_000
/** More clients than this are refused without a turn. */
const mostTurns = 500

type Queue = {
  count: number
  /** When the next turn that is still free begins. */
  next: number
  /** In the order in which they begin. */
  readonly turns: Map<string, number>
}

export function createTurns(now: () => number = Date.now): Turns {
  const queues = createRecent<Queue>(now)
  /** Between a try and the next, when so many tries have been made or are to be made before. */
  const gap = (tries: number, waiting: number): number => {
    if (tries < free) return 0
    const grown = Math.min(firstGapMs * 2 ** Math.min(tries - free, 30), longestGapMs)
    return Math.min(grown, Math.max(firstGapMs, fairWaitMs / (waiting + 1)))
  }
  return {
    isEarly(account, client) {
      const queue = queues.get(account)
      return queue !== undefined && (queue.turns.get(keyHash(client)) ?? queue.next) > now()
    },
    take(account, client) {
      const at = now()
      const queue = queues.get(account) ?? { count: 0, next: at, turns: new Map<string, number>() }
      queues.keep(account, queue)
      const { turns } = queue
      for (const [key, begins] of turns) {
        if (begins + keptMs > at) break
        turns.delete(key)
      }
      const hash = keyHash(client)
      const mine = turns.get(hash)
      if (mine !== undefined && mine > at) return Math.ceil((mine - at) / 1000)
      if (mine !== undefined) {
        turns.delete(hash)
        queue.count++
        return 0
      }
      if (queue.next <= at) {
        queue.count++
        queue.next = at + gap(queue.count, turns.size)
        return 0
      }
      const begins = queue.next
      if (turns.size < mostTurns) {
        turns.set(hash, begins)
        queue.next += gap(queue.count + turns.size, turns.size)
      }
      return Math.ceil((begins - at) / 1000)
    },
    uncount(account) {
      const queue = queues.get(account)
      if (queue) queue.count = Math.max(0, queue.count - 1)
    },
  }
}
