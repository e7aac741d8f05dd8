// What does the head of an app's response contain, and how long is its body?

export type ResponseHead = {
  readonly status: number
  readonly message: string
  /** Names and values in turn, as they came, without what belongs to the connection only. */
  readonly raw: string[]
  /** `length`: exactly that many bytes; `chunked`; `close`: all until the connection ends. */
  readonly body: 'length' | 'chunked' | 'close'
  readonly length: number
  /** The connection may serve another request. */
  readonly keepAlive: boolean
  readonly upgrade: string | null
}

/** The app's response is not valid HTTP/1.x. */
export class BadResponse extends Error {}

// Of the connection only (RFC 9110 §7.6.1), or set by the router.
const special = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
])
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/
const digits = /^\d{1,15}$/

const space = 0x20
const tab = 0x09

/** The text between two places without the white space around it; other bytes are the app's. */
function trimmed(text: string, start: number, end: number): string {
  let from = start
  let to = end
  for (let code = text.charCodeAt(from); from < to && (code === space || code === tab); code = text.charCodeAt(from))
    from++
  for (
    let code = text.charCodeAt(to - 1);
    to > from && (code === space || code === tab);
    code = text.charCodeAt(to - 1)
  )
    to--
  return text.slice(from, to)
}

/** The lower-cased words of a comma list. */
export function tokensOf(value: string): string[] {
  return value.split(',').map((token) => token.trim().toLowerCase())
}

/**
 * `text` is everything before the blank line. Names and values are checked where they are written out again.
 * @throws BadResponse
 */
export function parseHead(text: string, method: string): ResponseHead {
  let end = text.indexOf('\r\n')
  const start = statusLine.exec(end < 0 ? text : text.slice(0, end))
  if (start === null) throw new BadResponse('the response does not begin with an HTTP/1 status line')
  const status = Number(start[2])
  let raw: string[] = []
  let length = -1
  let chunked = false
  let upgrade: string | null = null
  let connection = ''
  while (end >= 0) {
    const from = end + 2
    end = text.indexOf('\r\n', from)
    const to = end < 0 ? text.length : end
    const colon = text.indexOf(':', from)
    if (colon <= from || colon >= to) throw new BadResponse('the response has a header line without a name')
    const name = text.slice(from, colon)
    const value = trimmed(text, colon + 1, to)
    const key = name.toLowerCase()
    // Most headers are not special, and one look-up is cheaper than twelve comparisons.
    if (!special.has(key)) {
      raw.push(name, value)
      continue
    }
    switch (key) {
      case 'content-length':
        if (length >= 0 || !digits.test(value)) throw new BadResponse('the response has no clear Content-Length')
        length = Number(value)
        if (status !== 204) raw.push(name, value)
        break
      case 'transfer-encoding':
        if (chunked || value.toLowerCase() !== 'chunked' || start[1] === '0')
          throw new BadResponse('the response has a Transfer-Encoding other than chunked')
        chunked = true
        break
      case 'connection':
        connection = connection === '' ? value : `${connection},${value}`
        break
      case 'upgrade':
        upgrade = value
        break
    }
  }
  if (chunked && length >= 0) throw new BadResponse('the response has both Content-Length and Transfer-Encoding')
  let keepAlive = start[1] === '1'
  if (connection !== '' && connection.toLowerCase() !== 'keep-alive') {
    const named = tokensOf(connection)
    if (named.includes('close')) keepAlive = false
    raw = raw.filter((_, index) => {
      const name = raw[index & ~1]!.toLowerCase()
      return name === 'content-length' || !named.includes(name)
    })
  }
  const message = start[3] ?? ''
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304)
    return { status, message, raw, body: 'length', length: 0, keepAlive, upgrade }
  if (chunked) return { status, message, raw, body: 'chunked', length: 0, keepAlive, upgrade }
  if (length >= 0) return { status, message, raw, body: 'length', length, keepAlive, upgrade }
  return { status, message, raw, body: 'close', length: 0, keepAlive: false, upgrade }
}
