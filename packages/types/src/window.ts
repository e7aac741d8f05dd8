// How is it kept that neither side of a session sends more than the other has room for?
import { sessionWindow } from './terminal.ts'

export type SendWindow = {
  /** How many bytes may go now, at least one: resolves when there is room. */
  room(): Promise<number>
  /** So many went. */
  sent(bytes: number): void
  /** The other side said `read`. */
  read(bytes: number): void
  /** Nobody waits any more: what is sent from now on goes nowhere. */
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
    room: () =>
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
  /** Whether the other side was allowed to send so many more bytes. */
  got(bytes: number): boolean
  /** So many of them are used up. */
  used(bytes: number): void
}

/** The receiver's side. `tell` is called now and then, not for every key that somebody presses. */
export function readWindow(tell: (bytes: number) => void): ReadWindow {
  let held = 0
  let untold = 0
  return {
    got(bytes) {
      held += bytes
      return held <= sessionWindow
    },
    used(bytes) {
      untold += bytes
      if (untold < sessionWindow / 4) return
      held -= untold
      tell(untold)
      untold = 0
    },
  }
}
