// How is a connection to a container's input and output one for sessions?
import type { Duplex } from 'node:stream'
import { once } from 'node:events'
import { channels, type Outcome, type SessionSocket, type Take } from '@deis/container/session/socket'
import { demux } from './demux.ts'

type Wiring = {
  readonly socket: Duplex
  readonly tty: boolean
  readonly take: Take
  readonly resize: (size: { readonly Width: number; readonly Height: number }) => Promise<void>
  /** How the command ended, once its output has. */
  readonly outcome: () => Promise<Outcome | null>
}

/** Output is read as fast as `take` resolves. The socket is destroyed when the signal is aborted. */
export function sessionSocket({ socket, tty, take, resize, outcome }: Wiring, signal: AbortSignal): SessionSocket {
  let isClosed = false
  /** A size is sent on another connection: what is typed after it comes after it. */
  let resizing = Promise.resolve()
  const destroy = (): void => void socket.destroy()
  signal.addEventListener('abort', destroy, { once: true })
  socket.on('error', () => {})
  const read = async (): Promise<Outcome | null> => {
    try {
      if (tty) for await (const chunk of socket as AsyncIterable<Buffer>) await take(channels.stdout, chunk)
      else
        for await (const { from, bytes } of demux(socket as AsyncIterable<Buffer>))
          await take(from === 'stderr' ? channels.stderr : channels.stdout, Buffer.from(bytes))
      return await outcome()
    } catch {
      // Lost, or nobody wants it any more.
      return null
    } finally {
      isClosed = true
      signal.removeEventListener('abort', destroy)
      destroy()
    }
  }
  const closed = read()
  return {
    endsInput: true,
    async send(channel, bytes) {
      if (isClosed) return
      if (channel === channels.size) {
        resizing = resizing.then(() => resize(JSON.parse(bytes.toString()) as never)).catch(() => {})
        return resizing
      }
      await resizing
      // What the command does not read is waited for, or its end.
      if (channel === channels.input && !socket.write(bytes)) await Promise.race([once(socket, 'drain'), closed])
    },
    endInput: () => void socket.end(),
    closed,
    destroy,
  }
}
