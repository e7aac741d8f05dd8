// Are responses of apps framed as HTTP says, and refused when they are not clear?
import { expect, test } from 'vitest'
import { createChunked } from './chunked.ts'
import { BadResponse, pairsOf, parseHead, type ResponseHead } from './response.ts'

function read(lines: readonly string[], method = 'GET'): ResponseHead {
  const text = `${lines.join('\r\n')}\r\n\r\n`
  const head = parseHead(Buffer.from(`${text}body`, 'latin1'), method)!
  expect(head.size).toBe(text.length)
  return head
}

test.each([
  ['GET', 'HTTP/1.1 200 OK|Content-Length: 5', 'length', 5, true],
  ['GET', 'HTTP/1.1 200 OK|content-length:5', 'length', 5, true],
  ['GET', 'HTTP/1.1 200|Content-Length: 0', 'length', 0, true],
  ['GET', 'HTTP/1.1 200 OK|Content-Length: 5|Connection: close', 'length', 5, false],
  ['GET', 'HTTP/1.1 200 OK|Content-Length: 5|Connection: Keep-Alive', 'length', 5, true],
  ['GET', 'HTTP/1.0 200 OK|Content-Length: 5', 'length', 5, false],
  ['GET', 'HTTP/1.1 200 OK|Transfer-Encoding: Chunked', 'chunked', 0, true],
  ['GET', 'HTTP/1.1 200 OK', 'close', 0, false],
  ['HEAD', 'HTTP/1.1 200 OK|Content-Length: 5', 'length', 0, true],
  ['HEAD', 'HTTP/1.1 200 OK|Transfer-Encoding: chunked', 'length', 0, true],
  ['GET', 'HTTP/1.1 204 No Content', 'length', 0, true],
  ['GET', 'HTTP/1.1 304 Not Modified|Content-Length: 5', 'length', 0, true],
  ['GET', 'HTTP/1.1 103 Early Hints|Link: x', 'length', 0, true],
])('%s %s', (method, text, body, length, keepAlive) => {
  expect(read(text.split('|'), method)).toMatchObject({ body, length, keepAlive })
})

test.each([
  'HTTP/2 200 OK',
  'ICY',
  'HTTP/1.1 2000 OK',
  'HTTP/1.1 099 Low',
  'ICY 200 OK',
  'HTTP/1.1 200 OK|No colon here',
  'HTTP/1.1 200 OK|: no name',
  'HTTP/1.1 200 OK|Content-Length: 5|Content-Length: 5',
  'HTTP/1.1 200 OK|Content-Length: 5, 5',
  'HTTP/1.1 200 OK|Content-Length: -1',
  'HTTP/1.1 200 OK|Content-Length: 0x10',
  'HTTP/1.1 200 OK|Content-Length: ',
  'HTTP/1.1 200 OK|Content-Length: 5|Transfer-Encoding: chunked',
  'HTTP/1.1 200 OK|Transfer-Encoding: gzip, chunked',
  'HTTP/1.1 200 OK|Transfer-Encoding: identity',
  'HTTP/1.1 200 OK|Transfer-Encoding: chunked|Transfer-Encoding: chunked',
  'HTTP/1.0 200 OK|Transfer-Encoding: chunked',
])('%s is refused', (text) => {
  expect(() => read(text.split('|'))).toThrow(BadResponse)
})

test('a head that is not complete is waited for', () => {
  const text = 'HTTP/1.1 200 OK\r\nX-Own: y\r\nContent-Length:  5 \r\n\r\n'
  for (let end = 0; end < text.length; end++) expect(parseHead(Buffer.from(text.slice(0, end)), 'GET')).toBeNull()
  expect(parseHead(Buffer.from(text), 'GET')).toMatchObject({ lines: 'X-Own: y\r\nContent-Length: 5\r\n', length: 5 })
})

test.each(['X: a\rb', 'X: a\nb', 'X: a\0b', 'X Y: a', 'X : a', 'X\u00e9: a', ' X: a'])(
  'the header %j is refused',
  (line) => {
    expect(() => read(['HTTP/1.1 200 OK', line, 'Y: b'])).toThrow(BadResponse)
  },
)

test('order, duplicates, case and bytes of headers stay; those of the connection go', () => {
  const { lines, message, sized, dated, strict } = read([
    'HTTP/1.1 200 Very OK',
    'Set-Cookie: a=1',
    'X-Drop: me',
    'set-cookie:  b=2\t',
    'Connection: keep-alive, X-Drop, content-length',
    'Keep-Alive: timeout=5',
    'Trailer: x',
    'X-Request-Id: of the app',
    'X-Empty:',
    'X-Bytes: caf\u00c3\u00a0',
    'Content-Length: 1',
  ])
  expect(message).toBe('Very OK')
  expect({ sized, dated, strict }).toEqual({ sized: true, dated: false, strict: false })
  expect(pairsOf(lines)).toEqual([
    'Set-Cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'X-Empty',
    '',
    'X-Bytes',
    'caf\u00c3\u00a0',
    'Content-Length',
    '1',
  ])
})

const chunkedBody = '5;name="va;lue"\r\nhello\r\n1 \r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n'

test('a chunked body is read however it is cut', () => {
  const bytes = Buffer.from(`${chunkedBody}NEXT`)
  for (let first = 0; first <= bytes.length; first++)
    for (const second of [first, first + 1, first + 7]) {
      const chunked = createChunked()
      const data: string[] = []
      let rest = -1
      let before = 0
      for (const [from, to] of [
        [0, first],
        [first, second],
        [second, bytes.length],
      ] as const) {
        if (rest >= 0) break
        const end = chunked.feed(bytes.subarray(from, to), (piece) => data.push(piece.toString()))
        if (end >= 0) rest = before + end
        before = Math.min(to, bytes.length)
      }
      expect(data.join('')).toBe('hello 0123456789')
      expect(bytes.subarray(rest).toString()).toBe('NEXT')
    }
})

test.each([
  'x\r\n',
  '-5\r\n',
  '5\nhello',
  '5\r\nhelloo\r\n',
  '\r\n',
  '5 5\r\n',
  '0'.repeat(5_000),
  'fffffffffffffff\r\n',
])('a chunk %j is refused', (text) => {
  expect(() => createChunked().feed(Buffer.from(text), () => undefined)).toThrow(BadResponse)
})

test('endless trailers are refused', () => {
  const chunked = createChunked()
  chunked.feed(Buffer.from('0\r\n'), () => undefined)
  const line = Buffer.from(`X: ${'x'.repeat(1_000)}\r\n`)
  const feedMany = (): void => {
    for (let count = 0; count < 20; count++) chunked.feed(line, () => undefined)
  }
  expect(feedMany).toThrow(BadResponse)
})
