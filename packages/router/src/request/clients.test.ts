// Are requests refused that a router and an app could understand differently?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type App, exchange, type Fixture, startApp, startClient, startFixture } from '../testing.ts'

const host = 'Host: tea.localhost'
const post = ['POST / HTTP/1.1', host]

describe.each([
  ['what is plain read by the router itself', true],
  ['all read by Node', false],
])('%s', (_way, direct) => {
  let fixture: Fixture
  let app: App
  const reached: string[] = []
  const ended: string[] = []

  beforeAll(async () => {
    fixture = await startFixture({ direct })
    app = await startApp((request, response) => {
      reached.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`)
      request.on('end', () => {
        ended.push(request.method!)
        response.end('reached')
      })
      request.resume()
    })
    // Otherwise the app forgets headers after the thousandth, Host among them.
    app.server.maxHeadersCount = 0
    await fixture.route('tea', ['tea'], [app.address])
  })
  afterAll(async () => {
    await fixture.close()
    await app.close()
  })

  test.each<[string, number, string[], string?]>([
    ['no Host', 400, ['GET / HTTP/1.1']],
    ['no Host in HTTP/1.0', 400, ['GET / HTTP/1.0']],
    ['two Hosts', 400, ['GET / HTTP/1.1', host, 'Host: other.localhost']],
    ['a Host that is none', 400, ['GET / HTTP/1.1', 'Host: a b']],
    ['length and chunked', 400, [...post, 'Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
    ['chunked and length', 400, [...post, 'Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'],
    ['two lengths', 400, [...post, 'Content-Length: 5', 'Content-Length: 6'], 'hello!'],
    ['two equal lengths', 400, [...post, 'Content-Length: 5', 'Content-Length: 5'], 'hello'],
    ['a list of lengths', 400, [...post, 'Content-Length: 5, 5'], 'hello'],
    ['a signed length', 400, [...post, 'Content-Length: +5'], 'hello'],
    ['a length in hexadecimal', 400, [...post, 'Content-Length: 0x5'], 'hello'],
    ['chunked in disguise', 501, [...post, 'Transfer-Encoding: xchunked'], '0\r\n\r\n'],
    ['chunked not at the end', 400, [...post, 'Transfer-Encoding: chunked, identity'], '0\r\n\r\n'],
    ['a coding before chunked', 501, [...post, 'Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'],
    ['chunked twice', 400, [...post, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
    ['a space before the colon', 400, [...post, 'Transfer-Encoding : chunked'], '0\r\n\r\n'],
    ['a folded header', 400, [...post, 'Transfer-Encoding:', ' chunked'], '0\r\n\r\n'],
    ['a line that ends in LF only', 400, [...post, 'X: y\nContent-Length: 5'], 'hello'],
    ['CR within a value', 400, [...post, 'X: y\rz']],
    ['NUL within a value', 400, [...post, 'X: y\0z']],
    ['a bad method', 400, ['GE T / HTTP/1.1', host]],
    ['another version', 400, ['GET / HTTP/3.7', host]],
    ['HTTP/1.2', 400, ['GET / HTTP/1.2', host]],
    ['HTTP/3.0', 400, ['GET / HTTP/3.0', host]],
    ['HTTP/2 in the form of HTTP/1', 505, ['GET / HTTP/2.0', host]],
    [
      'HTTP/2 in the form of HTTP/1, with an upgrade',
      505,
      ['GET / HTTP/2.0', host, 'Connection: Upgrade', 'Upgrade: x'],
    ],
    ['HTTP/2 without asking', 400, ['PRI * HTTP/2.0', '', 'SM']],
    ['HTTP/0.9', 505, ['GET / HTTP/0.9', host]],
    ['no version', 505, ['GET /', host]],
    ['a method of RTSP', 501, ['DESCRIBE / RTSP/1.0', host]],
    ['a method of Icecast', 501, ['SOURCE / ICE/1.0', host]],
    ['TLS on a plain port', 400, ['\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03']],
    ['a target without a path', 400, ['GET tea HTTP/1.1', host]],
    ['a target of another host', 400, ['GET http://coffee.localhost/ HTTP/1.1', host]],
    ['a target of another scheme', 400, ['GET ftp://tea.localhost/ HTTP/1.1', host]],
    ['CONNECT', 405, ['CONNECT tea.localhost:80 HTTP/1.1', host]],
    ['huge headers', 431, ['GET / HTTP/1.1', host, `X: ${'y'.repeat(20_000)}`]],
    ['very many headers', 431, ['GET / HTTP/1.1', host, ...Array.from({ length: 10_000 }, () => 'X: y')]],
  ])('%s: %i', async (_, status, lines, body = '') => {
    reached.length = 0
    const client = startClient(fixture.router.port, `${lines.join('\r\n')}\r\n\r\n${body}`)
    const text = await client.until(/^HTTP\/1\.1 (\d{3}) /)
    client.socket.end()
    await client.closed()
    expect(text.slice(9, 12)).toBe(String(status))
    expect(reached).toEqual([])
  })

  test('a bad chunk size ends the request, for the app too', async () => {
    ended.length = 0
    const text = `${post.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5x\r\nhello\r\n0\r\n\r\n`
    expect((await startClient(fixture.router.port, text).closed()).text).toMatch(/^HTTP\/1\.1 400 /)
    expect(ended).toEqual([])
  })

  test('an absolute target of the same host is a path for the app', async () => {
    reached.length = 0
    await exchange(fixture.router.port, 'GET http://TEA.localhost/x?y HTTP/1.1', host, 'Connection: close')
    expect(reached[0]).toMatch(/^GET \/x\?y /)
  })

  test('many headers of a fair size all arrive', async () => {
    reached.length = 0
    const many = Array.from({ length: 1_500 }, (_, index) => `${index}:x`)
    await exchange(fixture.router.port, 'GET / HTTP/1.1', ...many, host, 'Connection: close')
    expect(reached[0]).toContain('"1499":"x"')
  })

  test('what hides behind a refused request is not read as one', async () => {
    reached.length = 0
    const hidden = 'GET /hidden HTTP/1.1\r\nHost: tea.localhost\r\n\r\n'
    const text = `POST / HTTP/1.1\r\n${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`
    await startClient(fixture.router.port, text).closed()
    expect(reached).toEqual([])
  })

  test('what cannot be read as a request adds nothing to the response before it', async () => {
    const slow = await startApp((_request, response) => void response.write('begun'))
    await fixture.route('slow', ['slow'], [slow.address])
    const client = startClient(fixture.router.port, 'GET / HTTP/1.1\r\nHost: slow.localhost\r\n\r\n')
    const begun = await client.until(/begun\r\n$/)
    client.socket.write('what\x01is this\r\n\r\n')
    expect((await client.closed()).text).toBe(begun)
    await slow.close()
  })

  test('a request after a refused one is not read', async () => {
    reached.length = 0
    const text = await exchange(fixture.router.port, 'GET / HTTP/1.1', host, host, '', 'GET /hidden HTTP/1.1', host)
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400'])
    expect(reached).toEqual([])
  })

  test('requests that only look like the end of another stay apart', async () => {
    reached.length = 0
    const body = 'GET /hidden HTTP/1.1\r\nHost: tea.localhost\r\n\r\n'
    const text = `POST /outer HTTP/1.1\r\n${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}GET /next HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`
    await startClient(fixture.router.port, text).closed()
    expect(reached.map((line) => line.split(' ')[1])).toEqual(['/outer', '/next'])
  })

  test('clients that reset their connections after CONNECT end nothing else', async () => {
    for (let count = 0; count < 20; count++) {
      const client = startClient(fixture.router.port)
      client.socket.write(`CONNECT tea.localhost:80 HTTP/1.1\r\n${host}\r\n\r\n`, () => client.socket.resetAndDestroy())
      await client.closed()
    }
    expect(await exchange(fixture.router.port, 'GET /after HTTP/1.1', host, 'Connection: close')).toMatch(/reached$/)
  })

  test.each([
    ['before its first byte', ''],
    ['within the head', `GET / HTTP/1.1\r\n${host}\r\nX: y`],
  ])('a client that falls silent %s is told so and cut', async (_, text) => {
    const own = await startFixture({ direct, timing: { head: 200, headCheck: 50 } })
    const client = startClient(own.router.port, text)
    const drip = setInterval(() => void (text !== '' && client.socket.writable && client.socket.write('z')), 30)
    expect((await client.closed()).text).toMatch(/^HTTP\/1\.1 408 /)
    clearInterval(drip)
    await own.close()
  })

  test('a body that stops coming is given up, its answer is not', async () => {
    const own = await startFixture({ direct, timing: { body: 150 } })
    const got: string[] = []
    const slow = await startApp((request, response) => {
      got.push(request.url!)
      request.on('data', () => undefined)
      if (request.url === '/answered') response.write('begun')
      request.on('end', () => setTimeout(() => response.end('done'), 400))
      request.on('aborted', () => got.push('aborted'))
      request.on('error', () => undefined)
    })
    await own.route('tea', ['tea'], [slow.address])
    const head = (path: string): string => `POST ${path} HTTP/1.1\r\n${host}\r\nContent-Length: 5\r\n\r\n`
    const stalled = startClient(own.router.port, `${head('/stalled')}hel`)
    const answered = startClient(own.router.port, `${head('/answered')}hel`)
    const whole = startClient(own.router.port, `${head('/whole')}hello`)
    await answered.until(/begun/)
    expect((await stalled.closed()).text).toMatch(/^HTTP\/1\.1 408 [\s\S]*Connection: close/)
    await expect.poll(() => got).toContain('aborted')
    expect(await whole.until(/done/)).toMatch(/^HTTP\/1\.1 200/)
    answered.socket.write('lo')
    await answered.until(/done/)
    answered.socket.destroy()
    whole.socket.destroy()
    await own.close()
    await slow.close()
  })
})
