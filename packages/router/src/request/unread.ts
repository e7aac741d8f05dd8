// How does a client that is still sending receive an early response?
//
// Closing a connection with unread bytes resets it, and a reset discards the response that the client has not read yet. So the
// rest of the request is read and discarded, within limits of time and size.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Timing } from '../timing.ts'

type Limits = Pick<Timing, 'unread' | 'unreadCheck'>

/** No more than this is read and discarded. */
const mostUnread = 256 * 1024 * 1024

/** Closes the connection when the rest of the request takes too long or is too large; calls `over` when it has arrived. */
function discard(client: Socket, request: IncomingMessage, limits: Limits, over: () => void): void {
  const began = Date.now()
  const from = client.bytesRead
  const check = setInterval(() => {
    if (request.complete) finish()
    else if (Date.now() - began > limits.unread || client.bytesRead - from > mostUnread) client.destroy()
  }, limits.unreadCheck)
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

/** For a request that has been answered; the connection is kept if possible. */
export function discardRest(request: IncomingMessage, limits: Limits): void {
  if (!request.complete && !request.socket.destroyed) discard(request.socket, request, limits, () => undefined)
}

/** From now on, when node closes this connection after a response, it does so without a reset. `latest`: its newest request. */
export function closeGently(client: Socket, latest: () => IncomingMessage | undefined, limits: Limits): void {
  const close = client.destroySoon.bind(client)
  client.destroySoon = () => {
    const request = latest()
    if (request === undefined || request.complete || client.destroyed) return close()
    client.end()
    discard(client, request, limits, () => client.destroy())
  }
}

/** The same for a connection that is no longer read as HTTP: `text` is sent last. */
export function endGently(client: Socket, text: string, limits: Limits): void {
  // A socket without an error listener throws; the error itself does not matter.
  client.on('error', () => undefined)
  client.end(text, 'latin1')
  client.resume()
  const late = setTimeout(() => client.destroy(), limits.unread)
  client.once('close', () => clearTimeout(late))
}
