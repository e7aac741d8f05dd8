// How is the body of a request sent to the app without being held in memory?
import type { IncomingMessage } from 'node:http'
import type { Connection } from '../upstream/connection.ts'
import type { Silence } from './proxy.ts'

/**
 * Starts to read the body. @returns a function that stops it; the rest of the body is then read and discarded. `tooLong` is
 * called when the client sends nothing for that long although the app accepts more.
 */
export function sendBody(
  request: IncomingMessage,
  connection: Connection,
  chunked: boolean,
  { limit, tooLong }: Silence,
): () => void {
  const { socket } = connection
  const silence = setTimeout(() => {
    if (!request.isPaused()) tooLong()
  }, limit)
  const write = (chunk: Buffer): boolean => {
    if (!chunked) return socket.write(chunk)
    socket.cork()
    socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    socket.write(chunk)
    const more = socket.write('\r\n', 'latin1')
    socket.uncork()
    return more
  }
  const onData = (chunk: Buffer): void => {
    silence.refresh()
    if (!write(chunk)) request.pause()
  }
  const onEnd = (): void => {
    clearTimeout(silence)
    if (chunked) socket.write('0\r\n\r\n', 'latin1')
    connection.sent()
  }
  connection.onDrain = () => {
    if (!request.complete) silence.refresh()
    request.resume()
  }
  request.on('data', onData)
  request.on('end', onEnd)
  const stop = (): void => {
    clearTimeout(silence)
    request.off('data', onData)
    request.off('end', onEnd)
    request.resume()
  }
  connection.onBodyRejected = stop
  return stop
}
