// How is the answer read of an app that takes no more of its request?
//
// Such an app answers early and closes its connection, and the next write to it fails. Node then throws away what has
// come but was not read yet, although that is the answer. Its own client is no help: it does the same.
import type { Socket } from 'node:net'

/** What has come is there to be read at once, and then the end of the connection. */
const patience = 1_000

function isOfWriting(error: Error | undefined): boolean {
  const { syscall, code } = (error ?? {}) as NodeJS.ErrnoException
  return syscall === 'write' || code === 'ERR_STREAM_DESTROYED'
}

/** While `sending`, a write that fails does not end the socket, but `onDeaf` is called, and the rest is read. */
export function keepReading(socket: Socket, sending: () => boolean, onDeaf: () => void): void {
  const destroy = socket.destroy.bind(socket)
  let late: NodeJS.Timeout | null = null
  socket.destroy = (error) => {
    if (isOfWriting(error) && (late !== null || sending())) {
      if (late !== null) return socket
      late = setTimeout(() => destroy(error), patience)
      onDeaf()
      return socket
    }
    if (late !== null) clearTimeout(late)
    return destroy(error)
  }
}
