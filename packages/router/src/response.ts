// What does the head of an app's response say, and how long is its body?

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

/** The app does not speak HTTP/1.x as a proxy can trust it. */
export class BadResponse extends Error {}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/
const digits = /^\d{1,15}$/

/** The value of a header line after its colon, without the white space around it; other bytes are the app's. */
export function valueAfter(line: string, colon: number): string {
  let from = colon + 1
  let to = line.length
  while (from < to && (line[from] === ' ' || line[from] === '\t')) from++
  while (to > from && (line[to - 1] === ' ' || line[to - 1] === '\t')) to--
  return line.slice(from, to)
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
  const lines = text.split('\r\n')
  const start = statusLine.exec(lines[0]!)
  if (start === null) throw new BadResponse('the response does not begin with an HTTP/1 status line')
  const status = Number(start[2])
  let raw: string[] = []
  let length = -1
  let chunked = false
  let upgrade: string | null = null
  let connection = ''
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index]!
    const colon = line.indexOf(':')
    if (colon < 1) throw new BadResponse('the response has a header line without a name')
    const name = line.slice(0, colon)
    const value = valueAfter(line, colon)
    switch (name.toLowerCase()) {
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
      case 'keep-alive':
      case 'proxy-connection':
      case 'proxy-authenticate':
      case 'te':
      case 'trailer':
      case 'x-request-id':
        break
      default:
        raw.push(name, value)
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
  const head = { status, message: start[3] ?? '', raw, keepAlive, upgrade }
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304)
    return { ...head, body: 'length', length: 0 }
  if (chunked) return { ...head, body: 'chunked', length: 0 }
  return length >= 0 ? { ...head, body: 'length', length } : { ...head, keepAlive: false, body: 'close', length: 0 }
}
