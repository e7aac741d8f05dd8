// How are lines sent to a client as they come, without filling memory when the client is slow?
import { Readable } from 'node:stream'

export type Outbox = {
  readonly readable: Readable
  /** Text that comes before all lines written so far; nothing is sent before this is called. */
  start(text: string): void
  write(line: string): void
  /** Lines that wait are still sent. */
  end(): void
}

export type OutboxOptions = {
  readonly maxBytes: number
  /** The line in place of lines that were left out. */
  readonly leftOut: (lines: number) => string
  /** Sent after this long without a line, so that no proxy closes the connection. */
  readonly silence: { readonly ms: number; readonly text: string }
}

export function createOutbox({ maxBytes, leftOut, silence }: OutboxOptions): Outbox {
  let waiting: string[] = []
  let bytes = 0
  let missing = 0
  let wanted = false
  let isStarted = false
  let isEnded = false

  const flush = (): void => {
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
      flush()
    },
    destroy(error, done) {
      isEnded = true
      clearInterval(quiet)
      waiting = []
      done(error)
    },
  })
  const quiet = setInterval(() => {
    // A client that has not read everything yet needs no keep-alive.
    if (wanted && isStarted && !isEnded) wanted = readable.push(silence.text)
  }, silence.ms)
  quiet.unref()

  return {
    readable,
    start(text) {
      if (text !== '') waiting.unshift(text)
      isStarted = true
      flush()
    },
    write(line) {
      if (isEnded) return
      // Once lines are left out, so is each later one until those before are read: the note stands where the gap is.
      if (missing > 0 || bytes > maxBytes) {
        missing++
        return
      }
      waiting.push(line)
      bytes += Buffer.byteLength(line)
      flush()
    },
    end() {
      if (isEnded) return
      isEnded = true
      flush()
    },
  }
}
