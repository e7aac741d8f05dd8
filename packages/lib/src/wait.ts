// How does code wait for something that may be cancelled or come too late?

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

type Settle<T> = { resolve(value: T): void; reject(error: Error): void }

function race<T>(work: Promise<T>, signal: AbortSignal, aborted: (settle: Settle<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => aborted({ resolve, reject })
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
    const settled =
      <V>(settle: (value: V) => void) =>
      (value: V): void => {
        signal.removeEventListener('abort', end)
        settle(value)
      }
    work.then(settled(resolve), settled(reject))
  })
}

/** Settles as `work` does, or resolves with undefined when the signal is aborted. No listener stays on the signal. */
export const unlessAborted = <T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> =>
  race<T | undefined>(work, signal, ({ resolve }) => resolve(undefined))

/** Settles as `work` does, or rejects with the signal's reason when it is aborted. No listener stays on the signal. */
export const orAborted = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  race(work, signal, ({ reject }) => reject(signal.reason as Error))

export type Notifier = {
  notify(): void
  /** Resolves when notified, after `ms`, or when aborted; the caller checks which of these it was. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export function createNotifier(): Notifier {
  const waiting = new Set<() => void>()
  return {
    notify() {
      for (const wake of waiting) wake()
    },
    async wait(ms, signal) {
      if (signal.aborted) return
      let wake = (): void => {}
      const notified = new Promise<void>((resolve) => {
        wake = resolve
      })
      const timer = setTimeout(wake, ms)
      waiting.add(wake)
      signal.addEventListener('abort', wake)
      await notified
      clearTimeout(timer)
      waiting.delete(wake)
      signal.removeEventListener('abort', wake)
    },
  }
}
