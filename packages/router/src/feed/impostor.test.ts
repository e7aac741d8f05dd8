// Does a router find its controller again after another server has answered, and does it never show its key?
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { channelOf, greeting, newNonce, nonceHeader, routesProtocol } from '@deis/types/channel'
import { afterEach, expect, test } from 'vitest'
import { startFixture } from '../testing.ts'
import { startController } from '../testing-controller.ts'

const key = 'key-of-the-tests'
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close()
})

type Impostor = { readonly url: string; readonly port: number; readonly received: string[]; close(): Promise<void> }

/** Another server at the address of the controller; `answer` gets each connection with the head of its request. */
async function startImpostor(answer: (socket: Socket, head: string) => void): Promise<Impostor> {
  const received: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    const at = received.push('') - 1
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    let answered = false
    socket.on('data', (chunk) => {
      received[at] += chunk.toString('latin1')
      if (answered || !received[at]!.includes('\r\n\r\n')) return
      answered = true
      answer(socket, received[at]!)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let closed = false
  const impostor = {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    async close() {
      if (closed) return
      closed = true
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  open.push(impostor)
  return impostor
}

const said = (status: string, body = '', more = ''): string =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\nConnection: keep-alive\r\n${more}\r\n${body}`
const switching = (nonce: string, rest = ''): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${routesProtocol}\r\n${nonceHeader}: ${nonce}\r\n\r\n${rest}`

function sealed(head: string, withKey: string, nonce: string): string {
  const routerNonce = new RegExp(`${nonceHeader}: ([0-9a-f]+)`, 'i').exec(head)![1]!
  const router = /router=([^ &]+)/.exec(head)![1]!
  return channelOf('controller', { key: withKey, router, routerNonce, controllerNonce: nonce }).seal(greeting)
}

const answers: [string, (socket: Socket, head: string) => void][] = [
  ['404', (socket) => socket.write(said('404 Not Found'))],
  ['500', (socket) => socket.write(said('500 Internal Server Error'))],
  ['401', (socket) => socket.write(said('401 Unauthorized'))],
  ['a page', (socket) => socket.write(said('200 OK', '<html>hello</html>', 'Content-Type: text/html\r\n'))],
  ['a redirect', (socket) => socket.write(said('302 Found', '', 'Location: http://127.0.0.1:9/\r\n'))],
  ['nothing', () => undefined],
  ['a head and then nothing', (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')],
  ['an upgrade and then nothing', (socket) => socket.write(switching(newNonce()))],
  ['an upgrade and the end', (socket) => socket.end(switching(newNonce()))],
  ['another protocol', (socket) => socket.write(switching(newNonce()).replace(routesProtocol, 'websocket'))],
  ['a nonce that is none', (socket) => socket.write(switching('x'))],
  ['garbage', (socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n')],
  ['garbage after the upgrade', (socket) => socket.write(switching(newNonce(), '\0\x01{"type":"snapshot"}\n'))],
  [
    'the code of another key',
    (socket, head) => {
      const nonce = newNonce()
      socket.write(switching(nonce, `${sealed(head, 'another key', nonce)}\n`))
    },
  ],
  [
    'its own words back',
    (socket, head) =>
      socket.write(switching(new RegExp(`${nonceHeader}: ([0-9a-f]+)`, 'i').exec(head)![1]!, `${head}\n`)),
  ],
]

test.each(answers)(
  'an address that answers %s for ever: asked ever more slowly, told nothing; then found again',
  async (_, answer) => {
    const impostor = await startImpostor(answer)
    const fixture = await startFixture({
      controllerUrl: impostor.url,
      timing: { firstDelay: 20, lastDelay: 80, lastWrongDelay: 160, silence: 150 },
    })
    open.push(fixture)
    await expect.poll(() => impostor.received.length, { timeout: 10_000 }).toBeGreaterThan(3)
    // Each on a connection of its own, with the same few words.
    for (const words of impostor.received.filter(Boolean)) {
      expect(words.match(/^GET /gm)).toHaveLength(1)
      expect(words).not.toContain(key)
      expect(words).not.toContain(Buffer.from(key).toString('base64'))
      expect(words).not.toContain(Buffer.from(key).toString('hex'))
      expect(words.split('\r\n\r\n')[1]).toBe('')
    }
    expect(fixture.logs[0]).toMatch(/^the route feed from .* failed; routing continues with the last table: /)
    expect(fixture.logs.length).toBeLessThan(3)
    await impostor.close()
    const real = await startController(key, 'localhost', impostor.port)
    open.push(real)
    await real.seen(() => true)
    expect(fixture.logs.at(-1)).toBe('the route feed works again')
  },
)

test.each(answers.slice(0, 5))(
  'an address that answers %s once is asked again at once, on a new connection',
  async (_, answer) => {
    const real = await startController(key)
    open.push(real)
    let count = 0
    const impostor = await startImpostor((socket, head) => {
      if (count++ === 0) answer(socket, head)
      // Another test controller: the name has the right address now.
      else socket.end(said('404 Not Found'))
    })
    const fixture = await startFixture({ controllerUrl: impostor.url, timing: { firstDelay: 20, lastDelay: 80 } })
    open.push(fixture)
    await expect.poll(() => impostor.received.length, { timeout: 10_000 }).toBeGreaterThan(1)
    expect(impostor.received.every((words) => (words.match(/^GET /gm) ?? []).length < 2)).toBe(true)
  },
)

test('what was overheard of a controller proves nothing to the next connection', async () => {
  let overheard = ''
  const nonce = newNonce()
  const impostor = await startImpostor((socket, head) => {
    // The first time it is a recorded answer of the controller itself.
    overheard ||= sealed(head, key, nonce)
    const first = impostor.received.length === 1
    socket.write(switching(nonce, `${overheard}\n`))
    if (first) setImmediate(() => socket.destroy())
  })
  const fixture = await startFixture({
    controllerUrl: impostor.url,
    timing: { firstDelay: 20, lastDelay: 80, lastWrongDelay: 80 },
  })
  open.push(fixture)
  await expect.poll(() => fixture.logs.join('\n')).toMatch(/not the controller/)
  await expect.poll(() => impostor.received.length).toBeGreaterThan(2)
  for (const words of impostor.received.slice(1)) expect(words.split('\r\n\r\n')[1] ?? '').toBe('')
})
