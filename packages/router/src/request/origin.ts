// Which client sent a request, and was it encrypted?
import { isIP, type Socket } from 'node:net'
import type { Networks } from '../table/networks.ts'

export type Origin = {
  readonly address: string
  readonly secure: boolean
  /** Where the client sent it to. */
  readonly port: number
}

/** What the router knows about itself and the proxies in front of it. */
export type OriginSettings = {
  /** Proxies whose X-Forwarded headers are trusted; null: none. */
  readonly trusted: Networks | null
  /** Where clients reach the router without TLS. */
  port: number
  /** Where they reach it, or a proxy before it, with TLS. */
  tlsPort: number
}

/** The peer's address; IPv4 as such on a socket that takes both. */
function addressOf(socket: Socket): string {
  const address = socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

export function isEncrypted(socket: Socket): boolean {
  return 'encrypted' in socket
}

/** All values of a list header, in the order in which proxies added them. */
function valuesOf(raw: readonly string[], header: string): string[] {
  const found: string[] = []
  for (let index = 0; index < raw.length; index += 2)
    if (raw[index]!.toLowerCase() === header) found.push(...raw[index + 1]!.split(',').map((value) => value.trim()))
  return found
}

/** Some proxies add the client's port. */
function withoutPort(value: string): string {
  const match = /^\[([^\]]*)\](?::\d+)?$/.exec(value) ?? /^([\d.]+):\d+$/.exec(value)
  return match?.[1] ?? value
}

/** From the nearest proxy outwards, as far as each is trusted. An invalid address ends it: the proxy that sent it is the client. */
function clientBehind(peer: string, trusted: Networks, raw: readonly string[]): string {
  let client = peer
  for (const value of valuesOf(raw, 'x-forwarded-for').toReversed()) {
    const next = withoutPort(value)
    if (isIP(next) === 0) break
    client = next
    if (!trusted.has(next)) break
  }
  return client
}

/** Real TLS always counts; the headers of a request only when a trusted proxy sent it (docs/contract/build-and-route.md §4.4). */
export function originOf(
  settings: OriginSettings,
  socket: Socket,
  request: { readonly rawHeaders: readonly string[] },
): Origin {
  const peer = addressOf(socket)
  const encrypted = isEncrypted(socket)
  const { trusted, port, tlsPort } = settings
  if (trusted === null || !trusted.has(peer))
    return { address: peer, secure: encrypted, port: encrypted ? tlsPort : port }
  const { rawHeaders } = request
  const scheme = valuesOf(rawHeaders, 'x-forwarded-proto').at(-1)?.toLowerCase()
  const secure = encrypted || scheme === 'https' || scheme === 'wss'
  const forwardedPort = Number(valuesOf(rawHeaders, 'x-forwarded-port').at(-1))
  const usual = secure ? tlsPort : port
  return {
    address: clientBehind(peer, trusted, rawHeaders),
    secure,
    port: Number.isInteger(forwardedPort) && forwardedPort > 0 && forwardedPort < 65_536 ? forwardedPort : usual,
  }
}
