// Is a request that the router reads itself passed as if Node's server had read it, whatever comes before or after it?
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type App, type Client, type Fixture, startApp, startClient, startFixture } from '../testing.ts'
import type { Timing } from '../timing.ts'
import { certificateFor, handshake } from '../testing-tls.ts'

const host = 'Host: tea.localhost'
const id = 'X-Request-Id: an-id'
const last = `GET /last HTTP/1.1\r\n${host}\r\n${id}\r\nConnection: close\r\n\r\n`
const get = (path: string, ...more: string[]): string =>
  `${[`GET ${path} HTTP/1.1`, host, id, ...more].join('\r\n')}\r\n\r\n`
const post = (path: string, body: string, ...more: string[]): string =>
  `${[`POST ${path} HTTP/1.1`, host, id, `Content-Length: ${body.length}`, ...more].join('\r\n')}\r\n\r\n${body}`

/** Requests that Node's server has read, by the port that it read them from. */
const readByNode: number[] = []
const note = (message: unknown): void => {
  readByNode.push((message as { request: IncomingMessage }).request.socket.localPort!)
}
beforeAll(() => subscribe('http.server.request.start', note))
afterAll(() => unsubscribe('http.server.request.start', note))
beforeEach(() => void readByNode.splice(0))

type Side = { readonly fixture: Fixture; readonly app: App; readonly seen: () => string; close(): Promise<void> }

/** A router, and an app that remembers each byte that it gets and answers by the path. */
async function startSide(direct: boolean, timing: Partial<Timing> = {}): Promise<Side> {
  const app = await startApp((request, response) => {
    request.on('error', () => undefined)
    request.resume().on('end', () => {
      const path = request.url!.split('?')[0]
      if (path === '/chunks') {
        response.write('one')
        setImmediate(() => response.end('two'))
      } else if (path === '/nothing') response.writeHead(204).end()
      else if (path === '/unchanged') response.writeHead(304, { ETag: '"x"' }).end()
      else if (path === '/close') response.writeHead(200, { Connection: 'close' }).end('closed')
      else if (path === '/large') response.end(Buffer.alloc(200_000, 'l'))
      else if (path === '/page') response.writeHead(200, { 'Content-Type': 'text/html' }).end('p'.repeat(3_000))
      else if (path === '/hints') {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' })
        response.writeProcessing()
        response.end('hinted')
      } else if (path === '/dies') response.socket!.destroy()
      else response.end(`${request.method} ${path}`)
    })
  })
  let seen = ''
  app.server.on('connection', (socket) => socket.on('data', (chunk: Buffer) => (seen += chunk.toString('latin1'))))
  app.server.keepAliveTimeout = 0
  const fixture = await startFixture({
    direct,
    publicPort: 80,
    timing: { retry: 50, ...timing },
  })
  await fixture.route('tea', ['tea'], [app.address])
  await fixture.put({ app: 'shut', hosts: ['shut'], upstreams: [app.address], maintenance: true })
  return {
    fixture,
    app,
    seen: () => seen,
    async close() {
      await fixture.close()
      await app.close()
    },
  }
}

/** One that reads by itself, and one where Node reads all. */
type Pair = readonly [Side, Side]
let patient: Pair
let hasty: Pair
beforeAll(async () => {
  patient = [await startSide(true), await startSide(false)]
  const timing = { head: 500, headCheck: 50, body: 500 }
  hasty = [await startSide(true, timing), await startSide(false, timing)]
})
afterAll(async () => {
  for (const side of [...patient, ...hasty]) await side.close()
})

