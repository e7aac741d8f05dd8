// Do requests and responses pass through the router as they are, whatever their shape?
import { createHash, randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { Agent, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import { proofHeader, proofOf } from '@deis/types/channel'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type App, exchange, type Fixture, startApp, startClient, startRawApp, startFixture } from '../testing.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

let fixture: Fixture
let app: App
let handler: Handler
const agent = new Agent({ keepAlive: true })

beforeAll(async () => {
  fixture = await startFixture({ accessLog: true })
  app = await startApp((request, response) => handler(request, response))
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => handler(request, response))
  await fixture.route('tea', ['tea'], [app.address])
})
afterAll(async () => {
  agent.destroy()
  await fixture.close()
  await app.close()
})
beforeEach(() => {
  handler = (_request, response) => void response.end('ok')
})

type Sent = { status: number; headers: IncomingMessage['headers']; raw: string[]; body: Buffer }

async function send(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: Buffer | Buffer[] } = {},
): Promise<Sent> {
  const { body, ...rest } = options
  const request = httpRequest({
    port: fixture.router.port,
    host: '127.0.0.1',
    path,
    agent,
    ...rest,
    headers: { host: 'tea.localhost', ...rest.headers },
  })
  for (const piece of Array.isArray(body) ? body : []) request.write(piece)
  request.end(Array.isArray(body) ? undefined : body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const pieces: Buffer[] = []
  for await (const piece of response) pieces.push(piece as Buffer)
  return {
    status: response.statusCode!,
    headers: response.headers,
    raw: response.rawHeaders,
    body: Buffer.concat(pieces),
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

/** Resolves when a count has not changed for a while. */
async function settled(count: () => number): Promise<void> {
  for (let before = -1; before !== count();) {
    before = count()
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
}

describe('requests', () => {
  test('host, path, forwarded headers and request id reach the app; the id comes back', async () => {
    handler = (request, response) => void response.end(JSON.stringify({ url: request.url, headers: request.headers }))
    const { body, headers } = await send('/a/b?c=d', { headers: { 'x-forwarded-for': '6.6.6.6', 'x-own': 'y' } })
    const seen = JSON.parse(body.toString()) as { url: string; headers: Record<string, string> }
    expect(seen.url).toBe('/a/b?c=d')
    expect(seen.headers).toMatchObject({
      host: 'tea.localhost',
      'x-own': 'y',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': String(fixture.router.port),
    })
    expect(seen.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(headers['x-request-id']).toBe(seen.headers['x-request-id'])
    expect((await send('/', { headers: { 'x-request-id': 'mine' } })).headers['x-request-id']).toBe('mine')
  })

  test('only the API gets the proof that the router sent the request, and no client can send one', async () => {
    handler = (request, response) => void response.end(JSON.stringify(request.headers))
    const ofClient = { [proofHeader]: proofOf('a guess') }
    const toApp = JSON.parse((await send('/', { headers: ofClient })).body.toString()) as Record<string, string>
    expect(toApp).not.toHaveProperty(proofHeader)
    await fixture.put({ app: 'deis', hosts: ['deis'], upstreams: [app.address], platform: true })
    const { body } = await send('/', { headers: { host: 'deis.localhost', ...ofClient } })
    expect(JSON.parse(body.toString())).toMatchObject({
      [proofHeader]: proofOf(fixture.options.key),
      'x-forwarded-for': '127.0.0.1',
    })
  })

  test('a CA that verifies a name gets its answer whatever the app has set, and the app all other requests', async () => {
    handler = (request, response) => void response.end(`app ${request.url}`)
    const at = '/.well-known/acme-challenge/'
    await fixture.put({
      app: 'locked',
      hosts: ['locked'],
      upstreams: [app.address],
      maintenance: true,
      whitelist: ['192.0.2.1'],
      enforceTls: true,
    })
    const { controller } = fixture
    const seq = controller.challenge(
      { host: 'locked.localhost', token: 'a_-Z9', keyAuthorization: 'a_-Z9.thumb' },
      { host: 'tea.localhost', token: 'tea', keyAuthorization: 'tea.thumb' },
      { host: 'nobody.example.com', token: 'early', keyAuthorization: 'early.thumb' },
    )
    await controller.seen((state) => state.seq >= seq)
    const ask = async (host: string, path: string, method = 'GET'): Promise<string> => {
      const { status, body } = await send(path, { method, headers: { host } })
      return `${status} ${body.toString().slice(0, 60)}`
    }
    expect(await ask('locked.localhost', `${at}a_-Z9`)).toBe('200 a_-Z9.thumb')
    expect(await ask('LOCKED.localhost:80', `${at}a_-Z9`)).toBe('200 a_-Z9.thumb')
    expect(await ask('locked.localhost', `${at}a_-Z9`, 'HEAD')).toBe('200 ')
    expect(await ask('nobody.example.com', `${at}early`)).toBe('200 early.thumb')
    expect(await ask('locked.localhost', `${at}tea`)).toMatch(/^403/)
    expect(await ask('tea.localhost', `${at}a_-Z9`)).toBe(`200 app ${at}a_-Z9`)
    expect(await ask('tea.localhost', `${at}tea?x`)).toBe(`200 app ${at}tea?x`)
    expect(await ask('tea.localhost', `${at}tea/x`)).toBe(`200 app ${at}tea/x`)
    expect(await ask('tea.localhost', `${at}tea`, 'POST')).toBe(`200 app ${at}tea`)
    const later = controller.challenge()
    await controller.seen((state) => state.seq >= later)
    expect(await ask('tea.localhost', `${at}tea`)).toBe(`200 app ${at}tea`)
  })

  test.each([
    ['with a length', (body: Buffer) => ({ body, headers: { 'content-length': String(body.length) } })],
    ['chunked', (body: Buffer) => ({ body: [body.subarray(0, 1), body.subarray(1, 70_000), body.subarray(70_000)] })],
  ])('a body of 3 MB %s arrives as it was', async (_, shape) => {
    const sent = randomBytes(3_000_000)
    handler = (request, response) =>
      void bodyOf(request).then((got) => response.end(createHash('sha256').update(got).digest('hex')))
    const { body } = await send('/', { method: 'POST', ...shape(sent) })
    expect(body.toString()).toBe(createHash('sha256').update(sent).digest('hex'))
  })

  test('an upload is not held back: the app answers what has come before the rest is sent', async () => {
    handler = (request, response) => {
      response.writeHead(200)
      request.on('data', (piece: Buffer) => response.write(piece.toString().toUpperCase()))
      request.on('end', () => response.end('!'))
    }
    const client = startClient(
      fixture.router.port,
      'POST / HTTP/1.1\r\nHost: tea.localhost\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    client.socket.write('3\r\none\r\n')
    await client.until(/ONE/)
    client.socket.write('3\r\ntwo\r\n')
    await client.until(/TWO/)
    client.socket.write('0\r\n\r\n')
    await client.until(/!\r\n0\r\n\r\n$/)
    client.socket.destroy()
  })

  test('100 comes from the app, not from the router', async () => {
    handler = (request, response) => {
      if (request.url === '/no') return void response.writeHead(417).end()
      response.writeContinue()
      void bodyOf(request).then((got) => response.end(`got ${got.length}`))
    }
    const head = 'Host: tea.localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n'
    const yes = startClient(fixture.router.port, `POST /yes HTTP/1.1\r\n${head}`)
    await yes.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    yes.socket.write('hello')
    expect(await yes.until(/got 5/)).toContain('HTTP/1.1 200 OK')
    yes.socket.destroy()
    const no = startClient(fixture.router.port, `POST /no HTTP/1.1\r\n${head}`)
    expect(await no.until(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 417 /)
    no.socket.destroy()
  })

  test('an answer before the end of the body is passed on, and the connection stays in step', async () => {
    handler = (request, response) => void response.writeHead(request.method === 'POST' ? 413 : 200).end('done')
    const client = startClient(
      fixture.router.port,
      'POST / HTTP/1.1\r\nHost: tea.localhost\r\nContent-Length: 10\r\n\r\n12345',
    )
    await client.until(/413 [\s\S]*done/)
    client.socket.write('67890GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
    await client.until(/200 OK[\s\S]*done/)
    client.socket.destroy()
  })

  test('pipelined requests are answered in order', async () => {
    handler = (request, response) => {
      if (request.url === '/1') setImmediate(() => response.end('first'))
      else response.end(request.url)
    }
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: tea.localhost\r\n\r\n`
    const client = startClient(fixture.router.port, get('/1') + get('/2') + get('/3'))
    await client.until(/first[\s\S]*\/2[\s\S]*\/3/)
    client.socket.destroy()
  })

  test('when the client goes away, the app learns of it, before and during its response', async () => {
    const bus = new EventEmitter()
    handler = (request, response) => {
      if (request.url === '/begun') response.write('x')
      response.on('close', () => bus.emit('gone', request.url))
      bus.emit('came')
    }
    for (const path of ['/silent', '/begun']) {
      const came = once(bus, 'came')
      const gone = once(bus, 'gone')
      const client = startClient(fixture.router.port, `GET ${path} HTTP/1.1\r\nHost: tea.localhost\r\n\r\n`)
      await came
      if (path === '/begun') await client.until(/x/)
      client.socket.destroy()
      expect(await gone).toEqual([path])
    }
  })

  test('a body that its client does not finish never looks finished to the app', async () => {
    const bus = new EventEmitter()
    handler = (request) => {
      request.on('error', () => undefined)
      request.on('data', () => bus.emit('data'))
      request.on('end', () => bus.emit('over', 'end'))
      request.on('aborted', () => bus.emit('over', 'aborted'))
    }
    for (const framing of ['Content-Length: 10\r\n\r\n12345', 'Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n']) {
      const over = once(bus, 'over')
      const data = once(bus, 'data')
      const client = startClient(fixture.router.port, `POST / HTTP/1.1\r\nHost: tea.localhost\r\n${framing}`)
      await data
      client.socket.destroy()
      expect(await over).toEqual(['aborted'])
    }
  })
})

describe('responses', () => {
  test('order, case and duplicates of headers stay', async () => {
    handler = (_request, response) =>
      void response
        .writeHead(201, 'Made It', ['Set-Cookie', 'a=1', 'X-Z', '1', 'set-cookie', 'b=2', 'Content-Length', '0'])
        .end()
    const { raw, status } = await send('/')
    expect(status).toBe(201)
    expect(raw.slice(0, 8)).toEqual(['Set-Cookie', 'a=1', 'X-Z', '1', 'set-cookie', 'b=2', 'Content-Length', '0'])
    expect(raw.filter((name) => name.toLowerCase() === 'date')).toHaveLength(1)
  })

  test('a client that does not read makes the app wait, and gets everything in the end', async () => {
    const piece = randomBytes(1_000_000)
    const pieces = 64
    let taken = 0
    handler = (_request, response) => {
      response.writeHead(200, { 'content-length': piece.length * pieces })
      const next = (): void => {
        if (taken < pieces) response.write(piece, next)
        else response.end()
        taken++
      }
      next()
    }
    const request = httpRequest({ port: fixture.router.port, host: '127.0.0.1', headers: { host: 'tea.localhost' } })
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    await settled(() => taken)
    // The rest is what the sockets on the way hold.
    expect(taken).toBeLessThan(pieces / 2)
    const hash = createHash('sha256')
    for await (const part of response) hash.update(part as Buffer)
    const expected = createHash('sha256')
    for (let count = 0; count < pieces; count++) expected.update(piece)
    expect(hash.digest('hex')).toBe(expected.digest('hex'))
  })

  test('an app that does not read makes the client wait, and gets everything in the end', async () => {
    const piece = randomBytes(1_000_000)
    const pieces = 64
    let taken = 0
    const bus = new EventEmitter()
    handler = (request, response) =>
      void bus.once('read', () => void bodyOf(request).then((got) => response.end(String(got.length))))
    const headers = { host: 'tea.localhost', 'content-length': piece.length * pieces }
    const request = httpRequest({ port: fixture.router.port, host: '127.0.0.1', method: 'POST', headers })
    const next = (): void => {
      if (taken < pieces) request.write(piece, next)
      else request.end()
      taken++
    }
    next()
    await settled(() => taken)
    expect(taken).toBeLessThan(pieces / 2)
    bus.emit('read')
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    expect((await bodyOf(response)).toString()).toBe(String(piece.length * pieces))
  })

  test('events pass one by one, the head before the first of them', async () => {
    const bus = new EventEmitter()
    handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      bus.on('event', (text: string) => response.write(`data: ${text}\n\n`))
    }
    const client = startClient(fixture.router.port, 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
    expect(await client.until(/\r\n\r\n$/)).toContain('text/event-stream')
    for (const text of ['one', 'two', 'three']) {
      bus.emit('event', text)
      await client.until(new RegExp(`data: ${text}\n\n`))
    }
    client.socket.destroy()
  })

  test.each([
    ['HEAD', 200, { 'content-length': '5' }],
    ['GET', 204, {}],
    ['GET', 304, { etag: 'x' }],
  ])('%s with %i has no body, and the connection serves on', async (method, status, headers) => {
    handler = (request, response) =>
      void (request.url === '/next' ? response.end('next') : response.writeHead(status, headers).end())
    const client = startClient(
      fixture.router.port,
      `${method} / HTTP/1.1\r\nHost: tea.localhost\r\n\r\nGET /next HTTP/1.1\r\nHost: tea.localhost\r\n\r\n`,
    )
    const text = await client.until(/next$/)
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*?\\r\\n\\r\\nHTTP/1.1 200 OK`))
    expect(text.split('\r\n\r\n')[0]).not.toMatch(/transfer-encoding/i)
    client.socket.destroy()
  })

  test('early hints pass', async () => {
    handler = (_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.end('ok')
    }
    const client = startClient(fixture.router.port, 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
    expect(await client.until(/ok$/)).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200/,
    )
    client.socket.destroy()
  })

  test('a client of HTTP/1.0 gets no chunks', async () => {
    handler = (_request, response) => {
      response.write('one')
      setImmediate(() => response.end('two'))
    }
    const text = await exchange(fixture.router.port, 'GET / HTTP/1.0', 'Host: tea.localhost')
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/)
    expect(text).toMatch(/\r\n\r\nonetwo$/)
    expect(text).not.toMatch(/transfer-encoding/i)
  })
})

describe('odd apps', () => {
  test.each([
    [
      'a body until the end of the connection',
      'HTTP/1.1 200 OK\r\n\r\nall of it',
      /200 OK[\s\S]*all of it\r\n0\r\n\r\n$/,
    ],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', /HTTP\/1\.1 200 OK[\s\S]*ok$/],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', /502 Bad Gateway/],
    [
      'a header that would split the response',
      'HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n',
      /502 Bad Gateway/,
    ],
    ['a bad header name', 'HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 0\r\n\r\n', /502 Bad Gateway/],
    ['both framings', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', /502/],
    ['an upgrade that was not requested', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', /502/],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(12_000)}\r\n`, /502/],
    [
      'more than it announced',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n',
      /200 OK[\s\S]*\r\n\r\nok$/,
    ],
    ['an end without an answer', '', /502 Bad Gateway/],
    ['an end within the head', 'HTTP/1.1 200 OK\r\nX: y', /502 Bad Gateway/],
  ])('%s', async (_, says, expected) => {
    const odd = await startRawApp((socket) => socket.once('data', () => socket.end(says, 'latin1')))
    await fixture.route('odd', ['odd'], [odd.address])
    const client = startClient(fixture.router.port, 'GET / HTTP/1.1\r\nHost: odd.localhost\r\n\r\n')
    await client.until(expected)
    client.socket.destroy()
    await odd.close()
  })

  test.each([
    ['HTTP/1.1', 'Content-Length: 10', 'half', undefined],
    ['HTTP/1.1', 'Transfer-Encoding: chunked', '4\r\nhalf\r\n', undefined],
    ['HTTP/1.0', 'Transfer-Encoding: chunked', '4\r\nhalf\r\n', 'ECONNRESET'],
  ])('a response to %s with %s that breaks off never looks complete', async (version, framing, body, error) => {
    const bus = new EventEmitter()
    const odd = await startRawApp((socket) =>
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${body}`)
        bus.once('break', () => socket.destroy())
      }),
    )
    await fixture.route('odd', ['odd'], [odd.address])
    const client = startClient(fixture.router.port, `GET / ${version}\r\nHost: odd.localhost\r\n\r\n`)
    await client.until(/half/)
    bus.emit('break')
    const end = await client.closed()
    expect(end.text).not.toMatch(/\r\n0\r\n\r\n$/)
    expect(end.error).toBe(error)
    await odd.close()
  })
})

describe("the router's own answers", () => {
  const status = async (...lines: string[]): Promise<string> =>
    (await exchange(fixture.router.port, lines[0]!, 'Connection: close', ...lines.slice(1)))
      .split('\r\n')[0]!
      .slice(9, 12)

  test.each([
    ['an app without upstreams', '503', ['GET / HTTP/1.1', 'Host: empty.localhost']],
    ['an unknown host', '404', ['GET / HTTP/1.1', 'Host: nobody.localhost']],
    ['health under an unknown host', '200', ['GET /healthz HTTP/1.1', 'Host: nobody.localhost']],
    ['health with a slash', '200', ['GET /healthz/?x HTTP/1.1', 'Host: 10.0.0.1']],
    ['health under an IPv6 address', '200', ['GET /healthz HTTP/1.1', 'Host: [::1]:8080']],
    ['health by POST', '404', ['POST /healthz HTTP/1.1', 'Host: nobody.localhost']],
  ])('%s: %s', async (_, expected, lines) => {
    await fixture.route('empty', ['empty'], [])
    expect(await status(...lines)).toBe(expected)
  })

  test('an app keeps its own health page', async () => {
    handler = (_request, response) => void response.end('my own')
    expect((await send('/healthz')).body.toString()).toBe('my own')
  })

  test('503 says when to come back and keeps the connection', async () => {
    await fixture.route('empty', ['empty'], [])
    const get = 'GET / HTTP/1.1\r\nHost: empty.localhost\r\n\r\n'
    const client = startClient(fixture.router.port, get)
    expect(await client.until(/<\/html>/)).toMatch(/Retry-After: 1\r\n[\s\S]*Connection: keep-alive/)
    client.socket.write(get)
    await client.until(/<\/html>[\s\S]*503[\s\S]*<\/html>/)
    client.socket.destroy()
  })

  test('nothing of the request is shown', async () => {
    const text = await exchange(
      fixture.router.port,
      'GET /<script>alert(1)</script> HTTP/1.1',
      'Host: nobody-knows.localhost',
      'Connection: close',
    )
    expect(text).not.toMatch(/alert|nobody-knows/)
    expect(text).toMatch(/^HTTP\/1\.1 404 Not Found/)
  })
})

test('the access log has one line of JSON a request', async () => {
  fixture.written.length = 0
  handler = (_request, response) => void response.writeHead(201).end('12345')
  await send('/logged?x="y"', { headers: { 'x-request-id': 'the-id' } })
  const client = startClient(fixture.router.port, 'GET /gone HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
  await client.until(/12345/)
  client.socket.destroy()
  const lines = fixture.written.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines[0]).toMatchObject({
    app: 'tea',
    client: '127.0.0.1',
    method: 'GET',
    host: 'tea.localhost',
    path: '/logged?x="y"',
    status: 201,
    bytes: 5,
    upstream: app.address,
    id: 'the-id',
  })
  expect(fixture.written.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).toBe(true)
})
