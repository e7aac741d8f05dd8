// How are a request and its response passed between client and app?
import type { Socket } from 'node:net'
import { compressionOf, type Encoding } from './compress.ts'
import type { Answer, Connection, Failure } from '../upstream/connection.ts'
import { type RouterContext, type Search, seek, skip, startSearch, type Then } from '../context.ts'
import { isEncrypted } from './origin.ts'
import { type Page, page } from './pages.ts'
import type { Forwardable, Incoming } from './request.ts'
import { linesOf } from './head.ts'
import type { Reply } from './reply.ts'
import type { ResponseHead } from '../upstream/response.ts'
import type { Squeeze } from './squeeze.ts'

/** A client's side of its requests, however they are read. */
export type Exchange = {
  readonly client: Socket
  readonly reply: Reply
  /** The body, when all of it is known; null: it is sent by `sendBody`. */
  body(): string | null
  /** Starts to send it. @returns a function that stops that. */
  sendBody(connection: Connection, chunked: boolean, silence: Silence): () => void
  /** Passes on a response before the response. */
  interim(head: ResponseHead): void
}

export type Silence = { readonly limit: number; readonly tooLong: () => void }

export type Forwarder = {
  /** `expects`: the client waits for 100 before it sends the body; the app decides. */
  start(incoming: Incoming, asked: Forwardable, expects: boolean): void
  /** The response has been sent, or its client is gone. */
  ended(): void
}

export function answerWith(reply: Reply, content: Page, closes: boolean): void {
  const { status, message, pairs } = content
  reply.head({ status, message, lines: linesOf(pairs), sized: true, dated: false }, closes)
  reply.end(Buffer.from(content.body))
}

/** Tells the client that the response is not complete; HTTP/1.0 without a length takes a mere end for completion. */
function cut(client: Socket, { httpVersion }: Incoming, head: ResponseHead): void {
  // TLS that ends without a close notification means the same, and its sockets cannot be reset.
  if (httpVersion === '1.1' || head.body === 'length' || isEncrypted(client)) client.destroy()
  else client.resetAndDestroy()
}

// Between two requests, so that nothing of one is kept until the next one.
const noRequest = {} as Forwardable & Incoming

/** For the requests of one connection, one after the other. */
export function createForwarder(context: RouterContext, exchange: Exchange): Forwarder {
  const { client, reply } = exchange
  let incoming: Incoming = noRequest
  let asked: Forwardable = noRequest
  let search: Search = startSearch()
  let began = 0
  let requestText = ''
  let connection: Connection | null = null
  let stopBody: (() => void) | null = null
  let head: ResponseHead | null = null
  let fresh = false
  let squeeze: Squeeze | null = null
  let wasUsed = false
  let bytes = 0
  let over = true
  let closes = false

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
    cut(client, incoming, received)
  }

  const startSqueeze = (encoding: Encoding, received: ResponseHead): Squeeze => {
    const own: Squeeze = context.squeezer!.begin(encoding, {
      data: put,
      end: () => void reply.end(null),
      drain: () => connection?.resume(),
      failed: () => {
        if (squeeze === own) breakOff(received)
      },
    })
    return own
  }

  const answer: Answer = {
    interim(interim) {
      exchange.interim(interim)
      if (interim.status === 100) closes = false
    },
    head(received, more) {
      const { squeezer } = context
      const packed = squeezer === null ? null : compressionOf(incoming, received, squeezer.hasCapacity())
      const { status, message, dated } = received
      let lines = `${(packed ?? received).lines}X-Request-Id: ${asked.id}\r\n`
      if (search.hsts !== null && !received.strict) lines += `Strict-Transport-Security: max-age=${search.hsts}\r\n`
      const sized = received.sized && (packed === null || packed.encoding === null)
      reply.head({ status, message, lines, sized, dated }, closes || context.closing)
      head = received
      if (packed !== null && packed.encoding !== null) squeeze = startSqueeze(packed.encoding, received)
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

  const then: Then = {
    found(upstream) {
      const taken = context.upstreams.begin(upstream, fresh ? 'fresh' : 'any')
      connection = taken
      wasUsed = taken.used
      const body = exchange.body()
      taken.ask(asked.method, `${requestText}${search.more}\r\n${body ?? ''}`, body !== null, answer)
      // The body is not read before the connection is open, so that until then another upstream can get it.
      if (body === null)
        taken.socket.once('connect', () => {
          if (connection === taken) stopBody = exchange.sendBody(taken, asked.body === 'chunked', silence)
        })
    },
    none: give,
  }
  const attempt = (): void => seek(context, asked, search, then)

  const start = (request: Incoming, forwardable: Forwardable, expects: boolean): void => {
    incoming = request
    asked = forwardable
    search = startSearch()
    began = performance.now()
    requestText = `${asked.method} ${asked.target} HTTP/1.1\r\n${asked.headers}`
    connection = null
    stopBody = null
    head = null
    fresh = !asked.repeatable
    squeeze = null
    wasUsed = false
    bytes = 0
    over = false
    // A client that waits for 100 and gets something else may or may not send the body: then nothing else can be read.
    closes = expects
    attempt()
  }

  const ended = (): void => {
    if (search.pause !== null) clearTimeout(search.pause)
    squeeze?.abort()
    if (!over) {
      over = true
      search.error = 'H27'
      stopBody?.()
      connection?.abort()
    }
    const ms = performance.now() - began
    context.counter.finished({
      app: search.app,
      status: reply.status,
      protocol: asked.secure ? 'https' : 'http',
      ms,
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
      ms: Math.round(ms),
      id: asked.id,
    })
    connection = null
    head = null
    squeeze = null
    stopBody = null
    incoming = noRequest
    asked = noRequest
    requestText = ''
  }
  return { start, ended }
}
