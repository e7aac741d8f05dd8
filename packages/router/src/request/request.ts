// Which requests are refused, and which parts of the others are forwarded?
import { METHODS } from 'node:http'
import { filterOf } from '../bytes.ts'
import { proofHeader } from '@deis/types/channel'
import { hostOf } from '../table/hosts.ts'
import type { Origin } from './origin.ts'
import { tokensOf } from '../upstream/response.ts'

export type Incoming = {
  readonly method: string
  readonly url: string
  readonly httpVersion: string
  readonly rawHeaders: readonly string[]
}

export type Forwardable = {
  /** Of the client. */
  readonly address: string
  /** It came encrypted. */
  readonly secure: boolean
  readonly method: string
  /** As it goes to the app: a path with its query, or `*`. */
  readonly target: string
  readonly host: string
  /** Header lines for the app, without the blank line. */
  readonly headers: string
  readonly id: string
  readonly body: 'none' | 'length' | 'chunked'
  /** Sending it twice does no harm, and is possible. */
  readonly repeatable: boolean
  /** The Upgrade header, which is not among `headers`. */
  readonly upgrade: string | null
}

export type Refused = { readonly status: 400 | 501 | 505; readonly reason: string }

export type Seen = Origin & { readonly newId: () => string }

// Of the connection only (RFC 9110 §7.6.1), or set by the router itself: see originOf for which are trusted.
const ours = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
  proofHeader,
])
// Gateway interfaces do not distinguish `_` and `-`, so `X_Forwarded_For` would override the router's header.
const spoken = new Set([...ours, 'host', 'content-length'])
const repeatableMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
// Node's parser accepts those of RTSP and Icecast as well, and does not expose the protocol of a request.
const methods = new Set(METHODS.filter((method) => method !== 'SOURCE'))
const versions = new Set(['1.0', '1.1'])
const framing = new Set(['host', 'content-length'])
const saneId = /^[A-Za-z0-9._-]{1,128}$/
const digits = /^\d{1,15}$/
const absolute = /^http:\/\/([^/?#]*)(.*)$/i
const invalidCharacter = /[^\x21-\xff]/

function refuse(reason: string, status: Refused['status'] = 400): Refused {
  return { status, reason }
}

/** What is known of the headers of one request. */
export type Headers = {
  /** Header lines for the app. */
  lines: string
  host: string
  id: string | null
  length: string | null
  transfer: string | null
  upgrade: string | null
  connection: string
  hosts: number
  lengths: number
}

export function noHeaders(): Headers {
  return {
    lines: '',
    host: '',
    id: null,
    length: null,
    transfer: null,
    upgrade: null,
    connection: '',
    hosts: 0,
    lengths: 0,
  }
}

/** Notes a header, its name in lower case. @returns whether the app gets it. */
export function takeHeader(found: Headers, key: string, value: string): boolean {
  if (key === 'host') {
    found.host = value
    found.hosts++
    return true
  }
  if (key === 'content-length') {
    found.length = value
    found.lengths++
    return true
  }
  if (!ours.has(key)) return !(key.includes('_') && spoken.has(key.replaceAll('_', '-')))
  if (key === 'connection') found.connection = found.connection === '' ? value : `${found.connection},${value}`
  else if (key === 'transfer-encoding') found.transfer = found.transfer === null ? value : `${found.transfer},${value}`
  else if (key === 'upgrade') found.upgrade = found.upgrade === null ? value : `${found.upgrade},${value}`
  else if (key === 'x-request-id' && found.id === null && saneId.test(value)) found.id = value
  return false
}

/** Whether a header with a name of that length and first byte, and without `_`, has to be shown to `takeHeader`. */
export const mayMatter = filterOf(spoken)

function readHeaders(raw: readonly string[], named: ReadonlySet<string> | null): Headers {
  const found = noHeaders()
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!
    const value = raw[index + 1]!
    const key = name.toLowerCase()
    if (takeHeader(found, key, value) && !(named !== null && !framing.has(key) && named.has(key)))
      found.lines += `${name}: ${value}\r\n`
  }
  return found
}

/** Headers that `Connection` names are dropped, but never those that say where a request goes and where it ends. */
function headersOf(raw: readonly string[]): Headers {
  const found = readHeaders(raw, null)
  const { connection } = found
  if (connection === '' || connection === 'keep-alive' || connection === 'close') return found
  return readHeaders(raw, new Set(tokensOf(connection)))
}

/** The target for the app, or why there is none. The authority of an absolute target has to be the Host header's. */
function targetOf(incoming: Pick<Incoming, 'url' | 'method'>, host: string): string | Refused {
  const { url, method } = incoming
  if (invalidCharacter.test(url)) return refuse('the request target has invalid characters')
  if (url.startsWith('/')) return url
  if (url === '*' && method === 'OPTIONS') return url
  const match = absolute.exec(url)
  if (match === null) return refuse('the request target is not a path')
  if (hostOf(match[1]!) !== host) return refuse('the request target and the Host header differ')
  return match[2]!.startsWith('/') ? match[2]! : `/${match[2]}`
}

export function readRequest(incoming: Incoming, seen: Seen): Forwardable | Refused {
  const { method } = incoming
  if (!versions.has(incoming.httpVersion)) return refuse('only HTTP/1.1 and HTTP/1.0 are supported', 505)
  if (!methods.has(method)) return refuse('the method is not an HTTP method', 501)
  return readParts(incoming, headersOf(incoming.rawHeaders), seen)
}

/** The same when the headers are known, and method and version are common ones. */
export function readParts(incoming: Omit<Incoming, 'rawHeaders'>, found: Headers, seen: Seen): Forwardable | Refused {
  const { method } = incoming
  if (found.hosts !== 1)
    return refuse(found.hosts === 0 ? 'there is no Host header' : 'there is more than one Host header')
  const host = hostOf(found.host)
  if (host === null) return refuse('the Host header is not a host name')
  if (found.length !== null && (found.lengths > 1 || !digits.test(found.length)))
    return refuse('the Content-Length header is not one number')
  if (found.transfer !== null) {
    if (found.length !== null) return refuse('there are both Content-Length and Transfer-Encoding headers')
    if (incoming.httpVersion !== '1.1') return refuse('HTTP/1.0 has no Transfer-Encoding')
    if (found.transfer.toLowerCase() !== 'chunked')
      return refuse('chunked is the only supported Transfer-Encoding', 501)
  }
  const target = targetOf(incoming, host)
  if (typeof target !== 'string') return target
  const id = found.id ?? seen.newId()
  const body = found.transfer !== null ? 'chunked' : Number(found.length ?? 0) === 0 ? 'none' : 'length'
  const transfer = body === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : ''
  return {
    address: seen.address,
    secure: seen.secure,
    method,
    target,
    host,
    headers: `${found.lines}${transfer}X-Forwarded-For: ${seen.address}\r\nX-Forwarded-Proto: ${seen.secure ? 'https' : 'http'}\r\nX-Forwarded-Port: ${seen.port}\r\nX-Request-Id: ${id}\r\n`,
    id,
    body,
    repeatable: body === 'none' && repeatableMethods.has(method),
    upgrade: found.upgrade,
  }
}