/** Until nothing has come for some turns of the loop, and for `patience` ms: client, router and app are all in this process. */
async function quiet(count: () => number, patience = 0): Promise<void> {
  let before = -1
  let since = 0
  for (let turns = 0; turns < 12 || performance.now() - since < patience; turns++) {
    if (count() !== before) {
      turns = 0
      since = performance.now()
    }
    before = count()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

type Passed = { readonly app: string; readonly client: string }

/** What came at the app and at the client, who sends the pieces one by one. */
async function both({ fixture, seen }: Side, pieces: readonly string[], patience: number): Promise<Passed> {
  const from = seen().length
  const client = startClient(fixture.router.port)
  for (const piece of pieces) {
    if (client.socket.writable) client.socket.write(piece, 'latin1')
    await quiet(() => client.text().length + seen().length, patience)
  }
  const { text } = await client.closed()
  return {
    app: seen()
      .slice(from)
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'some-id'),
    client: text.replaceAll(/\r\nDate: [^\r]*/g, '\r\nDate: then').replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'some-id'),
  }
}

const readsOf = (port: number): number => readByNode.filter((from) => from === port).length

/**
 * `reads`: how many of the requests Node's server is to read at the first router. On a busy machine a piece may come before
 * the answer to the one before it; what is wrong for no other reason is right when it is sent again with more patience.
 */
async function same(pair: Pair, pieces: readonly string[], reads?: number): Promise<Passed> {
  const send = async (patience: number) => {
    readByNode.length = 0
    const [own, nodes] = await Promise.all(pair.map((side) => both(side, pieces, patience)))
    return { own: own!, nodes: nodes!, read: readsOf(pair[0].fixture.router.port) }
  }
  let got = await send(0)
  for (const patience of [20, 200])
    if (!isDeepStrictEqual(got.own, got.nodes) || got.read !== (reads ?? got.read)) got = await send(patience)
  expect(got.own, JSON.stringify(pieces)).toEqual(got.nodes)
  if (reads !== undefined) expect(got.read).toBe(reads)
  return got.own
}

describe('without the server of Node', () => {
  test.each<[string, string[]]>([
    ['GET', [get('/')]],
    ['headers as browsers send them', [get('/', 'Accept: */*', 'Cookie: a=b; c="d"', 'User-Agent: A/1 (b; c)')]],
    [
      'headers that are dropped',
      [get('/', 'X-Forwarded-For: 6.6.6.6', 'X_Real_IP: 6.6.6.6', 'TE: trailers', 'Keep-Alive: 5')],
    ],
    ['Connection: keep-alive', [get('/', 'Connection: Keep-Alive')]],
    ['names that differ by case only', [get('/', 'a: 1', 'A: 2')]],
    ['HEAD', [get('/').replace('GET', 'HEAD'), get('/')]],
    ['OPTIONS and DELETE', [get('/').replace('GET', 'OPTIONS'), get('/').replace('GET', 'DELETE')]],
    ['POST with a body', [post('/', 'hello'), post('/', '\0\xff\r\n\r\n')]],
    ['PUT and PATCH', [post('/', 'hello').replace('POST', 'PUT'), post('/', 'hello').replace('POST', 'PATCH')]],
    ['a body of nothing', [post('/', '')]],
    ['GET with a body', [post('/', 'hello').replace('POST', 'GET')]],
    ['chunks', [get('/chunks'), get('/')]],
    ['no content', [get('/nothing'), get('/unchanged'), get('/')]],
    ['an app that closes', [get('/close'), get('/')]],
    ['a large response', [get('/large'), get('/')]],
    ['a compressed response', [get('/page', 'Accept-Encoding: gzip')]],
    ['early hints', [get('/hints'), get('/')]],
    ['an app that dies', [get('/dies'), get('/')]],
    ['the router itself', [get('/').replace('tea', 'nobody'), get('/').replace('tea', 'shut'), get('/')]],
    ['a port in the Host header', [get('/').replace('tea.localhost', 'TEA.localhost.:80')]],
  ])('%s', async (_, pieces) => {
    const { client } = await same(patient, [...pieces, last], 0)
    expect(client).toMatch(/GET \/last$/)
  })
})

