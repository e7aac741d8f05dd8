// Does a request survive upstreams that refuse, reset or keep silent, and is none sent twice that must not be?
import { EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
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
  fixture = await startFixture({ timing: { idle: 400, connect: 300, retry: 600, retryPause: 20 } })
})
afterEach(async () => {
  await fixture.close()
  for (const app of apps.splice(0)) await app.close()
})

async function app(name: string): Promise<string> {
  const started = await startApp((request, response) => {
    request.resume()
    request.on('end', () => response.end(`from ${name}`))
  })
  apps.push(started)
  return started.address
}

async function rawApp(on: (socket: Socket, text: string) => void): Promise<RawApp> {
  const started = await startRawApp((socket) => socket.on('data', (data) => on(socket, data.toString())))
  apps.push(started)
  return started
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** One request on a connection of its own. */
async function ask(method = 'GET', body = ''): Promise<string> {
  const length = method === 'GET' && body === '' ? '' : `Content-Length: ${body.length}\r\n`
  const text = `${method} / HTTP/1.1\r\nHost: tea.localhost\r\nConnection: close\r\n${length}\r\n${body}`
  return (await startClient(fixture.router.port, text).closed()).text
}

test.each(['GET', 'POST'])('%s goes to another upstream when one refuses', async (method) => {
  await fixture.route('tea', ['tea'], [await refusingAddress(), await refusingAddress(), await app('good')])
  for (let count = 0; count < 6; count++) expect(await ask(method, 'body')).toMatch(/ 200 OK[\s\S]*from good/)
})

test('502 when all refuse, after a moment', async () => {
  await fixture.route('tea', ['tea'], [await refusingAddress(), await refusingAddress()])
  const before = Date.now()
  expect(await ask()).toMatch(/^HTTP\/1\.1 502 /)
  expect(Date.now() - before).toBeGreaterThanOrEqual(490)
})

test('a request that all refuse finds the upstream of the next table', async () => {
  await fixture.route('tea', ['tea'], [await refusingAddress()])
  const asked = ask('POST', 'body')
  await fixture.route('tea', ['tea'], [await app('new')])
  expect(await asked).toMatch(/ 200 OK[\s\S]*from new/)
})

test('503 when the next table has no upstream any more', async () => {
  await fixture.route('tea', ['tea'], [await refusingAddress()])
  const asked = ask()
  await fixture.route('tea', ['tea'], [])
  expect(await asked).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 1/)
})

test('a GET is repeated elsewhere when its upstream resets before a byte came', async () => {
  const bad = await rawApp((socket) => socket.resetAndDestroy())
  await fixture.route('tea', ['tea'], [bad.address, await app('good')])
  for (let count = 0; count < 4; count++) expect(await ask()).toMatch(/from good/)
})

test('a GET that ends its app is not offered to it again', async () => {
  let seen = 0
  const bad = await rawApp((socket) => {
    seen++
    socket.resetAndDestroy()
  })
  await fixture.route('tea', ['tea'], [bad.address])
  expect(await ask()).toMatch(/^HTTP\/1\.1 502 /)
  expect(seen).toBe(1)
})

test('a POST that may have reached its app is not repeated', async () => {
  let seen = 0
  const bad = await rawApp((socket) => {
    seen++
    socket.resetAndDestroy()
  })
  await fixture.route('tea', ['tea'], [bad.address])
  expect(await ask('POST', 'body')).toMatch(/^HTTP\/1\.1 502 /)
  expect(await ask('POST', '')).toMatch(/^HTTP\/1\.1 502 /)
  expect(seen).toBe(2)
})

test('nothing is repeated once bytes of a response came', async () => {
  let seen = 0
  const bad = await rawApp((socket) => {
    seen++
    socket.end('HTTP/1.1 200')
  })
  await fixture.route('tea', ['tea'], [bad.address, bad.address])
  expect(await ask()).toMatch(/^HTTP\/1\.1 502 /)
  expect(seen).toBe(1)
})

test('connections are used again by requests that can be repeated, and by no others', async () => {
  const connections = new Set<Socket>()
  const good = await rawApp((socket, text) => {
    if (!text.startsWith('GET') && !text.startsWith('POST')) return
    connections.add(socket)
    socket.write(ok)
  })
  await fixture.route('tea', ['tea'], [good.address])
  for (let count = 0; count < 5; count++) expect(await ask()).toMatch(/ok$/)
  expect(connections.size).toBe(1)
  for (let count = 0; count < 3; count++) expect(await ask('POST', '')).toMatch(/ok$/)
  expect(connections.size).toBe(4)
})

test('a used connection that dies under a request costs nothing', async () => {
  let resets = 0
  const asked = new Map<Socket, number>()
  const stale = await rawApp((socket) => {
    const count = (asked.get(socket) ?? 0) + 1
    asked.set(socket, count)
    if (count === 1) return void socket.write(ok)
    resets++
    socket.resetAndDestroy()
  })
  await fixture.route('tea', ['tea'], [stale.address])
  for (let count = 0; count < 6; count++) expect(await ask()).toMatch(/ok$/)
  expect(resets).toBeGreaterThan(0)
})

test('504 when the app keeps silent too long, without asking it again', async () => {
  let seen = 0
  const silent = await rawApp(() => seen++)
  await fixture.route('tea', ['tea'], [silent.address])
  expect(await ask()).toMatch(/^HTTP\/1\.1 504 /)
  expect(seen).toBe(1)
})

test('a response that stops for too long is cut', async () => {
  const stops = await rawApp((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'))
  await fixture.route('tea', ['tea'], [stops.address])
  expect(await ask()).toMatch(/half$/)
})

test('the least busy upstream is chosen, and equals take turns', async () => {
  const bus = new EventEmitter()
  const names = ['a', 'b', 'c']
  const asked: string[] = []
  const addresses: string[] = []
  for (const name of names) {
    const started = await startApp((request, response) => {
      asked.push(name)
      if (request.url === '/long') {
        bus.once('finish', () => response.end('long'))
        bus.emit('long')
      } else response.end('short')
    })
    apps.push(started)
    addresses.push(started.address)
  }
  await fixture.route('tea', ['tea'], addresses)
  for (let count = 0; count < 6; count++) await ask()
  expect(asked.toSorted()).toEqual(['a', 'a', 'b', 'b', 'c', 'c'])
  const long = once(bus, 'long')
  const client = startClient(fixture.router.port, 'GET /long HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
  await long
  const busy = asked.at(-1)!
  asked.length = 0
  for (let count = 0; count < 6; count++) await ask()
  expect(asked).not.toContain(busy)
  bus.emit('finish')
  await client.until(/long$/)
  client.socket.destroy()
})
