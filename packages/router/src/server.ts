// How does the router accept requests from clients?
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { RouterContext } from './context.ts'
import { closeGently, endGently } from './request/unread.ts'
import { createDirect } from './request/direct.ts'
import { handleRequest } from './request/parsed.ts'
import { handleUpgrade } from './request/upgrade.ts'

const idleCheck = 50

const latest = Symbol('latest response')
type Client = Socket & { [latest]?: ServerResponse }

export type RouterServer = {
  readonly server: Server
  /** Takes over a connection that was accepted on another port. */
  take(client: Socket): void
  /**
   * Resolves when all requests and tunnels are over, and those of `others`, where more connections came from; after
   * `limit` ms the rest is closed.
   */
  close(limit: number, others?: Promise<void>): Promise<void>
}

export function createRouterServer(context: RouterContext): RouterServer {
  const tunnels = new Set<Socket>()
  // Node treats a connection as busy until its first request has arrived.
  const silent = new Set<Socket>()

  const take = (request: IncomingMessage, response: ServerResponse, expects: boolean): void => {
    const client = request.socket as Client
    const before = client[latest]
    client[latest] = response
    if (before === undefined) silent.delete(client)
    const run = (): void => {
      // Nothing follows a response that closes the connection.
      if (client.writable) handleRequest(context, request, response, expects)
    }
    // Pipelined requests are handled in order, so that an earlier one never waits for the response to a later one.
    if (before === undefined || before.closed) run()
    else before.once('close', run)
  }

  const server = createServer({
    requestTimeout: 0,
    headersTimeout: context.timing.head,
    connectionsCheckingInterval: context.timing.headCheck,
    keepAliveTimeout: context.timing.idleClient,
    noDelay: true,
    insecureHTTPParser: false,
    // The router answers these itself, also for HTTP/1.0.
    requireHostHeader: false,
  })
  // With a limit, node silently drops further headers, and they may matter.
  server.maxHeadersCount = 0
  const [parse] = server.listeners('connection') as [(this: Server, client: Socket) => void]
  const takeParsed = (client: Socket): void => {
    silent.add(client)
    client.once('close', () => silent.delete(client))
    parse.call(server, client)
    closeGently(client, () => (client as Client)[latest]?.req, context.timing)
  }
  const direct = createDirect(context, takeParsed)
  const accept = context.direct ? direct.take : takeParsed
  server.off('connection', parse)
  server.on('connection', accept)
  server.on('request', (request, response) => take(request, response, false))
  server.on('checkContinue', (request, response) => take(request, response, true))
  server.on('upgrade', (request, socket, head) => {
    const client = socket as Client
    // Its response would have to wait for others on the same connection.
    if (client[latest] !== undefined && !client[latest].closed) {
      client.destroy()
      return
    }
    silent.delete(client)
    tunnels.add(client)
    client.once('close', () => tunnels.delete(client))
    handleUpgrade(context, request, client, head, (again) => {
      tunnels.delete(again)
      takeParsed(again)
    })
  })
  server.on('connect', (_request, socket) =>
    endGently(
      socket as Socket,
      'HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      context.timing,
    ),
  )

  return {
    server,
    take: accept,
    async close(limit, others) {
      context.closing = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      direct.end(false)
      const hush = setTimeout(() => {
        direct.end(true)
        for (const client of silent) client.destroy()
      }, context.timing.silent)
      const cut = setTimeout(() => {
        direct.cut()
        server.closeAllConnections()
        for (const client of tunnels) client.destroy()
      }, limit)
      // Node closes only connections that are idle at this moment; others become idle when their response ends.
      const again = setInterval(() => server.closeIdleConnections(), idleCheck)
      await Promise.all([closed, others])
      clearTimeout(hush)
      clearInterval(again)
      clearTimeout(cut)
      direct.cut()
    },
  }
}
