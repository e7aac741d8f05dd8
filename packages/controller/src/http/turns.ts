// Whose turn is it, when many strangers try passwords of one account and its owner may be among them?
import { forgetMs, keyHash, maxKeys } from './throttle.ts'

export type Turns = {
  /** Whether `take` would tell the client to wait; counts nothing. */
  isEarly(account: string, client: string): boolean
  /** Counts a try before it is made: 0, or the seconds until the client's own turn, which nobody else can take then. */
  take(account: string, client: string): number
  /** It was right, and counts nothing. */
  uncount(account: string): void
}

/** Tries before anybody has to wait. */
const free = 30
/** The first gap between two tries; each further try doubles it. */
const firstGapMs = 1_000
const longestGapMs = 10_000
/** The more clients wait, the shorter the gaps, so that a few make nobody wait for longer than this. */
const fairWaitMs = 60_000
/** A turn that nobody comes for is over then. */
const keptMs = 60_000
/** More than so many are sent away without a turn. */
const mostTurns = 500

type Line = {
  count: number
  last: number
  /** When the next turn that is nobody's begins. */
  next: number
  /** In the order in which they begin. */
  readonly turns: Map<string, number>
}

export function createTurns(now: () => number = Date.now): Turns {
  const lines = new Map<string, Line>()
  const lineOf = (account: string, at: number): Line => {
    const hash = keyHash(account)
    const found = lines.get(hash)
    const line = found && found.last > at - forgetMs ? found : { count: 0, last: at, next: at, turns: new Map() }
    lines.delete(hash)
    lines.set(hash, line)
    const [oldest] = lines.keys()
    if (lines.size > maxKeys && oldest !== undefined) lines.delete(oldest)
    line.last = at
    return line
  }
  /** Between a try and the next, when so many tries have been made or are to be made before. */
  const gap = (tries: number, waiting: number): number => {
    if (tries < free) return 0
    const grown = Math.min(firstGapMs * 2 ** Math.min(tries - free, 30), longestGapMs)
    return Math.min(grown, Math.max(firstGapMs, fairWaitMs / (waiting + 1)))
  }
  return {
    isEarly(account, client) {
      const line = lines.get(keyHash(account))
      return line !== undefined && (line.turns.get(keyHash(client)) ?? line.next) > now()
    },
    take(account, client) {
      const at = now()
      const line = lineOf(account, at)
      const { turns } = line
      for (const [key, begins] of turns) {
        if (begins + keptMs > at) break
        turns.delete(key)
      }
      const hash = keyHash(client)
      const mine = turns.get(hash)
      if (mine !== undefined && mine > at) return Math.ceil((mine - at) / 1000)
      if (mine !== undefined) {
        turns.delete(hash)
        line.count++
        return 0
      }
      if (line.next <= at) {
        line.count++
        line.next = at + gap(line.count, turns.size)
        return 0
      }
      const begins = line.next
      if (turns.size < mostTurns) {
        turns.set(hash, begins)
        line.next += gap(line.count + turns.size, turns.size)
      }
      return Math.ceil((begins - at) / 1000)
    },
    uncount(account) {
      const line = lines.get(keyHash(account))
      if (line) line.count = Math.max(0, line.count - 1)
    },
  }
}
