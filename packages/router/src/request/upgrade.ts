// How do a client and an app use another protocol, such as WebSocket, through the router?
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Answer, Connection } from '../upstream/connection.ts'
import { countRefused, type RouterContext, seek, skip, startSearch } from '../context.ts'
import { endGently } from './unread.ts'
import { linesOf } from './head.ts'
import { isEncrypted, originOf } from './origin.ts'
import { type Page, page } from './pages.ts'
import { type Forwardable, type Incoming, readRequest } from './request.ts'
import { type ResponseHead, tokensOf } from '../upstream/response.ts'

/** Maximum data from a client before the app has agreed; it is held until then, so that it is never read as a request. */
const mostHeld = 65_536

function endWith(context: RouterContext, client: Socket, content: Page): void {
  const { status, message, pairs, body } = content
  endGently(
    client,
    `HTTP/1.1 ${status} ${message}\r\n${linesOf(pairs)}Connection: close\r\n\r\n${body}`,
    context.timing,
  )
}

/**
 * The request as one without an upgrade, for the server to read again; null when it is one to be upgraded. A server may
 * ignore an upgrade, and has to here: HTTP/2 would hide requests from the router, and a body would hide the protocol.
 */
function withoutUpgrade(request: IncomingMessage, asked: Forwardable): string | null {
  if (asked.body === 'none' && !tokensOf(asked.upgrade ?? '').includes('h2c')) return null
  let text = `${request.method} ${request.url} HTTP/1.1\r\n`
  const { rawHeaders } = request
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (!['upgrade', 'connection', 'http2-settings'].includes(rawHeaders[index]!.toLowerCase()))
      text += `${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`
  return `${text}\r\n`
}

function splice(
  context: RouterContext,
  request: IncomingMessage,
  client: Socket,
  first: Buffer,
  asked: Forwardable,
): void {
  const search = startSearch()
  const started = performance.now()
  const requestText = `${asked.method} ${asked.target} HTTP/1.1\r\n${asked.headers}Connection: Upgrade\r\nUpgrade: ${asked.upgrade}\r\n\r\n`
  let connection: Connection | null = null
  let status = 0
  let bytes = 0
  let isCounted = false
  let held = first.length > 0 ? [first] : []
  let heldBytes = first.length

  const hold = (chunk: Buffer): void => {
    held.push(chunk)
    heldBytes += chunk.length
    if (heldBytes > mostHeld) client.destroy()
  }
  const give = (content: Page): void => {
    status = content.status
    endWith(context, client, content)
  }
  // A tunnel counts when it opens, since it may stay open for days.
  const count = (): void => {
    if (isCounted) return
    isCounted = true
    const { app, retries, error } = search
    context.counter.finished({ app, status, protocol: 'ws', ms: null, bytes, retries, error })
  }
  const leave = (): void => {
    if (status !== 101) client.destroy()
  }
  const open = (to: Socket): void => {
    client.off('data', hold)
    for (const chunk of held) to.write(chunk)
    held = []
    client.pipe(to)
  }

  const answer: Answer = {
    interim: () => undefined,
    head(head: ResponseHead) {
      const switched = head.status === 101
      const ends = switched
        ? ['Connection', 'Upgrade', 'Upgrade', head.upgrade ?? asked.upgrade!]
        : ['Connection', 'close']
      const lines = `${head.lines}${linesOf(['X-Request-Id', asked.id, ...ends])}`
      status = head.status
      client.write(`HTTP/1.1 ${status} ${head.message}\r\n${lines}\r\n`, 'latin1')
      if (!switched) return
      count()
      open(connection!.socket)
    },
    body(chunk, last) {
      bytes += chunk?.length ?? 0
      const more = chunk === null || client.write(Buffer.from(chunk))
      if (last) client.end()
      return more
    },
    failed(failure) {
      connection = null
      if (status !== 0 && isEncrypted(client)) client.destroy()
      else if (status !== 0) client.resetAndDestroy()
      else if (!failure.sent) {
        skip(context, search, true)
        attempt()
      } else {
        search.error = failure.timedOut ? 'H12' : 'H13'
        give(page(failure.timedOut ? 504 : 502))
      }
    },
  }

  const attempt = (): void =>
    seek(context, asked, search, {
      found(upstream) {
        connection = context.upstreams.begin(upstream, 'tunnel')
        connection.ask(asked.method, requestText, true, answer)
      },
      none: give,
    })

  client.on('data', hold)
  client.on('drain', () => connection?.resume())
  // A client that ends before the app has agreed is gone; afterwards each direction ends by itself.
  client.on('end', leave)
  client.once('close', () => {
    if (search.pause !== null) clearTimeout(search.pause)
    connection?.abort()
    if (status === 0) search.error ??= 'H27'
    count()
    context.access?.({
      time: new Date().toISOString(),
      app: search.app,
      client: asked.address,
      method: asked.method,
      host: asked.host,
      path: asked.target,
      status,
      bytes,
      upstream: search.upstream?.address ?? null,
      ms: Math.round(performance.now() - started),
      id: asked.id,
    })
  })
  attempt()
}

/** `again` reads the socket from its beginning as a connection of the server. */
export function handleUpgrade(
  context: RouterContext,
  request: IncomingMessage,
  client: Socket,
  first: Buffer,
  again: (client: Socket) => void,
): void {
  // A socket without an error listener throws; 'close' follows and is enough.
  client.on('error', () => undefined)
  client.setTimeout(0)
  const seen = { ...originOf(context, client, request), newId: randomUUID }
  const asked = readRequest(request as IncomingMessage & Incoming, seen)
  if ('reason' in asked) {
    countRefused(context, seen.secure, asked.status)
    return endWith(context, client, page(asked.status, asked.reason))
  }
  const plain = withoutUpgrade(request, asked)
  if (plain === null) return splice(context, request, client, first, asked)
  client.unshift(Buffer.concat([Buffer.from(plain, 'latin1'), first]))
  again(client)
}
