// How is the number of concurrent operations limited?

export type Limit = <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>

/** Further ones wait in a queue, of any length or at most `backlog.waiting`; beyond that they fail with what `refusal` returns. */
export function createLimit(
  most: number,
  backlog: { readonly waiting: number; refusal(): Error } = {
    waiting: Infinity,
    refusal: () => new Error('the backlog is full'),
  },
): Limit {
  let free = most
  const waiting: (() => void)[] = []
  const waitForSlot = (signal: AbortSignal): Promise<void> =>
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
    else if (waiting.length < backlog.waiting) await waitForSlot(signal)
    else throw backlog.refusal()
    try {
      return await work()
    } finally {
      // The slot goes directly to the next one, so that none can jump the queue.
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
