// Does a client that is still sending get an answer that came early?
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type Fixture, startApp, startClient, startRawApp, startFixture } from '../testing.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close()
})

async function fixtureFor(address: string, timing = {}): Promise<Fixture> {
  const fixture = await startFixture({ timing })
  open.push(fixture)
  await fixture.route('tea', ['tea'], [address])
  return fixture
}

const big = Buffer.alloc(3 * 1024 * 1024, 'x')
const headOf = (length: number, ...more: string[]): string =>
  [`POST /up HTTP/1.1`, 'Host: tea.localhost', `Content-Length: ${length}`, ...more, '', ''].join('\r\n')

/** Sends all of a large request, whatever comes meanwhile, as simple clients do, and only then looks. */
async function upload(fixture: Fixture, ...headers: string[]): Promise<string> {
  const client = startClient(fixture.router.port, headOf(big.length, ...headers))
  client.socket.write(big)
  return client.until(/too much|<\/html>/)
}

const refusal = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n'

test.each([
  ['at the first byte', 1],
  ['somewhere within', 100_000],
])('an app that says 413 %s and resets the connection: the client gets the answer', async (_, after) => {
  const app = await startRawApp((socket) => {
    let seen = 0
    socket.on('data', (chunk) => {
      seen += chunk.length
      if (seen < after) return
      socket.pause()
      socket.write(`${refusal}Connection: close\r\n\r\ntoo much`, () => socket.destroy())
    })
  })
  open.push(app)
  const fixture = await fixtureFor(app.address)
  for (let count = 0; count < 25; count++) expect(await upload(fixture)).toMatch(/^HTTP\/1\.1 413 /)
})

test('a write that fails before the answer was read does not hide it', async () => {
  // The router notices the reset when it writes, since it has not come to reading yet.
  const app = await startRawApp((socket) => {
    socket.once('data', () => {
      socket.pause()
      socket.write(`${refusal}\r\ntoo much`, () => socket.resetAndDestroy())
    })
  })
  open.push(app)
  const fixture = await fixtureFor(app.address)
  const client = startClient(fixture.router.port, headOf(200_000))
  const piece = 'x'.repeat(1000)
  // As the first byte of the answer comes, more of the body is on its way.
  for (let count = 0; count < 200 && client.text() === ''; count++) {
    client.socket.write(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await client.until(/too much|<\/html>/)).toMatch(/^HTTP\/1\.1 413 /)
  client.socket.destroy()
})

test.each([
  ['a client that keeps its connection', []],
  ['a client that wants it closed', ['Connection: close']],
])('%s gets the answer of an app, and of the router itself', async (_, headers) => {
  const app = await startApp((_request, response) => void response.writeHead(413).end('too much'))
  open.push(app)
  const fixture = await fixtureFor(app.address)
  for (let count = 0; count < 10; count++) expect(await upload(fixture, ...headers)).toMatch(/^HTTP\/1\.1 413 /)
  await fixture.put({ app: 'tea', hosts: ['tea'], upstreams: [app.address], maintenance: true })
  const client = startClient(fixture.router.port, headOf(big.length, ...headers))
  client.socket.write(big)
  expect(await client.until(/<\/html>\n$/)).toMatch(/^HTTP\/1\.1 503 /)
  client.socket.destroy()
})

test('the connection of a client that never comes to its end is cut', async () => {
  const app = await startApp((_request, response) => void response.writeHead(413).end('too much'))
  open.push(app)
  const fixture = await fixtureFor(app.address, { unread: 200, unreadCheck: 20 })
  for (const headers of [[], ['Connection: close']]) {
    const client = startClient(fixture.router.port, headOf(1e12, ...headers))
    await client.until(/too much|<\/html>/)
    const drip = setInterval(() => void (client.socket.writable && client.socket.write('x')), 20)
    await client.closed()
    clearInterval(drip)
  }
})

test('a port that nobody serves is still 502 for a large request', async () => {
  const server = createServer((socket) => socket.resetAndDestroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) })
  const fixture = await fixtureFor(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  const client = startClient(fixture.router.port, headOf(big.length))
  client.socket.write(big)
  expect(await client.until(/<\/html>\n$/)).toMatch(/^HTTP\/1\.1 502 /)
  client.socket.destroy()
})
