// How does the router take requests from clients?
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Edge } from './edge.ts'
import { closeGently, discardRest, endGently } from './request/linger.ts'
import { handleRequest } from './request/proxy.ts'
import { handleUpgrade } from './request/upgrade.ts'

const idleClient = 75_000
const idleCheck = 50

const latest = Symbol('latest response')
type Client = Socket & { [latest]?: ServerResponse }

export type EdgeServer = {
  readonly server: Server
  /** Takes a connection that did not come by the server's own port. */
  take(client: Socket): void
  /**
   * Resolves when all requests and tunnels are over, and those of `others`, where more connections came from; after
   * `limit` ms the rest is cut.
   */
  close(limit: number, others?: Promise<void>): Promise<void>
}

export function createEdgeServer(edge: Edge): EdgeServer {
  const tunnels = new Set<Socket>()
  // Node takes a connection for busy until its first request has come.
  const silent = new Set<Socket>()

  const take = (request: IncomingMessage, response: ServerResponse, expects: boolean): void => {
    const client = request.socket as Client
    const before = client[latest]
    client[latest] = response
    if (!request.complete) response.once('finish', () => discardRest(request, edge.timing))
    if (before === undefined) silent.delete(client)
    const run = (): void => {
      if (!client.destroyed) handleRequest(edge, request, response, expects)
    }
    // Pipelined requests take their turn, so that an early one never waits behind the answer to a later one.
    if (before === undefined || before.closed) run()
    else before.once('close', run)
  }

  const server = createServer({
    requestTimeout: 0,
    headersTimeout: edge.timing.head,
    connectionsCheckingInterval: edge.timing.headCheck,
    keepAliveTimeout: idleClient,
    noDelay: true,
    insecureHTTPParser: false,
    // Answered by us, also for HTTP/1.0.
    requireHostHeader: false,
  })
  // With a limit, node silently forgets headers beyond it, and they may be those that matter.
  server.maxHeadersCount = 0
  server.on('connection', (client: Socket) => {
    silent.add(client)
    client.once('close', () => silent.delete(client))
    closeGently(client, () => (client as Client)[latest]?.req, edge.timing)
  })
  server.on('request', (request, response) => take(request, response, false))
  server.on('checkContinue', (request, response) => take(request, response, true))
  server.on('upgrade', (request, socket, head) => {
    const client = socket as Client
    // Its answer would have to wait for others that are still under way on the same connection.
    if (client[latest] !== undefined && !client[latest].closed) {
      client.destroy()
      return
    }
    silent.delete(client)
    tunnels.add(client)
    client.once('close', () => tunnels.delete(client))
    handleUpgrade(edge, request, client, head, (again) => {
      tunnels.delete(again)
      server.emit('connection', again)
    })
  })
  server.on('connect', (_request, socket) =>
    endGently(
      socket as Socket,
      'HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      edge.timing,
    ),
  )

  return {
    server,
    take: (client) => void server.emit('connection', client),
    async close(limit, others) {
      edge.closing = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const client of silent) client.destroy()
      const cut = setTimeout(() => {
        server.closeAllConnections()
        for (const client of tunnels) client.destroy()
      }, limit)
      // Node closes those that are idle when it is asked; others become so when their response is over.
      const again = setInterval(() => server.closeIdleConnections(), idleCheck)
      await Promise.all([closed, others])
      clearInterval(again)
      clearTimeout(cut)
    },
  }
}
