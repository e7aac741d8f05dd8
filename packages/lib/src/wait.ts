// How does code wait for something that may be cancelled or come too late?

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Rejects with the signal's reason when it is aborted. */
export function rejectsWhenAborted(signal: AbortSignal): Promise<never> {
  return untilAborted(signal).then(() => {
    throw signal.reason as Error
  })
}

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
