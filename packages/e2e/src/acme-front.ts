// How does a CA behave that Debian's Pebble is not? A proxy before it, which stands in for limits, suggestions and failures.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { createMoments, type Moment } from './acme-moments.ts'
import type { Pebble } from './pebble.ts'

type Refusal = {
  readonly status: number
  readonly type: string
  readonly detail: string
  readonly retryAfter?: string
  /** Whether orders are taken that replace nothing. */
  readonly replacingOnly?: boolean
}

type Order = { readonly host: string; readonly replaces: string | null }

export type Front = {
  readonly directory: string
  /** New orders that it took or, as it was told, refused. */
  readonly orders: readonly Order[]
  /** Names for which it made a certificate, each time that it did. */
  readonly finalized: readonly string[]
  /** Keeps requests for a name at that moment, and no other, and resolves when one is there. `release`: none any more. */
  hold(host: string, moment: Moment): Promise<void>
  /** Resolves when nobody waits for what is held any more. */
  abandoned(): Promise<unknown>
  release(): void
  /** Answers new orders so, until it is called with null. */
  refuse(refusal: Refusal | null): void
  /** What it suggests for certificates (RFC 9773); null: no `renewalInfo` in its directory. */
  suggest(window: ((certId: string) => { start: Date; end: Date }) | null): void
  /** Whether it breaks off every connection. */
  down(isDown: boolean): void
  stop(): Promise<void>
}

const prefix = 'urn:ietf:params:acme:error:'

function orderIn(body: Buffer): Order {
  const { payload } = JSON.parse(body.toString()) as { payload: string }
  const { identifiers = [], replaces = null } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    identifiers?: { value: string }[]
    replaces?: string
  }
  return { host: identifiers[0]?.value ?? '', replaces }
}

export async function startFront(
  { api }: Pebble,
  { caaIdentities }: { caaIdentities?: string[] } = {},
): Promise<Front> {
  const [cert, key] = [readFileSync(api.certificate), readFileSync(api.privateKey)]
  const orders: Order[] = []
  const finalized: string[] = []
  const moments = createMoments()
  let refusal: Refusal | null = null
  let suggestion: ((certId: string) => { start: Date; end: Date }) | null = null
  let isDown = false

  const directoryOf = (body: Buffer, host: string): string => {
    const given = JSON.parse(body.toString()) as { meta: object }
    return JSON.stringify({
      ...given,
      meta: { ...given.meta, ...(caaIdentities ? { caaIdentities } : {}) },
      ...(suggestion ? { renewalInfo: `https://${host}/renewal-info` } : {}),
    })
  }
  const handle = async (asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
    if (isDown) return void asked.socket.destroy()
    const { method, url = '/', headers } = asked
    const body = await buffer(asked)
    const renewal = /^\/renewal-info\/(.+)$/.exec(url)
    if (renewal && suggestion) {
      const { start, end } = suggestion(renewal[1]!)
      answer.writeHead(200, { 'content-type': 'application/json', 'retry-after': '60' })
      return void answer.end(JSON.stringify({ suggestedWindow: { start, end } }))
    }
    const order = method === 'POST' && url === '/order-plz' ? orderIn(body) : null
    if (order !== null) {
      const { replaces } = order
      if (refusal !== null && (replaces !== null || refusal.replacingOnly !== true)) {
        const { status, type, detail, retryAfter } = refusal
        const more = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
        orders.push(order)
        answer.writeHead(status, { 'content-type': 'application/problem+json', ...more })
        return void answer.end(JSON.stringify({ type: prefix + type, detail }))
      }
    }
    const host = order?.host ?? moments.hostOf(url)
    await moments.pass(host, url, 'asked', answer)
    // Whoever asked has been killed.
    if (answer.destroyed) return
    // With the same Host, so that the addresses that Pebble makes, and those that are signed, are ours.
    const call = request({ host: '127.0.0.1', port: api.port, method, path: url, headers, ca: cert, agent: false })
    call.end(body)
    const [response] = (await once(call, 'response')) as [IncomingMessage]
    const came = await buffer(response)
    // Not for nonces that it refuses, and accounts that it has forgotten: they come again.
    if (order !== null && response.statusCode === 201) orders.push(order)
    if (url.startsWith('/finalize-order/') && response.statusCode === 200 && host !== undefined) finalized.push(host)
    if ((response.statusCode ?? 502) < 400) {
      moments.learn(response.headers, came)
      await moments.pass(host, url, 'answered', answer)
    }
    const { 'content-length': _, ...rest } = response.headers
    answer.writeHead(response.statusCode ?? 502, rest)
    answer.end(url === '/dir' ? directoryOf(came, headers.host ?? '') : came)
  }
  const server = createServer({ cert, key }, (asked, answer) => {
    // Whoever asks sees it as a connection that breaks off.
    handle(asked, answer).catch(() => asked.socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    directory: `https://localhost:${(server.address() as AddressInfo).port}/dir`,
    orders,
    finalized,
    hold: (host, moment) => moments.hold(host, moment),
    abandoned: () => moments.abandoned(),
    release: () => moments.release(),
    refuse: (given) => void (refusal = given),
    suggest: (given) => void (suggestion = given),
    down: (given) => void (isDown = given),
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
