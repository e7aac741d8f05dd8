// How does a client that is still sending get an answer that came early?
//
// Closing a connection on which unread bytes wait resets it, and a reset takes away the answer that the client has not
// read yet. So the rest of the request is read and thrown away, for as long and as much as is reasonable.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Timing } from '../timing.ts'

type Limits = Pick<Timing, 'linger' | 'lingerCheck'>

/** More than this is not read only to be polite. */
const mostUnread = 256 * 1024 * 1024

/** Cuts the connection when the rest of the request takes too long, or is too much; `over` when it has come. */
function discard(client: Socket, request: IncomingMessage, limits: Limits, over: () => void): void {
  const began = Date.now()
  const from = client.bytesRead
  const check = setInterval(() => {
    if (request.complete) finish()
    else if (Date.now() - began > limits.linger || client.bytesRead - from > mostUnread) client.destroy()
  }, limits.lingerCheck)
  const end = (): void => {
    clearInterval(check)
    client.off('close', end)
  }
  const finish = (): void => {
    end()
    over()
  }
  client.once('close', end)
}

/** The answer has been given; the connection is kept if it may be. */
export function discardRest(request: IncomingMessage, limits: Limits): void {
  if (!request.complete && !request.socket.destroyed) discard(request.socket, request, limits, () => undefined)
}

/** From now on, when node closes this connection after an answer, it does so without a reset. `latest`: its newest request. */
export function closeGently(client: Socket, latest: () => IncomingMessage | undefined, limits: Limits): void {
  const close = client.destroySoon.bind(client)
  client.destroySoon = () => {
    const request = latest()
    if (request === undefined || request.complete || client.destroyed) return close()
    client.end()
    discard(client, request, limits, () => client.destroy())
  }
}

/** The same for a connection that is no longer read as HTTP: `text` is the last that it says. */
export function endGently(client: Socket, text: string, limits: Limits): void {
  // A socket without a listener throws; there is nobody to tell.
  client.on('error', () => undefined)
  client.end(text, 'latin1')
  client.resume()
  const late = setTimeout(() => client.destroy(), limits.linger)
  client.once('close', () => clearTimeout(late))
}
