// How does one wait for something that may also be called off, or come too late?

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

export type Bell = {
  ring(): void
  /** Resolves when it rings, after `ms`, or when aborted: whoever waits looks for himself what it was. */
  heard(ms: number, signal: AbortSignal): Promise<void>
}

export function createBell(): Bell {
  const waiting = new Set<() => void>()
  return {
    ring() {
      for (const wake of waiting) wake()
    },
    async heard(ms, signal) {
      if (signal.aborted) return
      let wake = (): void => {}
      const rung = new Promise<void>((resolve) => {
        wake = resolve
      })
      const timer = setTimeout(wake, ms)
      waiting.add(wake)
      signal.addEventListener('abort', wake)
      await rung
      clearTimeout(timer)
      waiting.delete(wake)
      signal.removeEventListener('abort', wake)
    },
  }
}
