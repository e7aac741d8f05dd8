// How does the body of a request reach the app without ever being held in memory?
import type { IncomingMessage } from 'node:http'
import type { Connection } from './connection.ts'

/** Begins to read the body. @returns what stops it; the rest of the body is then read and thrown away. */
export function sendBody(request: IncomingMessage, connection: Connection, chunked: boolean): () => void {
  const { socket } = connection
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
    if (!write(chunk)) request.pause()
  }
  const onEnd = (): void => {
    if (chunked) socket.write('0\r\n\r\n', 'latin1')
    connection.sent()
  }
  connection.onDrain = () => request.resume()
  request.on('data', onData)
  request.on('end', onEnd)
  return () => {
    request.off('data', onData)
    request.off('end', onEnd)
    request.resume()
  }
}
