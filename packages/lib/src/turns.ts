// How does a long computation leave time for everything else that the program does?
import { setImmediate as turn } from 'node:timers/promises'

export type Turns = {
  /** Whether it has gone on for long enough. Cheap: to be asked at every step. */
  over(): boolean
  /** Lets everything else go first. */
  next(): Promise<void>
}

/** `mostMs`: how long others wait at most, if no single step takes longer. */
export function openTurns(mostMs = 10): Turns {
  let from = performance.now()
  return {
    over: () => performance.now() - from > mostMs,
    async next() {
      await turn()
      from = performance.now()
    },
  }
}
