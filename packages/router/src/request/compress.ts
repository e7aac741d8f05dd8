// Which responses does the router compress, and how?
import { type BrotliCompress, constants, createBrotliCompress, createGzip, type Gzip } from 'node:zlib'
import { linesOf } from './head.ts'
import type { Incoming } from './request.ts'
import { pairsOf, type ResponseHead, tokensOf } from '../upstream/response.ts'

export type Encoding = 'br' | 'gzip'

/** How a response is sent to its client. Null: unchanged. */
export type Compression = {
  /** Header lines for the client, in place of the app's own. */
  readonly lines: string
  /** Null: the response may be compressed, but not for this client, or not now. */
  readonly encoding: Encoding | null
}

const least = 1_024
// The longest header that is read; a longer one is ignored.
const longestHeader = 1_024

const text = /^(?:text\/(?!event-stream$)[a-z0-9.+-]+|[a-z]+\/[a-z0-9.-]+\+(?:json|xml|text))$/
const others = new Set([
  'application/json',
  'application/javascript',
  'application/x-javascript',
  'application/xml',
  'application/x-ndjson',
  'application/wasm',
  'application/rtf',
  'application/vnd.ms-fontobject',
  'font/ttf',
  'font/otf',
  'image/bmp',
  'image/x-icon',
  'image/vnd.microsoft.icon',
])

/** Statuses whose body is not the whole of something, or that have none. */
const never = new Set([204, 205, 206, 304])
/** These describe the exact bytes that were sent, or say that they are compressed already. */
const binding = new Set(['content-encoding', 'content-range', 'content-md5', 'digest', 'content-digest', 'repr-digest'])

const weight = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

/** The encoding that the client accepts (RFC 9110 §12.5.3), brotli before gzip; null: none. */
export function acceptedEncoding(header: string): Encoding | null {
  if (header.length > longestHeader) return null
  const weights = new Map<string, number>()
  for (const member of tokensOf(header)) {
    const [coding = '', ...parameters] = member.split(';').map((part) => part.trim())
    const q = parameters.length === 0 ? '1' : weight.exec(parameters.join(';'))?.[1]
    // A malformed entry is not accepted.
    if (coding !== '') weights.set(coding === 'x-gzip' ? 'gzip' : coding, Number(q ?? 0))
  }
  const any = weights.get('*') ?? 0
  const br = weights.get('br') ?? any
  const gzip = weights.get('gzip') ?? any
  const best = Math.max(br, gzip)
  if (best === 0 || best < (weights.get('identity') ?? 0)) return null
  return br === best ? 'br' : 'gzip'
}

function isCompressible(type: string): boolean {
  const end = type.indexOf(';')
  const bare = (end < 0 ? type : type.slice(0, end)).trim().toLowerCase()
  return bare.length < 128 && (others.has(bare) || text.test(bare))
}

/** Null when the response stays as it came. */
function rewritten(raw: readonly string[], encoding: Encoding | null): string[] | null {
  const kept: string[] = []
  let type = ''
  let vary = ''
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!
    const value = raw[index + 1]!
    const key = name.toLowerCase()
    if (binding.has(key)) return null
    if (key === 'cache-control' && tokensOf(value).includes('no-transform')) return null
    if (key === 'content-type') type = value
    if (key === 'vary') vary += `,${value}`
    // A range of the compressed bytes cannot be requested, and a strong tag would be wrong for them.
    if (encoding !== null && (key === 'content-length' || key === 'accept-ranges')) continue
    const strong = encoding !== null && key === 'etag' && !value.startsWith('W/')
    kept.push(name, strong ? `W/${value}` : value)
  }
  if (!isCompressible(type)) return null
  const varies = tokensOf(vary)
  if (!varies.includes('accept-encoding') && !varies.includes('*')) kept.push('Vary', 'Accept-Encoding')
  if (encoding !== null) kept.push('Content-Encoding', encoding)
  return kept
}

/** `hasCapacity`: another compression may start. */
export function compressionOf(
  request: Omit<Incoming, 'url'>,
  head: ResponseHead,
  hasCapacity: boolean,
): Compression | null {
  if (request.method === 'HEAD' || never.has(head.status)) return null
  if (head.body === 'length' && head.length < least) return null
  let accepted = ''
  // HTTP/1.0 has no way to say where a body of unknown length ends.
  if (hasCapacity && request.httpVersion === '1.1')
    for (let index = 0; index < request.rawHeaders.length; index += 2)
      if (request.rawHeaders[index]!.toLowerCase() === 'accept-encoding')
        accepted += `${accepted === '' ? '' : ','}${request.rawHeaders[index + 1]!}`
  const encoding = acceptedEncoding(accepted)
  const pairs = rewritten(pairsOf(head.lines), encoding)
  return pairs === null ? null : { lines: linesOf(pairs), encoding }
}

// At these levels the router is rarely slower than the network; the windows keep memory small.
const gzipOptions = { level: 5, memLevel: 8 }
const brotliOptions = {
  params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 },
}

export function openCompressor(encoding: Encoding): Gzip | BrotliCompress {
  return encoding === 'br' ? createBrotliCompress(brotliOptions) : createGzip(gzipOptions)
}

export const flushOf: Readonly<Record<Encoding, number>> = {
  br: constants.BROTLI_OPERATION_FLUSH,
  gzip: constants.Z_SYNC_FLUSH,
}
