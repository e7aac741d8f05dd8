// Which requests become WebSockets, and what happens to those that ask for another protocol?
import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import websocket from '@fastify/websocket'
import { type Route, sessionMessageBytes } from '@deis/types'
import type { FastifyInstance } from 'fastify'

/** How long clients may take to close their connection when the server closes. */
const closeMs = 2_000

function asksForSocket(request: IncomingMessage, paths: readonly RegExp[]): boolean {
  const [path = ''] = (request.url ?? '').split('?')
  return (
    request.method === 'GET' &&
    request.headers.upgrade?.toLowerCase() === 'websocket' &&
    paths.some((pattern) => pattern.test(path))
  )
}

/** The request as one without an upgrade: a server may ignore what it does not offer, and clients count on it (`h2c`). */
function withoutUpgrade(request: IncomingMessage): Buffer {
  const { rawHeaders } = request
  let text = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n`
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (!['upgrade', 'connection', 'http2-settings'].includes(rawHeaders[index]!.toLowerCase()))
      text += `${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`
  return Buffer.from(`${text}\r\n`, 'latin1')
}

/** Makes the server take WebSockets on the routes that are for them, after the same checks as every request. `others`: handlers of upgrades to other protocols. */
export function acceptSockets(
  server: FastifyInstance,
  routes: readonly Route[],
  others: ReadonlyMap<string, (request: IncomingMessage, socket: Socket, first: Buffer) => void>,
): void {
  const paths = routes
    .filter((route) => route.websocket)
    .map(({ path }) => new RegExp(`^${path.replace(/\/$/, '').replace(/:[a-z]+/g, '[^/]+')}/?$`))
  // The plugin sees only what is emitted here: by itself it would take every upgrade of every path.
  const upgrades = new EventEmitter()
  const http = server.server
  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const other = others.get(request.headers.upgrade?.toLowerCase() ?? '')
    if (other !== undefined) return other(request, socket, head)
    if (asksForSocket(request, paths)) return void upgrades.emit('upgrade', request, socket, head)
    socket.unshift(Buffer.concat([withoutUpgrade(request), head]))
    http.emit('connection', socket)
  })
  void server.register(websocket, {
    options: { server: upgrades as Server, maxPayload: sessionMessageBytes, perMessageDeflate: false },
    // The library closes after a violation of the protocol by itself; what is left is our own failure.
    errorHandler: (error, socket, request) => {
      request.log.warn({ err: error }, 'a WebSocket failed')
      socket.close(1011)
    },
    preClose(done) {
      const { websocketServer } = server
      const late = setTimeout(() => {
        for (const client of websocketServer.clients) client.terminate()
      }, closeMs)
      for (const client of websocketServer.clients) client.close(1012)
      websocketServer.close(() => {
        clearTimeout(late)
        done()
      })
    },
  })
}
