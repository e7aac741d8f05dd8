// How is one HTTP request sent to a registry, or to a server that a registry names?
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { guardedLookup, refuseOffLimits } from './address.ts'
import { BadContent } from './failure.ts'

/** Which connections a host may cause: hosts that it names are under its own rules. */
export type Rules = {
  /** Plain HTTP. */
  readonly plain: boolean
  /** Listed by the operator, so that it may have any address, including this machine's. */
  readonly trusted: boolean
}

export type Body = { readonly size: number; open(): Readable }

export type Exchange = {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Body | undefined
  readonly rules: Rules
  /** How long the connection may be silent. */
  readonly idleMs: number
  readonly signal: AbortSignal
}

/** Resolves with the head of the answer, whatever its status; the body is the caller's to read or destroy. Follows nothing. */
export type Wire = (exchange: Exchange) => Promise<IncomingMessage>

function fault(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

/** Passes on exactly `size` bytes: another number would leave the other side waiting, or confuse it. */
async function* exactly(size: number, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let sent = 0
  for await (const chunk of chunks) {
    sent += chunk.length
    if (sent > size) break
    yield chunk
  }
  if (sent !== size) throw new BadContent(`${size} bytes were announced, ${sent > size ? 'more' : sent} came`)
}

export function createWire(): Wire {
  // No limit of connections: a copy that holds one must not wait for its other one.
  const options = { keepAlive: true }
  // Connections are kept apart, so that a guarded request does not go over a connection made without the guard.
  const agents = {
    trusted: { http: new HttpAgent(options), https: new HttpsAgent(options) },
    guarded: {
      http: new HttpAgent({ ...options, lookup: guardedLookup }),
      https: new HttpsAgent({ ...options, lookup: guardedLookup }),
    },
  }
  return async ({ method, url, headers, body, rules, idleMs, signal }) => {
    signal.throwIfAborted()
    const secure = url.protocol === 'https:'
    if (!secure && !(url.protocol === 'http:' && rules.plain))
      throw fault('ERR_NOT_SECURE', `${url.host} is to be asked by ${url.protocol.slice(0, -1)}`)
    if (!rules.trusted) refuseOffLimits(url.hostname)
    const { http, https } = rules.trusted ? agents.trusted : agents.guarded
    const all = {
      method,
      headers: {
        'user-agent': 'deis',
        'accept-encoding': 'identity',
        ...headers,
        ...(body ? { 'content-length': String(body.size) } : {}),
      },
      signal,
    }
    return new Promise<IncomingMessage>((resolve, reject) => {
      const fail = (error: unknown): void => reject(signal.aborted ? (signal.reason as Error) : (error as Error))
      const request = secure
        ? httpsRequest(url, { ...all, agent: https }, resolve)
        : httpRequest(url, { ...all, agent: http }, resolve)
      request.setTimeout(idleMs, () => request.destroy(fault('ETIMEDOUT', `${url.host} was silent for ${idleMs} ms`)))
      request.on('error', fail)
      // An answer that comes before all was sent is the answer; the rest of the body then has nowhere to go.
      if (body)
        pipeline(body.open(), (chunks: AsyncIterable<Buffer>) => exactly(body.size, chunks), request).catch(fail)
      else request.end()
    })
  }
}
