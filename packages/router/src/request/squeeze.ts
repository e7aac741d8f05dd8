// How is a body compressed while it streams, without delaying what has arrived?
import { type Encoding, flushOf, openCompressor } from './compress.ts'

export type Squeeze = {
  /** The chunk is only lent for the call. False: wait until `onDrain`. */
  write(chunk: Buffer): boolean
  /** The body has ended: the rest is sent, then `end` is called. */
  end(chunk: Buffer | null): void
  /** The client takes more. */
  resume(): void
  /** Gives up. */
  abort(): void
}

type Out = {
  /** False: wait until `resume`. */
  data(chunk: Buffer): boolean
  end(): void
  drain(): void
  failed(error: Error): void
}

export type Squeezer = {
  /** Another one may start; beyond that responses are not compressed, so that compression never takes all of the processor. */
  hasCapacity(): boolean
  begin(encoding: Encoding, out: Out): Squeeze
}

/** Each holds about half a megabyte while it is open, also one that waits for its app. */
const mostOpen = 256
/** Those that have work to do; all share the few threads of node. */
const mostBusy = 32
/** How long data from an app may wait for the next data. */
const flushWithin = 15

/** `processes` share these bounds. */
export function createSqueezer(processes = 1): Squeezer {
  const most = { open: Math.ceil(mostOpen / processes), busy: Math.ceil(mostBusy / processes) }
  let opened = 0
  let busy = 0

  return {
    hasCapacity: () => opened < most.open && busy < most.busy,
    begin(encoding, out) {
      const stream = openCompressor(encoding)
      let flush: NodeJS.Timeout | null = null
      let over = false
      let working = 0
      let stalled = false
      let closed = false
      let counted = false
      opened++
      // One whose client does not read has nothing to do either.
      const recount = (): void => {
        const now = working > 0 && !stalled && !closed
        if (now !== counted) busy += now ? 1 : -1
        counted = now
      }
      const work = (): (() => void) => {
        working++
        recount()
        return () => {
          working--
          recount()
        }
      }
      const flushSoon = (): void => {
        flush ??= setTimeout(() => {
          flush = null
          if (!over) stream.flush(flushOf[encoding], work())
        }, flushWithin)
      }
      stream.on('data', (chunk: Buffer) => {
        if (out.data(chunk)) return
        stream.pause()
        stalled = true
        recount()
      })
      stream.on('drain', out.drain)
      stream.on('end', out.end)
      stream.on('error', out.failed)
      stream.on('close', () => {
        opened--
        closed = true
        recount()
        if (flush !== null) clearTimeout(flush)
      })
      const write = (chunk: Buffer): boolean => stream.write(Buffer.from(chunk), work())
      return {
        write(chunk) {
          const more = write(chunk)
          flushSoon()
          return more
        },
        end(chunk) {
          over = true
          if (chunk !== null) write(chunk)
          stream.end()
        },
        resume() {
          stalled = false
          recount()
          stream.resume()
        },
        abort: () => void stream.destroy(),
      }
    },
  }
}
