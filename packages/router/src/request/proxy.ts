// How are a request and its response passed between client and app?
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendBody } from './body.ts'
import { compressionOf } from './compress.ts'
import type { Answer, Connection, Failure } from '../upstream/connection.ts'
import { countRefused, type RouterContext, seek, skip, startSearch } from '../context.ts'
import { isEncrypted, originOf } from './origin.ts'
import { type Page, page } from './pages.ts'
import { type Forwardable, type Incoming, readRequest } from './request.ts'
import { createReply, has, type Reply } from './reply.ts'
import type { ResponseHead } from '../upstream/response.ts'
import type { Squeeze } from './squeeze.ts'

const hstsHeader = 'Strict-Transport-Security'

function answerWith(reply: Reply, content: Page, closes: boolean): void {
  reply.head(content, closes)
  reply.end(Buffer.from(content.body))
}

/** Tells the client that the response is not complete; HTTP/1.0 without a length takes a mere end for completion. */
function cut(request: IncomingMessage, head: ResponseHead): void {
  // TLS that ends without a close notification means the same, and its sockets cannot be reset.
  if (request.httpVersion === '1.1' || head.body === 'length' || isEncrypted(request.socket)) request.socket.destroy()
  else request.socket.resetAndDestroy()
}

function relayInterim(head: ResponseHead, request: IncomingMessage, response: ServerResponse, expects: boolean): void {
  if (request.httpVersion !== '1.1') return
  if (head.status === 100 && expects) response.writeContinue()
  else if (head.status === 102) response.writeProcessing()
  else if (head.status === 103) {
    const link = head.raw.filter((_, index) => index % 2 === 1 && head.raw[index - 1]!.toLowerCase() === 'link')
    if (link.length > 0) response.writeEarlyHints({ link })
  }
}

function forward(
  context: RouterContext,
  request: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
  asked: Forwardable,
  expects: boolean,
): void {
  const search = startSearch()
  const began = performance.now()
  const requestText = `${asked.method} ${asked.target} HTTP/1.1\r\n${asked.headers}`
  let connection: Connection | null = null
  let stopBody: (() => void) | null = null
  let head: ResponseHead | null = null
  let fresh = !asked.repeatable
  let squeeze: Squeeze | null = null
  let wasUsed = false
  let bytes = 0
  let over = false
  // A client that waits for 100 and gets something else may or may not send the body: then nothing else can be read.
  let closes = expects

  const give = (content: Page): void => {
    over = true
    answerWith(reply, content, closes || context.closing)
  }

  reply.onTaken = () => {
    if (squeeze === null) connection?.resume()
    else squeeze.resume()
  }
  const put = (chunk: Buffer): boolean => {
    bytes += chunk.length
    return reply.body(chunk)
  }

  const breakOff = (received: ResponseHead): void => {
    over = true
    search.error = 'H18'
    squeeze?.abort()
    cut(request, received)
  }

  const answer: Answer = {
    interim(interim) {
      relayInterim(interim, request, response, expects)
      if (interim.status === 100) closes = false
    },
    head(received, more) {
      const { squeezer } = context
      const packed = squeezer === null ? null : compressionOf(request, received, squeezer.hasCapacity())
      const { raw } = packed ?? received
      raw.push('X-Request-Id', asked.id)
      if (search.hsts !== null && !has(raw, hstsHeader.toLowerCase())) raw.push(hstsHeader, `max-age=${search.hsts}`)
      reply.head({ status: received.status, message: received.message, raw }, closes || context.closing)
      head = received
      if (packed !== null && packed.encoding !== null)
        squeeze = squeezer!.begin(packed.encoding, {
          data: put,
          end: () => void reply.end(null),
          drain: () => connection?.resume(),
          failed: () => breakOff(received),
        })
      if (!more) reply.flush()
    },
    body(chunk, last) {
      if (last) {
        over = true
        connection = null
        stopBody?.()
        if (squeeze !== null) {
          squeeze.end(chunk)
          return true
        }
        bytes += chunk?.length ?? 0
        return reply.end(chunk)
      }
      return squeeze === null ? put(chunk!) : squeeze.write(chunk!)
    },
    failed(failure) {
      connection = null
      stopBody?.()
      if (head !== null) breakOff(head)
      else if (mayRetry(failure)) retry(failure)
      else {
        search.error = failure.timedOut ? 'H12' : 'H13'
        give(page(failure.timedOut ? 504 : 502))
      }
    },
  }

  const silence = {
    limit: context.timing.body,
    tooLong(): void {
      // A bidirectional stream may be silent in one direction.
      if (over || head !== null) return
      stopBody?.()
      connection?.abort()
      connection = null
      over = true
      search.error = 'H28'
      answerWith(reply, page(408), true)
    },
  }

  // A request that has not reached an app can go to another one; one that has only if it is idempotent.
  const mayRetry = (failure: Failure): boolean =>
    !failure.began && (!failure.sent || (asked.repeatable && !failure.timedOut))

  const retry = (failure: Failure): void => {
    if (wasUsed) {
      fresh = true
      search.retries++
    } else skip(context, search, !failure.sent)
    attempt()
  }

  const attempt = (): void =>
    seek(context, asked, search, {
      found(upstream) {
        const taken = context.upstreams.begin(upstream, fresh ? 'fresh' : 'any')
        connection = taken
        wasUsed = taken.used
        taken.ask(asked.method, `${requestText}${search.more}\r\n`, asked.body === 'none', answer)
        // The body is not read before the connection is open, so that until then another upstream can get it.
        if (asked.body !== 'none')
          taken.socket.once('connect', () => {
            if (connection === taken) stopBody = sendBody(request, taken, asked.body === 'chunked', silence)
          })
      },
      none: give,
    })

  response.once('close', () => {
    if (search.pause !== null) clearTimeout(search.pause)
    squeeze?.abort()
    if (!over) {
      over = true
      search.error = 'H27'
      stopBody?.()
      connection?.abort()
    }
    context.counter.finished({
      app: search.app,
      status: reply.status,
      protocol: asked.secure ? 'https' : 'http',
      ms: performance.now() - began,
      bytes,
      retries: search.retries,
      error: search.error,
    })
    context.access?.({
      time: new Date().toISOString(),
      app: search.app,
      client: asked.address,
      method: asked.method,
      host: asked.host,
      path: asked.target,
      status: reply.status,
      bytes,
      upstream: search.upstream?.address ?? null,
      ms: Math.round(performance.now() - began),
      id: asked.id,
    })
  })
  attempt()
}

/** `expects`: the client waits for 100 before it sends the body; the app decides. */
export function handleRequest(
  context: RouterContext,
  request: IncomingMessage,
  response: ServerResponse,
  expects: boolean,
): void {
  // Field by field: to spread it takes as long as to read the request.
  const { address, secure, port } = originOf(context, request)
  const seen = { address, secure, port, newId: randomUUID }
  const asked = readRequest(request as IncomingMessage & Incoming, seen)
  const reply = createReply(request, response, context.timing)
  // The bytes after such a request cannot be trusted either.
  if ('reason' in asked) {
    answerWith(reply, page(asked.status, asked.reason), true)
    countRefused(context, secure, asked.status)
  } else forward(context, request, response, reply, asked, expects)
}
