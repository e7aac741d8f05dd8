// Do WebSockets and other protocols pass, and nothing that only pretends to be one?
import { EventEmitter, once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  type RawApp,
  refusingAddress,
  type Fixture,
  startApp,
  startClient,
  startRawApp,
  startFixture,
} from '../testing.ts'

let fixture: Fixture
const apps: { close(): Promise<void> }[] = []

beforeEach(async () => {
  fixture = await startFixture({ drainSeconds: 1 })
})
/** Elsewhere a machine that is busy with other tests may pause for as long. */
async function cutSoon(): Promise<void> {
  await fixture.close()
  fixture = await startFixture({ timing: { idle: 400 } })
}
afterEach(async () => {
  await fixture.close()
  for (const app of apps.splice(0)) await app.close()
})

async function echo(): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', (socket, request) => {
    socket.send(`hello ${request.headers['x-forwarded-for']} ${request.headers.host}`)
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  await once(server, 'listening')
  apps.push({
    close: async () => {
      for (const client of server.clients) client.terminate()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function rawApp(on: (socket: Socket, text: string) => void): Promise<RawApp> {
  const started = await startRawApp((socket) => socket.on('data', (data) => on(socket, data.toString('latin1'))), true)
  apps.push(started)
  return started
}

function connectWebSocket(): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${fixture.router.port}/chat?x`, { headers: { host: 'tea.localhost' } })
}

async function nextMessage(socket: WebSocket): Promise<Buffer> {
  const [data] = (await once(socket, 'message')) as [Buffer]
  return data
}

const upgrade = 'GET /chat HTTP/1.1\r\nHost: tea.localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: proto\r\n\r\n'
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: proto\r\nX-Own: y\r\n\r\n'

test('a WebSocket carries text and large binary messages, past an upstream that refuses', async () => {
  await fixture.route('tea', ['tea'], [await refusingAddress(), await echo()])
  for (let count = 0; count < 3; count++) {
    const socket = connectWebSocket()
    expect((await nextMessage(socket)).toString()).toBe('hello 127.0.0.1 tea.localhost')
    socket.send('text')
    expect((await nextMessage(socket)).toString()).toBe('text')
    const large = Buffer.alloc(3_000_000, 'x')
    socket.send(large)
    expect((await nextMessage(socket)).equals(large)).toBe(true)
    socket.close(4000, 'bye')
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
    expect([code, reason.toString()]).toEqual([4000, 'bye'])
  }
})

test('an upstream with a WebSocket is busy until it ends, and the WebSocket stays open', async () => {
  const address = await echo()
  await fixture.route('tea', ['tea'], [address])
  const socket = connectWebSocket()
  await nextMessage(socket)
  await fixture.route('tea', ['tea'], [])
  expect(fixture.controller.states.at(-1)?.busy).toEqual([address])
  socket.send('still here')
  expect((await nextMessage(socket)).toString()).toBe('still here')
  const idle = fixture.controller.seen((state) => state.seq === 2 && state.busy.length === 0)
  socket.close()
  await idle
})

test('what a client sends with its request comes after the switch, and each direction ends by itself', async () => {
  const bus = new EventEmitter()
  const app = await rawApp((socket, text) => {
    if (!text.startsWith('GET')) return
    expect(text).toMatch(/Connection: Upgrade\r\nUpgrade: proto\r\n\r\n$/)
    socket.removeAllListeners('data')
    let seen = ''
    socket.on('data', (data) => {
      seen += data.toString()
    })
    socket.on('end', () => bus.emit('end', seen, socket))
    socket.write(`${switching}early`)
  })
  await fixture.route('tea', ['tea'], [app.address])
  const ended = once(bus, 'end')
  const client = startClient(fixture.router.port, `${upgrade}with the request`)
  const text = await client.until(/early$/)
  expect(text).toMatch(
    /^HTTP\/1\.1 101 Switching Protocols\r\nX-Own: y\r\nX-Request-Id: .*\r\nConnection: Upgrade\r\nUpgrade: proto\r\n/,
  )
  client.socket.end(' and later')
  const [seen, socket] = (await ended) as [string, Socket]
  expect(seen).toBe('with the request and later')
  socket.end('after the end of the client')
  expect((await client.closed()).text).toMatch(/earlyafter the end of the client$/)
})

test('the app may end its direction first', async () => {
  const bus = new EventEmitter()
  const app = await rawApp((socket, text) => {
    if (text.startsWith('GET')) socket.end(`${switching}the end`)
    else bus.emit('received', text)
  })
  await fixture.route('tea', ['tea'], [app.address])
  const client = startClient(fixture.router.port, upgrade)
  client.socket.removeAllListeners('end')
  await client.until(/the end$/)
  const received = once(bus, 'received')
  client.socket.end('I still send')
  expect(await received).toEqual(['I still send'])
})

test.each([
  ['with a length', 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\nX-Own: y\r\n\r\nno', /no$/],
  ['chunked', 'HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n', /\r\n\r\nno$/],
])(
  'a refusal %s is passed on, and nothing of the client reaches the app as a request',
  async (_, refusal, expected) => {
    const texts: string[] = []
    const app = await rawApp((socket, text) => {
      texts.push(text)
      socket.write(refusal)
    })
    await fixture.route('tea', ['tea'], [app.address])
    const client = startClient(fixture.router.port, `${upgrade}GET /hidden HTTP/1.1\r\nHost: tea.localhost\r\n\r\n`)
    const { text } = await client.closed()
    expect(text).toMatch(expected)
    expect(text).toMatch(/Connection: close\r\n/)
    expect(texts.join('')).not.toContain('hidden')
  },
)

test.each([
  [
    'an offer of HTTP/2',
    'GET / HTTP/1.1\r\nHost: tea.localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n',
    'GET 0',
  ],
  [
    'an offer with a body',
    'POST / HTTP/1.1\r\nHost: tea.localhost\r\nConnection: Upgrade\r\nUpgrade: proto\r\nContent-Length: 5\r\n\r\nhello',
    'POST 5',
  ],
])('%s is a plain request for the app, and the connection serves on', async (_, text, expected) => {
  const app = await startApp((request, response) => {
    let size = 0
    request.on('data', (data: Buffer) => (size += data.length))
    request.on('end', () => response.end(`${request.method} ${size} ${request.headers.upgrade}`))
  })
  apps.push(app)
  await fixture.route('tea', ['tea'], [app.address])
  const client = startClient(fixture.router.port, text)
  await client.until(new RegExp(`${expected} undefined$`))
  client.socket.write('GET /next HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
  await client.until(/200 OK[\s\S]*200 OK[\s\S]*GET 0 undefined$/)
  client.socket.destroy()
})

test.each([
  ['404', 'nobody.localhost', []],
  ['503', 'tea.localhost', []],
  ['400', 'a b', []],
])('%s comes for an upgrade too', async (status, host, upstreams) => {
  await fixture.route('tea', ['tea'], upstreams)
  const client = startClient(fixture.router.port, upgrade.replace('tea.localhost', host))
  expect((await client.closed()).text).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*</html>\n$`))
})

