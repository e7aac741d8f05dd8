// Do clients with TLS get the right certificate and the right app, whatever happens to the table?
import { EventEmitter, once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { type App, type Fixture, startApp, startClient, startRawApp, startFixture } from './testing.ts'
import { askOver, certificateFor, handshake, type Pair } from './testing-tls.ts'

const tea = certificateFor('tea.example')
const wild = certificateFor('*.example', '*.leaf.example')
const green = certificateFor('green.leaf.example')
const short = certificateFor('tea.localhost')
const broken = { ...certificateFor('broken.example'), key: tea.key }

let fixture: Fixture
let app: App
let tls: number
const bus = new EventEmitter()

beforeAll(async () => {
  fixture = await startFixture({ tlsPort: 0, accessLog: true })
  tls = fixture.router.tlsPort!
  app = await startApp((request, response) => {
    const { 'x-forwarded-proto': proto, 'x-forwarded-port': port, 'x-forwarded-for': client } = request.headers
    const answer = JSON.stringify({ url: request.url, proto, port, client })
    if (request.url !== '/slow') return void response.end(answer)
    response.write('begun')
    bus.once('finish', () => response.end('done'))
  })
  new WebSocketServer({ server: app.server }).on('connection', (socket) =>
    socket.on('message', (data) => socket.send(data)),
  )
  await fixture.put({
    app: 'tea',
    hosts: ['tea', 'tea.example', 'other.example'],
    upstreams: [app.address],
    certificates: [
      { host: 'tea.example', ...tea },
      { host: 'tea', ...short },
    ],
  })
  await fixture.put({
    app: 'wild',
    hosts: ['*.example', '*.leaf.example', 'green.leaf.example', 'broken.example'],
    upstreams: [app.address],
    certificates: [
      { host: 'Green.Leaf.Example', ...green },
      { host: '*.example', ...wild },
      { host: 'broken.example', ...broken },
    ],
  })
})
afterAll(async () => {
  await fixture.close()
  await app.close()
})

const trusting = { rejectUnauthorized: false }

async function answererFor(name: string): Promise<string> {
  const socket = await handshake(tls, name, trusting)
  const { subjectaltname } = socket.getPeerCertificate()
  socket.destroy()
  return subjectaltname ?? ''
}

test('a client that trusts the certificate is served, and the app is told that the client used TLS', async () => {
  const socket = await handshake(tls, 'tea.example', { ca: tea.certificate, ALPNProtocols: ['h2', 'http/1.1'] })
  expect(socket.authorized).toBe(true)
  expect(socket.alpnProtocol).toBe('http/1.1')
  const answer = await askOver(socket, 'GET /a?b=c HTTP/1.1', 'Host: tea.example')
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toEqual({
    url: '/a?b=c',
    proto: 'https',
    port: String(tls),
    client: '127.0.0.1',
  })
})

test.each([
  ['tea.example', 'DNS:tea.example'],
  ['TEA.example', 'DNS:tea.example'],
  ['tea.localhost', 'DNS:tea.localhost'],
  ['any.example', 'DNS:*.example, DNS:*.leaf.example'],
  ['red.leaf.example', 'DNS:*.example, DNS:*.leaf.example'],
  ['green.leaf.example', 'DNS:green.leaf.example'],
])('%s is answered with %s', async (name, expected) => {
  expect(await answererFor(name)).toBe(expected)
})

test.each([
  ['nobody.test', 'no app has it'],
  ['other.example', 'its app has no certificate for it, and those of other apps do not count'],
  ['broken.example', 'key and certificate do not belong together'],
  ['', 'no name is said'],
  ['a b', 'it is not a name'],
])('a handshake for %j is refused: %s', async (name) => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
    await expect(handshake(tls, name, { ...trusting, maxVersion })).rejects.toThrow(/handshake failure|no certificate/i)
})

test('what is wrong with a certificate is said once, without its key', async () => {
  await expect(handshake(tls, 'broken.example', trusting)).rejects.toThrow()
  const said = fixture.logs.filter((line) => line.startsWith('the certificate of "broken.example" cannot be used'))
  expect(said).toHaveLength(1)
  expect(said[0]).not.toContain('KEY-----')
})

