// How long may a client take to say what it wants?
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'

export type Patience = {
  /** From the connection, or from the first byte of a further request, to the end of the headers. */
  readonly headersMs: number
  /** From there to the end of the body. Answers take what they take: deploys, followed logs, WebSockets. */
  readonly bodyMs: number
  /** How often is looked for connections that took too long. */
  readonly checkMs: number
}

const usual: Patience = { headersMs: 15_000, bodyMs: 60_000, checkMs: 5_000 }

/** Longer than load balancers keep theirs, so that they are never answered by a connection that is just closing. */
const keepAliveMs = 72_000

/** What comes more slowly than bodies of this size ever should is cut off, also where nobody reads it any more. */
function endLateBody(request: IncomingMessage, bodyMs: number): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding === undefined && (length === undefined || length === '0')) return
  const { socket } = request
  const late = setTimeout(() => {
    if (!request.complete) socket.destroy()
  }, bodyMs)
  request.once('end', () => clearTimeout(late))
  socket.once('close', () => clearTimeout(late))
}

/** `intercept` sees every request first and says whether it took it: what it takes may be of any size, and has deadlines of its own. */
export function createHttpServer(
  handler: RequestListener,
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null,
  { headersMs, bodyMs, checkMs }: Patience = usual,
): Server {
  const options = {
    // Node's own would hold for what is intercepted as well.
    requestTimeout: 0,
    headersTimeout: headersMs,
    connectionsCheckingInterval: checkMs,
    keepAliveTimeout: keepAliveMs,
  }
  return createServer(options, (request, response) => {
    if (intercept?.(request, response)) return
    endLateBody(request, bodyMs)
    handler(request, response)
  })
}
