// How is the flow control of a session kept: neither side sends more than the other can hold?
import { sessionWindow } from './terminal.ts'

export type SendWindow = {
  /** How many bytes may be sent now, at least one: resolves when that is so. */
  available(): Promise<number>
  /** So many bytes were sent. */
  sent(bytes: number): void
  /** The other side acknowledged so many bytes. */
  read(bytes: number): void
  /** Ends all waiting, at the end of the session. */
  release(): void
}

/** The sender's side. */
export function sendWindow(): SendWindow {
  let free: number = sessionWindow
  let waiting: ((free: number) => void)[] = []
  const wake = (): void => {
    if (free <= 0) return
    const all = waiting
    waiting = []
    for (const resume of all) resume(free)
  }
  return {
    available: () =>
      new Promise((resume) => {
        waiting.push(resume)
        wake()
      }),
    sent(bytes) {
      free -= bytes
    },
    read(bytes) {
      free += bytes
      wake()
    },
    release() {
      free = Number.POSITIVE_INFINITY
      wake()
    },
  }
}

export type ReadWindow = {
  /** Counts received bytes; whether the other side was allowed to send them. */
  got(bytes: number): boolean
  /** So many of them were processed. */
  used(bytes: number): void
}

/** The receiver's side. `acknowledge` is called for larger parts, not for each key press. */
export function readWindow(acknowledge: (bytes: number) => void): ReadWindow {
  let held = 0
  let processed = 0
  return {
    got(bytes) {
      held += bytes
      return held <= sessionWindow
    },
    used(bytes) {
      processed += bytes
      if (processed < sessionWindow / 4) return
      held -= processed
      acknowledge(processed)
      processed = 0
    },
  }
}
