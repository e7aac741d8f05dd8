// How are only so many of the same thing done at a time?

export type Limit = <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>

/** Further ones wait in a line, for ever so long, or as many as `room.waiting`: the next is told what `refusal` makes. */
export function createLimit(
  most: number,
  room: { readonly waiting: number; refusal(): Error } = { waiting: Infinity, refusal: () => new Error('no room') },
): Limit {
  let free = most
  const waiting: (() => void)[] = []
  const place = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const giveUp = (): void => {
        waiting.splice(waiting.indexOf(go), 1)
        reject(signal.reason as Error)
      }
      const go = (): void => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      waiting.push(go)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  return async (signal, work) => {
    signal.throwIfAborted()
    if (free > 0) free--
    else if (waiting.length < room.waiting) await place(signal)
    else throw room.refusal()
    try {
      return await work()
    } finally {
      // The place goes to the next one directly, so that nobody can jump the queue.
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
