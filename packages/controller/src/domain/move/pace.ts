// How slow may a client be that sends or takes an archive? It holds one of a few slots, so that a byte now and then is not enough.

export class TooSlow extends Error {
  constructor({ bytes, ms }: PaceLimit) {
    super(`less than ${Math.ceil(bytes / 1024)} KB of it moved in ${ms / 1000} s`)
    this.name = 'TooSlow'
  }
}

/** So many bytes for each so many milliseconds that are waited for the other side. */
export type PaceLimit = { readonly bytes: number; readonly ms: number }

/** 70 kbit/s. Who moves nothing for as long has gone. */
export const usualPace: PaceLimit = { bytes: 512 * 1024, ms: 60_000 }

export type Pace = {
  /** A wait for the other side begins, and is ended by `end` if it is too slow; returns what is to be called with the bytes that moved. */
  wait(end: (reason: TooSlow) => void): (bytes: number) => void
}

export function createPace(limit: PaceLimit): Pace {
  let waited = 0
  let moved = 0
  return {
    wait(end) {
      const began = performance.now()
      const late = setTimeout(() => end(new TooSlow(limit)), Math.max(0, limit.ms - waited))
      return (bytes) => {
        clearTimeout(late)
        waited += performance.now() - began
        moved += bytes
        if (moved < limit.bytes) return
        waited = 0
        moved = 0
      }
    },
  }
}
