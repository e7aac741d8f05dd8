// How is the response of an app read that accepts no more of its request?
//
// Such an app answers early and closes its connection, and the next write to it fails. Node then discards what has arrived
// but was not read yet, although that is the response. Node's own client does the same.
import type { Socket } from 'node:net'

/** Milliseconds to read what has arrived; it is available at once, followed by the end of the connection. */
const readWithin = 1_000

function isOfWriting(error: Error | undefined): boolean {
  const { syscall, code } = (error ?? {}) as NodeJS.ErrnoException
  return syscall === 'write' || code === 'ERR_STREAM_DESTROYED'
}

/** While `sending`, a write that fails does not end the socket, but `onBodyRejected` is called, and the rest is read. */
export function keepReading(socket: Socket, sending: () => boolean, onBodyRejected: () => void): void {
  const destroy = socket.destroy.bind(socket)
  let late: NodeJS.Timeout | null = null
  socket.destroy = (error) => {
    if (isOfWriting(error) && (late !== null || sending())) {
      if (late !== null) return socket
      late = setTimeout(() => destroy(error), readWithin)
      onBodyRejected()
      return socket
    }
    if (late !== null) clearTimeout(late)
    return destroy(error)
  }
}