test('an upgrade behind a request that is still under way is refused', async () => {
  await cutSoon()
  const texts: string[] = []
  const app = await rawApp((_socket, text) => texts.push(text))
  await fixture.route('tea', ['tea'], [app.address])
  const { text } = await startClient(
    fixture.router.port,
    `GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n${upgrade}`,
  ).closed()
  expect(text).toBe('')
  expect(texts.join('')).not.toContain('chat')
})

test('a tunnel without a byte for too long is cut', async () => {
  await cutSoon()
  const app = await rawApp((socket) => socket.write(switching))
  await fixture.route('tea', ['tea'], [app.address])
  expect((await startClient(fixture.router.port, upgrade).closed()).text).toMatch(/101/)
})

test.each(['before', 'after'])('the app learns that a client has gone %s the switch', async (when) => {
  const bus = new EventEmitter()
  const app = await startRawApp((socket) => {
    socket.on('close', () => bus.emit('gone'))
    socket.once('data', () => {
      if (when === 'after') socket.write(switching)
      bus.emit('came')
    })
  })
  apps.push(app)
  await fixture.route('tea', ['tea'], [app.address])
  const came = once(bus, 'came')
  const gone = once(bus, 'gone')
  const client = startClient(fixture.router.port, upgrade)
  await came
  if (when === 'after') await client.until(/101/)
  client.socket.destroy()
  await gone
})