describe('handed over to the server of Node', () => {
  test.each<[string, string[]]>([
    ['requests one behind the other', [get('/1') + get('/2') + get('/3'), last]],
    ['after a plain one', [get('/1'), get('/2') + get('/3'), last]],
    ['a head in two parts', [get('/').slice(0, 20), get('/').slice(20), last]],
    ['a head in many parts, after a plain one', [get('/1'), ...get('/2').split(/(?=[^])/), last]],
    ['a body in its own part', [get('/1'), post('/', 'hello').slice(0, -5), 'hello', last]],
    [
      'chunked',
      [
        get('/1'),
        `POST / HTTP/1.1\r\n${host}\r\n${id}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
        last,
      ],
    ],
    ['a large body', [get('/1'), post('/', 'x'.repeat(100_000)), last]],
    ['HTTP/1.0', [get('/1'), `GET / HTTP/1.0\r\n${host}\r\n${id}\r\n\r\n`]],
    ['an expectation', [get('/1'), post('/', '', 'Expect: 100-continue'), last]],
    ['blank lines before a request', [get('/1'), `\r\n\r\n${get('/2')}`, last]],
    ['what is not a request', [get('/1'), 'what\x01is this\r\n\r\n']],
    ['no Host', [get('/1'), 'GET / HTTP/1.1\r\n\r\n']],
    ['two Hosts', [get('/1'), get('/2', host)]],
    ['a Host that is none', [get('/1'), get('/2').replace('tea.localhost', 'a b')]],
    ['both framings', [get('/1'), post('/', 'hello', 'Transfer-Encoding: chunked')]],
    ['a head that does not end', [get('/1'), 'GET / HTTP/1.1\r\n']],
    ['nothing at all', []],
    ['a request that hides behind a length', [get('/1'), `${post('/', 'x')}${get('/hidden')}`, last]],
    ['a huge head', [get('/1'), get('/2', `X: ${'y'.repeat(20_000)}`)]],
    ['an upgrade that the app does not take', [get('/1'), get('/2', 'Connection: Upgrade', 'Upgrade: x')]],
  ])('%s', async (_, pieces) => {
    await same(hasty, pieces)
  })

  test('and not before', async () => {
    await same(patient, [get('/1'), get('/2'), get('/3') + get('/4'), get('/5'), last], 4)
  })
})

/** The same numbers for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const methods = [
  'GET',
  'GET',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'get',
  'G\tT',
  'PURGE',
]
const targets = [
  '/',
  '/',
  '/a?b#c',
  '/chunks',
  '/nothing',
  '/close',
  '//x',
  '*',
  'http://tea.localhost/x',
  '/a b',
  '/\x7f',
  '/é',
  '',
]
const versions = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/1.1 ',
  'http/1.1',
]
const hosts = [
  host,
  host,
  host,
  host,
  'host: TEA.localhost:80',
  'Host: nobody.localhost',
  'Host:',
  'Host: a b',
  `${host}\r\n${host}`,
  'X: y',
]
const headers = [
  'Accept: */*',
  'X-Own: y',
  'X-Empty:',
  'X-Tight:y',
  'X-Wide:  y  ',
  'X-Fold: y\r\n z',
  'x_forwarded_for: 6.6.6.6',
  'X-Forwarded-For: 6.6.6.6',
  'Connection: close',
  'Connection: keep-alive',
  'connection: Close',
  'Connection: X-Own',
  'Connection: keep-alive, close',
  'Keep-Alive: 1',
  'Proxy-Connection: close',
  'TE: trailers',
  'Trailer: x',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'Expect: nothing',
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length: 05',
  'Content-Length: 5, 5',
  'Content-Length: +5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding : chunked',
  'X-Bytes: \xe9\xff',
  'X-Bad: a\x01b',
  'X-Cut: a\rb',
  'X\x00Y: z',
  'Accept-Encoding: gzip',
  ': y',
  'nothing',
  'Cookie: a="b", c',
]
const bodies = ['', '', '', 'hello', 'hello', '5\r\nhello\r\n0\r\n\r\n', 'hell', 'hello!']

function randomPieces(random: (below: number) => number): string[] {
  const pick = (from: readonly string[]): string => from[random(from.length)]!
  const pieces: string[] = []
  for (let count = random(3); count >= 0; count--) {
    // Most of it is valid, so that what is not meets the router in all its states.
    const odd = random(3) === 0
    const lines = odd
      ? [`${pick(methods)} ${pick(targets)} ${pick(versions)}`, pick(hosts), id]
      : [`${pick(methods.slice(0, 9))} ${pick(targets.slice(0, 5))} HTTP/1.1`, host, id]
    for (let more = random(4); more > 0; more--) lines.push(odd ? pick(headers) : pick(headers.slice(0, 2)))
    const body = pick(bodies)
    if (body !== '' && random(4) > 0) lines.push(`Content-Length: ${body.length}`)
    let text = `${lines.join(random(20) === 0 ? '\n' : '\r\n')}\r\n\r\n${body}`
    if (random(6) === 0) {
      const at = random(text.length)
      text = `${text.slice(0, at)}${String.fromCharCode(random(256))}${text.slice(at + random(2))}`
    }
    const cut = random(5) === 0 ? random(text.length) : 0
    if (cut > 0) pieces.push(text.slice(0, cut))
    // Sometimes in one part with what follows.
    if (pieces.length > 0 && random(4) === 0) pieces.push(`${pieces.pop()!}${text.slice(cut)}`)
    else pieces.push(text.slice(cut))
  }
  return pieces
}

test('random requests pass alike', { timeout: 120_000 }, async () => {
  const random = randomOf(20_261_129)
  let answered = 0
  const reads = [0, 0]
  for (let count = 0; count < 250; count++) {
    const { client } = await same(hasty, [...randomPieces(random), last])
    if (/HTTP\/1\.1 200/.test(client)) answered++
    for (const [index, { fixture }] of hasty.entries()) reads[index]! += readsOf(fixture.router.port)
  }
  expect(answered).toBeGreaterThan(100)
  expect(reads[0]).toBeLessThan(reads[1]! * 0.8)
})

describe('connections', () => {
  const open: { close(): Promise<void> | void }[] = []
  afterEach(async () => {
    for (const thing of open.splice(0).toReversed()) await thing.close()
  })
  const start = async (
    handler: Parameters<typeof startApp>[0],
    options: Parameters<typeof startFixture>[0] = {},
  ): Promise<Fixture> => {
    const app = await startApp(handler)
    const fixture = await startFixture(options)
    open.push(app, fixture)
    await fixture.route('tea', ['tea'], [app.address])
    return fixture
  }
  const connect = (fixture: Fixture, text = ''): Client => {
    const client = startClient(fixture.router.port, text)
    open.push({ close: () => void client.socket.destroy() })
    return client
  }

  test('what comes during a response waits for its end', async () => {
    const waiting: (() => void)[] = []
    const came: string[] = []
    const fixture = await start((request, response) => {
      came.push(request.url!)
      waiting.push(() => response.end(`answer ${request.url}`))
    })
    const client = connect(fixture, get('/1'))
    await expect.poll(() => came).toEqual(['/1'])
    client.socket.write(get('/2'))
    await quiet(() => came.length)
    expect(came).toEqual(['/1'])
    waiting[0]!()
    await client.until(/answer \/1/)
    await expect.poll(() => came).toEqual(['/1', '/2'])
    waiting[1]!()
    await client.until(/answer \/2/)
  })

  test('no more than a little is read ahead, and nothing of it is lost', async () => {
    const waiting: (() => void)[] = []
    let got = 0
    const fixture = await start((request, response) => {
      if (request.method === 'GET') return void waiting.push(() => response.end('first'))
      request.on('data', (chunk: Buffer) => (got += chunk.length)).on('end', () => response.end('second'))
    })
    const size = 30_000_000
    const client = connect(fixture, get('/1'))
    await expect.poll(() => waiting.length).toBe(1)
    client.socket.write(post('/', 'x'.repeat(size)), 'latin1')
    await quiet(() => client.socket.writableLength)
    expect(client.socket.writableLength).toBeGreaterThan(size / 2)
    waiting[0]!()
    await client.until(/first[\s\S]*second/)
    expect(got).toBe(size)
  })

  test('a client that leaves or ends its side takes its request with it', async () => {
    let gone = 0
    let came = 0
    const fixture = await start(
      (_request, response) => {
        came++
        response.on('close', () => gone++)
      },
      { accessLog: true },
    )
    for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const client = connect(fixture, get(`/${leave}`))
      const before = came
      await expect.poll(() => came).toBe(before + 1)
      client.socket[leave]()
      await expect.poll(() => gone).toBe(before + 1)
      expect((await client.closed()).text).toBe('')
    }
    await expect.poll(() => fixture.written.length).toBe(3)
    expect(fixture.written.map((line) => (JSON.parse(line) as { status: number }).status)).toEqual([0, 0, 0])
  })

  test('nothing follows a response that closes the connection', async () => {
    const came: string[] = []
    let client: Client
    const fixture = await start((request, response) => {
      came.push(request.url!)
      response.end('over')
      // The router gets both at once.
      client.socket.write(get('/2'))
    })
    for (let count = 0; count < 10; count++) {
      client = connect(fixture, get('/1', 'Connection: close'))
      await client.closed()
    }
    await quiet(() => came.length)
    expect(came.filter((path) => path === '/2')).toEqual([])
  })

  test('one without a request is closed after its time', async () => {
    const fixture = await start((_request, response) => void response.end('ok'), {
      timing: { idleClient: 200, headCheck: 20, head: 60_000 },
    })
    const client = connect(fixture, get('/1'))
    await client.until(/ok$/)
    const at = performance.now()
    expect(await client.closed()).toMatchObject({ text: expect.stringMatching(/ok$/) as string, error: undefined })
    expect(performance.now() - at).toBeGreaterThan(150)
  })

  test('when the router ends, running requests are answered and all connections closed', async () => {
    const bus: (() => void)[] = []
    const fixture = await start((request, response) => {
      if (request.url === '/quick') response.end('quick')
      else bus.push(() => response.end('slow'))
    })
    const silent = connect(fixture)
    const idle = connect(fixture, get('/quick'))
    const busy = connect(fixture, get('/slow'))
    await once(silent.socket, 'connect')
    await idle.until(/quick$/)
    await expect.poll(() => bus.length).toBe(1)
    const closing = fixture.router.close()
    await silent.closed()
    await idle.closed()
    bus[0]!()
    expect((await busy.closed()).text).toMatch(/Connection: close\r\n[\s\S]*slow$/)
    await closing
    expect(readsOf(fixture.router.port)).toBe(0)
  })

  test('a request that does not end is cut when the router has waited long enough', async () => {
    const fixture = await start(() => undefined, { drainSeconds: 0.2 })
    const client = connect(fixture, get('/'))
    await quiet(() => client.text().length)
    await fixture.router.close()
    expect((await client.closed()).text).toBe('')
  })

  test('with TLS it is the same', async () => {
    const pair = certificateFor('tea.example')
    const app = await startApp((request, response) => {
      request.resume().on('end', () => response.end(`${request.url} ${request.headers['x-forwarded-proto']}`))
    })
    const fixture = await startFixture({ tlsPort: 0 })
    open.push(app, fixture)
    const certificates = [{ host: 'tea.example', ...pair }]
    await fixture.put({ app: 'tea', hosts: ['tea.example'], upstreams: [app.address], certificates })
    const socket = await handshake(fixture.router.tlsPort!, 'tea.example', { ca: pair.certificate })
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    const on = (value: string): string => value.replaceAll('tea.localhost', 'tea.example')
    for (const path of ['/1', '/2']) {
      socket.write(on(get(path)))
      await expect.poll(() => text).toContain(`${path} https`)
    }
    expect(readsOf(fixture.router.tlsPort!)).toBe(0)
    socket.write(on(get('/3')).slice(0, 10))
    await new Promise((resolve) => setImmediate(resolve))
    socket.write(on(get('/3')).slice(10) + on(post('/4', 'x'.repeat(70_000))))
    await expect.poll(() => text).toContain('/4 https')
    expect(text.match(/\/\d https/g)).toEqual(['/1 https', '/2 https', '/3 https', '/4 https'])
    socket.destroy()
  })
})
