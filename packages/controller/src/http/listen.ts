// How long may a client take to send its request?
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'

export type Timeouts = {
  /** From the connection, or from the first byte of a further request, to the end of the headers. */
  readonly headersMs: number
  /** From there to the end of the body. Answers take what they take: deploys, followed logs, WebSockets. */
  readonly bodyMs: number
  /** How often connections that took too long are looked for. */
  readonly checkMs: number
}

const usual: Timeouts = { headersMs: 15_000, bodyMs: 60_000, checkMs: 5_000 }

/** Longer than load balancers keep theirs, so that they never use a connection that is just being closed. */
const keepAliveMs = 72_000

/** A body that takes longer than this is cut off, also when nothing reads it any more. */
function endLateBody(request: IncomingMessage, bodyMs: number): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding === undefined && (length === undefined || length === '0')) return
  const { socket } = request
  const late = setTimeout(() => {
    if (!request.complete) socket.destroy()
  }, bodyMs)
  request.once('end', () => clearTimeout(late))
  // Of the request, since many may come on one connection.
  request.once('close', () => clearTimeout(late))
}

/** `intercept` sees every request first and returns whether it took it: what it takes may have any size, and has deadlines of its own. */
export function createHttpServer(
  handler: RequestListener,
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null,
  { headersMs, bodyMs, checkMs }: Timeouts = usual,
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
