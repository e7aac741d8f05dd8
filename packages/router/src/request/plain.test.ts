// Which bytes are read as a request without Node's parser?
import { createServer, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { readPlain } from './plain.ts'

const host = 'Host: tea.localhost'
const read = (text: string) => readPlain(Buffer.from(text, 'latin1'))
const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`

test('a request gives its parts', () => {
  expect(read(head('GET /a/b?c=d#e HTTP/1.1', host, 'X-Own: a, b\tc', 'Connection: Close'))).toMatchObject({
    method: 'GET',
    url: '/a/b?c=d#e',
    httpVersion: '1.1',
    rawHeaders: ['Host', 'tea.localhost', 'X-Own', 'a, b\tc', 'Connection', 'Close'],
    keepAlive: false,
    body: '',
  })
  expect(read(`${head('POST / HTTP/1.1', host, 'Content-Length: 5')}\0\xff\r\n!`)).toMatchObject({
    keepAlive: true,
    body: '\0\xff\r\n!',
  })
})

test.each([
  ['a method in small letters', head('get / HTTP/1.1', host)],
  ['another method', head('TRACE / HTTP/1.1', host)],
  ['CONNECT', head('CONNECT tea.localhost:80 HTTP/1.1', host)],
  ['a whole address', head('GET http://tea.localhost/ HTTP/1.1', host)],
  ['a star', head('OPTIONS * HTTP/1.1', host)],
  ['two spaces', head('GET  / HTTP/1.1', host)],
  ['a space in the target', head('GET /a b HTTP/1.1', host)],
  ['a byte above ASCII in the target', head('GET /\xe9 HTTP/1.1', host)],
  ['DEL in the target', head('GET /\x7f HTTP/1.1', host)],
  ['HTTP/1.0', head('GET / HTTP/1.0', host)],
  ['HTTP/2.0', head('GET / HTTP/2.0', host)],
  ['a blank line before it', `\r\n${head('GET / HTTP/1.1', host)}`],
  ['LF', `GET / HTTP/1.1\n${host}\n\n`],
  ['LF at the end of a header', `GET / HTTP/1.1\r\n${host}\nX: y\r\n\r\n`],
  ['LF at the end', `GET / HTTP/1.1\r\n${host}\r\n\n`],
  ['CR in a value', head('GET / HTTP/1.1', host, 'X: y\rz')],
  ['CR CR LF', `GET / HTTP/1.1\r\n${host}\r\r\n\r\n`],
  ['NUL in a value', head('GET / HTTP/1.1', host, 'X: y\0z')],
  ['a byte above ASCII in a value', head('GET / HTTP/1.1', host, 'X: \xe9')],
  ['no space after the colon', head('GET / HTTP/1.1', host, 'X:y')],
  ['two spaces after the colon', head('GET / HTTP/1.1', host, 'X:  y')],
  ['a space before the colon', head('GET / HTTP/1.1', host, 'X : y')],
  ['a space after the value', head('GET / HTTP/1.1', host, 'X: y ')],
  ['no value', head('GET / HTTP/1.1', host, 'X: ')],
  ['no name', head('GET / HTTP/1.1', host, ': y')],
  ['no colon', head('GET / HTTP/1.1', host, 'X')],
  ['a folded header', head('GET / HTTP/1.1', host, 'X: y', ' z')],
  ['Transfer-Encoding', `${head('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked')}0\r\n\r\n`],
  ['Transfer-Encoding in capitals', `${head('POST / HTTP/1.1', host, 'TRANSFER-ENCODING: chunked')}0\r\n\r\n`],
  ['Upgrade', head('GET / HTTP/1.1', host, 'Upgrade: websocket')],
  ['Expect', `${head('POST / HTTP/1.1', host, 'Expect: 100-continue', 'Content-Length: 1')}x`],
  ['Proxy-Connection', head('GET / HTTP/1.1', host, 'Proxy-Connection: close')],
  ['a header named by Connection', head('GET / HTTP/1.1', host, 'Connection: close, X-Drop')],
  ['two Connection headers', head('GET / HTTP/1.1', host, 'Connection: close', 'Connection: close')],
  ['two lengths', `${head('POST / HTTP/1.1', host, 'Content-Length: 1', 'Content-Length: 1')}x`],
  ['a list of lengths', `${head('POST / HTTP/1.1', host, 'Content-Length: 1, 1')}x`],
  ['a signed length', `${head('POST / HTTP/1.1', host, 'Content-Length: +1')}x`],
  ['a length in hexadecimal', `${head('POST / HTTP/1.1', host, 'Content-Length: 0x1')}x`],
  ['a body that is not all there', `${head('POST / HTTP/1.1', host, 'Content-Length: 2')}x`],
  ['more than the body', `${head('POST / HTTP/1.1', host, 'Content-Length: 1')}xy`],
  ['a body without a length', `${head('POST / HTTP/1.1', host)}x`],
  ['another request behind it', head('GET / HTTP/1.1', host) + head('GET / HTTP/1.1', host)],
  ['a long head', head('GET / HTTP/1.1', host, `X: ${'y'.repeat(8_192)}`)],
  ['a long body', `${head('POST / HTTP/1.1', host, 'Content-Length: 8193')}${'x'.repeat(8_193)}`],
])('%s is left to it', (_, text) => {
  expect(read(text)).toBeNull()
})

test('no part of a request is read as one', () => {
  const whole = `${head('POST /path HTTP/1.1', host, 'X-Own: y', 'Content-Length: 3')}abc`
  expect(read(whole)).not.toBeNull()
  for (let end = 0; end < whole.length; end++) expect(read(whole.slice(0, end)), whole.slice(0, end)).toBeNull()
})

test('what is read is what Node reads, whichever byte is changed', async () => {
  let resolve: (request: IncomingMessage) => void
  let reject: (error: Error) => void
  const server = createServer({ requireHostHeader: false }, (request) => resolve(request))
  server.on('clientError', (error) => reject(error))
  const nodes = async (text: string): Promise<object> => {
    const request = new Promise<IncomingMessage>((...settle) => ([resolve, reject] = settle))
    const client = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
    server.emit('connection', client)
    client.push(text, 'latin1')
    const { method, url, httpVersion, rawHeaders } = await request
    client.destroy()
    return { method, url, httpVersion, rawHeaders }
  }
  const whole = head('GET /a HTTP/1.1', host, 'X-Own: y', 'Connection: close')
  let count = 0
  for (let at = 0; at < whole.length; at++)
    for (let code = 0; code < 256; code++) {
      const text = whole.slice(0, at) + String.fromCharCode(code) + whole.slice(at + 1)
      const own = read(text)
      if (own === null) continue
      const { method, url, httpVersion, rawHeaders } = own
      expect({ method, url, httpVersion, rawHeaders }, text).toEqual(await nodes(text))
      count++
    }
  expect(count).toBeGreaterThan(1_000)
})
