// Is what arrived exactly one whole request that cannot be understood in two ways?
//
// The grammar is narrower than HTTP on purpose: what it does not match is left to Node's parser.
import {
  colon,
  cr,
  filterOf,
  inPlainValue,
  inTarget,
  inToken,
  isUnderscore,
  kinds,
  lf,
  slash,
  space,
} from '../bytes.ts'
import { type Headers, type Incoming, mayMatter, noHeaders, takeHeader } from './request.ts'
import { pairsOf } from '../upstream/response.ts'

export class Plain implements Incoming {
  readonly httpVersion = '1.1'
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly keepAlive: boolean
  /** All of it, a character for each byte. */
  readonly body: string
  readonly #lines: string

  constructor(method: string, url: string, headers: Headers, keepAlive: boolean, body: string, lines: string) {
    this.method = method
    this.url = url
    this.headers = headers
    this.keepAlive = keepAlive
    this.body = body
    this.#lines = lines
  }

  /** Seldom asked for, so not made before. */
  get rawHeaders(): string[] {
    return pairsOf(this.#lines)
  }
}

/** A longer head or body goes to Node's parser, which has limits of its own. */
const longest = 8_192

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
const longestMethod = 7
/** They change what follows, or how a connection goes on. */
const delicate: ReadonlySet<string> = new Set(['transfer-encoding', 'upgrade', 'expect', 'proxy-connection'])
const mayBeDelicate = filterOf(delicate)
const digits = /^\d{1,4}$/

/** Null when it is anything else. */
export function readPlain(bytes: Buffer): Plain | null {
  const { length } = bytes
  if (length > 2 * longest) return null
  const text = bytes.toString('latin1')
  const methodEnd = text.indexOf(' ')
  if (methodEnd < 0 || methodEnd > longestMethod || bytes[methodEnd + 1] !== slash) return null
  const method = text.slice(0, methodEnd)
  if (!methods.has(method)) return null
  let at = methodEnd + 2
  while (at < length && (kinds[bytes[at]!]! & inTarget) !== 0) at++
  const url = text.slice(methodEnd + 1, at)
  if (!text.startsWith(' HTTP/1.1\r\n', at)) return null
  at += 11
  const first = at
  const headers = noHeaders()
  let size = -1
  let connection = ''
  /** The lines since then go to the app as they came. */
  let run = at
  while (at < length && bytes[at] !== cr) {
    const start = at
    let seen = 0
    for (let kind = kinds[bytes[at]!]!; (kind & inToken) !== 0; kind = at < length ? kinds[bytes[at]!]! : 0) {
      seen |= kind
      at++
    }
    // A colon, one space, and a value that begins and ends with something visible.
    const end = at
    const from = at + 2
    if (end === start || from >= length || bytes[at] !== colon || bytes[at + 1] !== space) return null
    at = from
    while (at < length && (kinds[bytes[at]!]! & inPlainValue) !== 0) at++
    if (at + 1 >= length || bytes[at] !== cr || bytes[at + 1] !== lf) return null
    if (at === from || bytes[from]! <= space || bytes[at - 1]! <= space) return null
    at += 2
    const matters = mayMatter(end - start, bytes[start]!) || (seen & isUnderscore) !== 0
    if (!matters && !mayBeDelicate(end - start, bytes[start]!)) continue
    const key = text.slice(start, end).toLowerCase()
    const value = text.slice(from, at - 2)
    if (delicate.has(key)) return null
    if (key === 'content-length') {
      if (size >= 0 || !digits.test(value)) return null
      size = Number(value)
    } else if (key === 'connection') {
      if (connection !== '') return null
      connection = value.toLowerCase()
      if (connection !== 'keep-alive' && connection !== 'close') return null
    }
    if (takeHeader(headers, key, value)) continue
    headers.lines += text.slice(run, start)
    run = at
  }
  if (at + 1 >= length || bytes[at + 1] !== lf || at > longest) return null
  headers.lines += text.slice(run, at)
  const lines = text.slice(first, at)
  at += 2
  // Neither a part of it, nor more than it.
  if (length - at !== Math.max(size, 0) || size > longest) return null
  return new Plain(method, url, headers, connection !== 'close', size > 0 ? text.slice(at) : '', lines)
}
