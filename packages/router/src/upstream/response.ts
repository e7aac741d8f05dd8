// What does the head of an app's response contain, and how long is its body?
import { colon, cr, filterOf, inToken, inValue, kinds, lf, space, tab } from '../bytes.ts'

export type ResponseHead = {
  readonly status: number
  readonly message: string
  /** The header lines as they came, but for white space around values, without what belongs to the connection only. */
  readonly lines: string
  /** Whether there is a Content-Length, a Date and a Strict-Transport-Security among them. */
  readonly sized: boolean
  readonly dated: boolean
  readonly strict: boolean
  /** `length`: exactly that many bytes; `chunked`; `close`: all until the connection ends. */
  readonly body: 'length' | 'chunked' | 'close'
  readonly length: number
  /** The connection may serve another request. */
  readonly keepAlive: boolean
  readonly upgrade: string | null
  /** How many bytes the head has. */
  readonly size: number
}

/** The app's response is not valid HTTP/1.x. */
export class BadResponse extends Error {}

// Of the connection only (RFC 9110 §7.6.1), or set by the router.
const dropped = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
])
const maySay = filterOf([...dropped, 'content-length', 'date', 'strict-transport-security'])
const digits = /^\d{1,15}$/
const statusDigits = /^[1-9]\d\d$/
/** `HTTP/1.1 200` and the end of the head. */
const shortest = 16
/** Most heads are shorter, and most bodies longer. */
const usualSize = 1_024

/** The lower-cased words of a comma list. */
export function tokensOf(value: string): string[] {
  return value.split(',').map((token) => token.trim().toLowerCase())
}

/** Names and values in turn. */
export function pairsOf(lines: string): string[] {
  const pairs: string[] = []
  for (let at = 0; at < lines.length;) {
    const colonAt = lines.indexOf(':', at)
    const end = lines.indexOf('\r\n', colonAt)
    pairs.push(lines.slice(at, colonAt), lines.slice(colonAt + 2, end))
    at = end + 2
  }
  return pairs
}

/** Without the lines that a Connection header names. */
function withoutNamed(lines: string, named: readonly string[]): string {
  let kept = ''
  const pairs = pairsOf(lines)
  for (let index = 0; index < pairs.length; index += 2) {
    const name = pairs[index]!.toLowerCase()
    if (name === 'content-length' || !named.includes(name)) kept += `${pairs[index]}: ${pairs[index + 1]}\r\n`
  }
  return kept
}

/** What is written out again is valid. Null: the head is not complete yet. @throws BadResponse */
export function parseHead(bytes: Buffer, method: string): ResponseHead | null {
  const { length: size } = bytes
  let text = bytes.toString('latin1', 0, Math.min(size, usualSize))
  if (size < shortest && !text.includes('\r\n\r\n')) return null
  const modern = text.startsWith('HTTP/1.1 ')
  if ((!modern && !text.startsWith('HTTP/1.0 ')) || !statusDigits.test(text.slice(9, 12)))
    throw new BadResponse('the response does not begin with an HTTP/1 status line')
  const status = Number(text.slice(9, 12))
  let at = 12
  if (bytes[at] === space) while (at < size && (kinds[bytes[at]!]! & inValue) !== 0) at++
  const messageEnd = at
  let lines = ''
  let sized = false
  let dated = false
  let strict = false
  let length = -1
  let chunked = false
  let upgrade: string | null = null
  let connection = ''
  /** The lines since then stay as they came. */
  let run = at + 2
  for (;;) {
    // The end of the status line or of a header.
    if (at + 1 >= size) return null
    if (bytes[at] !== cr || bytes[at + 1] !== lf) throw new BadResponse('the response has a line that is not valid')
    at += 2
    const start = at
    while (at < size && (kinds[bytes[at]!]! & inToken) !== 0) at++
    if (at >= size) return null
    const nameEnd = at
    if (nameEnd === start) {
      if (bytes[at] !== cr) throw new BadResponse('the response has a header line without a name')
      if (at + 1 >= size) return null
      if (bytes[at + 1] !== lf) throw new BadResponse('the response has a line that is not valid')
      break
    }
    if (bytes[at] !== colon) throw new BadResponse('the response has a header line without a name')
    at++
    while (at < size && (bytes[at] === space || bytes[at] === tab)) at++
    const from = at
    while (at < size && (kinds[bytes[at]!]! & inValue) !== 0) at++
    if (at + 1 >= size) return null
    let to = at
    while (to > from && (bytes[to - 1] === space || bytes[to - 1] === tab)) to--
    if (at > text.length) text = bytes.toString('latin1')
    let stays = true
    if (maySay(nameEnd - start, bytes[start]!)) {
      const key = text.slice(start, nameEnd).toLowerCase()
      stays = !dropped.has(key)
      const value = text.slice(from, to)
      switch (key) {
        case 'content-length':
          if (length >= 0 || !digits.test(value)) throw new BadResponse('the response has no clear Content-Length')
          length = Number(value)
          stays = status !== 204
          sized = stays
          break
        case 'transfer-encoding':
          if (chunked || value.toLowerCase() !== 'chunked' || !modern)
            throw new BadResponse('the response has a Transfer-Encoding other than chunked')
          chunked = true
          break
        case 'connection':
          connection = connection === '' ? value : `${connection},${value}`
          break
        case 'upgrade':
          upgrade = value
          break
        case 'date':
          dated = true
          break
        case 'strict-transport-security':
          strict = true
          break
      }
    }
    if (stays && from === nameEnd + 2 && bytes[nameEnd + 1] === space && to === at) continue
    lines += text.slice(run, start)
    if (stays) lines += `${text.slice(start, nameEnd)}: ${text.slice(from, to)}\r\n`
    run = at + 2
  }
  if (at > text.length) text = bytes.toString('latin1', 0, at)
  lines = lines === '' ? text.slice(run, at) : lines + text.slice(run, at)
  if (chunked && length >= 0) throw new BadResponse('the response has both Content-Length and Transfer-Encoding')
  let keepAlive = modern
  if (connection !== '' && connection.toLowerCase() !== 'keep-alive') {
    const named = tokensOf(connection)
    if (named.includes('close')) keepAlive = false
    lines = withoutNamed(lines, named)
    if (named.includes('date')) dated = false
    if (named.includes('strict-transport-security')) strict = false
  }
  const none = method === 'HEAD' || status < 200 || status === 204 || status === 304
  const body = none || (!chunked && length >= 0) ? 'length' : chunked ? 'chunked' : 'close'
  return {
    status,
    message: text.slice(13, messageEnd),
    lines,
    sized,
    dated,
    strict,
    body,
    length: none || length < 0 ? 0 : length,
    keepAlive: keepAlive && body !== 'close',
    upgrade,
    size: at + 2,
  }
}
