// How does somebody get lines as they come, however slowly he takes them, without filling our memory?
import { Readable } from 'node:stream'

export type Outbox = {
  readonly readable: Readable
  /** What comes before everything that was said until now; nothing is given out before. */
  start(text: string): void
  say(line: string): void
  /** What waits is still given out. */
  end(): void
}

export type OutboxOptions = {
  readonly maxBytes: number
  /** Told in the place of lines for which there was no room. */
  readonly leftOut: (lines: number) => string
  /** Said after this long without a word, so that no proxy takes the connection for dead. */
  readonly silence: { readonly ms: number; readonly text: string }
}

export function createOutbox({ maxBytes, leftOut, silence }: OutboxOptions): Outbox {
  let waiting: string[] = []
  let bytes = 0
  let missing = 0
  let wanted = false
  let isStarted = false
  let isEnded = false

  const give = (): void => {
    if (!isStarted) return
    while (wanted && waiting.length > 0) {
      const text = waiting.join('')
      waiting = missing > 0 ? [leftOut(missing)] : []
      bytes = 0
      missing = 0
      quiet.refresh()
      wanted = readable.push(text)
    }
    if (isEnded && waiting.length === 0) readable.push(null)
  }
  const readable = new Readable({
    read() {
      wanted = true
      give()
    },
    destroy(error, done) {
      isEnded = true
      clearInterval(quiet)
      waiting = []
      done(error)
    },
  })
  const quiet = setInterval(() => {
    // Whoever has not taken the last word needs no sign of life.
    if (wanted && isStarted && !isEnded) wanted = readable.push(silence.text)
  }, silence.ms)
  quiet.unref()

  return {
    readable,
    start(text) {
      if (text !== '') waiting.unshift(text)
      isStarted = true
      give()
    },
    say(line) {
      if (isEnded) return
      // Once there is a gap, it goes on until all before it is taken: it is told where it is.
      if (missing > 0 || bytes > maxBytes) {
        missing++
        return
      }
      waiting.push(line)
      bytes += Buffer.byteLength(line)
      give()
    },
    end() {
      if (isEnded) return
      isEnded = true
      give()
    },
  }
}