test('TLS 1.1 and HTTP/2 are not spoken', async () => {
  const old = { ...trusting, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  await expect(handshake(tls, 'tea.example', old)).rejects.toThrow(/protocol version/)
  await expect(handshake(tls, 'tea.example', { ...trusting, ALPNProtocols: ['h2'] })).rejects.toThrow(
    /no application protocol/,
  )
})

test('bytes that are not TLS do no harm', async () => {
  const client = startClient(tls, 'GET / HTTP/1.1\r\nHost: tea.example\r\n\r\n')
  expect((await client.closed()).text).not.toMatch(/HTTP/)
  expect(await answererFor('tea.example')).toBe('DNS:tea.example')
})

test("a request for another app over the same connection is that app's matter", async () => {
  const socket = await handshake(tls, 'tea.example', trusting)
  expect(await askOver(socket, 'GET / HTTP/1.1', 'Host: nobody.test')).toMatch(/^HTTP\/1\.1 404 /)
})

test('WebSocket goes over TLS', async () => {
  const socket = new WebSocket(`wss://tea.example:${tls}/`, {
    ca: tea.certificate,
    lookup: (_name, options, done) =>
      options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
  })
  await once(socket, 'open')
  socket.send('hello')
  expect(String((await once(socket, 'message'))[0])).toBe('hello')
  socket.close()
  await once(socket, 'close')
})

test('a WebSocket over TLS ends when its app breaks off', async () => {
  const dying = await startRawApp((end) =>
    end.once('data', () =>
      end.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    ),
  )
  const certificates = [{ host: 'dying.test', ...tea }]
  await fixture.put({ app: 'dying', hosts: ['dying.test'], upstreams: [dying.address], certificates })
  const socket = await handshake(tls, 'dying.test', trusting)
  socket.on('error', () => undefined)
  socket.write('GET / HTTP/1.1\r\nHost: dying.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await once(socket, 'data')
  for (const end of dying.sockets) end.resetAndDestroy()
  await once(socket, 'close')
  await dying.close()
  expect(await answererFor('tea.example')).toBe('DNS:tea.example')
})

test('a table change replaces certificates; connections that stand stay', async () => {
  const first = certificateFor('new.test')
  const second = certificateFor('new.test')
  const set = (pair: Pair | null): Promise<void> =>
    fixture.put({
      app: 'new',
      hosts: ['new.test'],
      upstreams: [app.address],
      ...(pair === null ? {} : { certificates: [{ host: 'new.test', ...pair }] }),
    })
  await set(first)
  const before = await handshake(tls, 'new.test', { ca: first.certificate })
  await once(before, 'session')
  const session = before.getSession()!
  await set(second)
  ;(await handshake(tls, 'new.test', { ca: second.certificate })).destroy()
  await expect(handshake(tls, 'new.test', { ca: first.certificate })).rejects.toThrow(/self-signed|signature/)
  await set(null)
  const again = await handshake(tls, 'new.test', { ...trusting, session })
  expect(again.isSessionReused()).toBe(true)
  expect(await askOver(again, 'GET / HTTP/1.1', 'Host: new.test').catch(() => 'cut')).toMatch(/^(cut)?$/)
  expect(await askOver(before, 'GET / HTTP/1.1', 'Host: new.test')).toMatch(/^HTTP\/1\.1 200 /)
})

test('closing lets requests with TLS finish, and waits for no silent client', async () => {
  const own = await startFixture({ tlsPort: 0 })
  const port = own.router.tlsPort!
  await own.put({
    app: 'tea',
    hosts: ['tea.example'],
    upstreams: [app.address],
    certificates: [{ host: 'tea.example', ...tea }],
  })
  const running = await handshake(port, 'tea.example', trusting)
  const asked = askOver(running, 'GET /slow HTTP/1.1', 'Host: tea.example')
  await once(running, 'data')
  const agreed = await handshake(port, 'tea.example', trusting)
  const silent = connectPlain({ port, host: '127.0.0.1' })
  await once(silent, 'connect')
  const closing = own.router.close()
  await Promise.all([once(agreed.resume(), 'close'), once(silent.resume(), 'close')])
  bus.emit('finish')
  expect(await asked).toMatch(/begun[\s\S]*done/)
  await closing
  await own.controller.close()
})

test('a response that breaks off ends the connection', async () => {
  const cut = await startApp((_request, response) => {
    response.writeHead(200)
    response.write('half', () => response.destroy())
  })
  await fixture.put({
    app: 'cut',
    hosts: ['cut.test'],
    upstreams: [cut.address],
    certificates: [{ host: 'cut.test', ...tea }],
  })
  for (const version of ['1.0', '1.1']) {
    const socket = await handshake(tls, 'cut.test', trusting)
    socket.on('error', () => undefined)
    expect(await askOver(socket, `GET / HTTP/${version}`, 'Host: cut.test').catch(String)).not.toMatch(/\r\n0\r\n\r\n/)
  }
  await cut.close()
  expect(await answererFor('tea.example')).toBe('DNS:tea.example')
})

test('the access log tells the addresses of clients with TLS as of all', async () => {
  fixture.written.length = 0
  const socket = await handshake(tls, 'tea.example', trusting)
  await askOver(socket, 'GET /logged HTTP/1.1', 'Host: tea.example')
  await expect.poll(() => fixture.written.length).toBe(1)
  expect(JSON.parse(fixture.written[0]!)).toMatchObject({
    app: 'tea',
    client: '127.0.0.1',
    path: '/logged',
    status: 200,
  })
})
