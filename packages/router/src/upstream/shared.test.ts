// Do requests follow the changes behind an upstream that stands for several processes?
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { refusingAddress, type Fixture, startClient, startRawApp, startFixture } from '../testing.ts'

const sharedAge = 200
let fixture: Fixture
const open: { close(): Promise<void> }[] = []

beforeEach(async () => {
  fixture = await startFixture({ timing: { retry: 50, retryPause: 10, sharedRetry: 5_000, sharedAge, pooled: 20_000 } })
})
afterEach(async () => {
  await fixture.close()
  for (const thing of open.splice(0)) await thing.close()
})

async function ask(method = 'GET', host = 'tea'): Promise<string> {
  const length = method === 'GET' ? '' : 'Content-Length: 4\r\n'
  const text = `${method} / HTTP/1.1\r\nHost: ${host}.localhost\r\nConnection: close\r\n${length}\r\n`
  return (await startClient(fixture.router.port, `${text}${method === 'GET' ? '' : 'body'}`).closed()).text
}

/** Remembers its connections; `on` says what to do with the n-th of them (from 1) when bytes come. */
async function app(on: (socket: Socket, connection: number) => void) {
  const seen: Socket[] = []
  const started = await startRawApp((socket) => {
    const connection = seen.push(socket)
    socket.on('data', () => on(socket, connection))
  })
  open.push(started)
  return { address: started.address, seen }
}

const ok = (socket: Socket): void => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')

test('a connection takes no more requests once it has its age, however busy it is', async () => {
  const { address, seen } = await app(ok)
  await fixture.route('tea', ['tea'], [address], true)
  const began = Date.now()
  let asked = 0
  for (; seen.length < 9; asked++) expect(await ask()).toMatch(/ok$/)
  expect(Date.now() - began).toBeGreaterThanOrEqual(sharedAge - 10)
  expect(asked).toBeGreaterThan(9)
})

test('one client after the other meets several connections, in turn', async () => {
  const turns: number[] = []
  const { address, seen } = await app((socket, connection) => {
    turns.push(connection)
    ok(socket)
  })
  await fixture.route('tea', ['tea'], [address], true)
  for (let asked = 0; asked < 8; asked++) expect(await ask()).toMatch(/ok$/)
  expect(seen).toHaveLength(8)
  expect(turns).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
})

test('an unused connection is closed at that age', async () => {
  const { address, seen } = await app(ok)
  await fixture.route('tea', ['tea'], [address], true)
  expect(await ask()).toMatch(/ok$/)
  await new Promise((resolve) => seen[0]!.once('close', resolve))
  expect(seen).toHaveLength(1)
})

test('an upstream becomes shared with the next table', async () => {
  const { address, seen } = await app(ok)
  await fixture.route('tea', ['tea'], [address])
  expect(await ask()).toMatch(/ok$/)
  await fixture.route('tea', ['tea'], [address], true)
  await new Promise((resolve) => seen[0]!.once('close', resolve))
  expect(await ask()).toMatch(/ok$/)
})

test.each(['GET', 'POST'])('%s is offered to the same address until it answers', async (method) => {
  const address = await refusingAddress()
  await fixture.route('tea', ['tea'], [address], true)
  await fixture.route('coffee', ['coffee'], [await refusingAddress()])
  const asked = ask(method)
  expect(await ask(method, 'coffee')).toMatch(/^HTTP\/1\.1 502 /)
  const late = createServer((_, response) => response.end('late'))
  open.push({
    async close() {
      late.closeAllConnections()
      await new Promise((resolve) => late.close(resolve))
    },
  })
  late.listen(Number(address.split(':')[1]), '127.0.0.1')
  expect(await asked).toMatch(/ 200 OK[\s\S]*late/)
})

test('a GET that one process broke off goes to the address once more', async () => {
  const { address, seen } = await app((socket, connection) =>
    connection === 1 ? socket.resetAndDestroy() : ok(socket),
  )
  await fixture.route('tea', ['tea'], [address], true)
  expect(await ask()).toMatch(/ok$/)
  expect(seen).toHaveLength(2)
})

test('a GET that ends what it meets is not offered for ever', async () => {
  const { address, seen } = await app((socket) => socket.resetAndDestroy())
  await fixture.route('tea', ['tea'], [address], true)
  expect(await ask()).toMatch(/^HTTP\/1\.1 502 /)
  expect(seen).toHaveLength(2)
})

test('a POST that may have reached a process is not repeated', async () => {
  const { address, seen } = await app((socket) => socket.resetAndDestroy())
  await fixture.route('tea', ['tea'], [address], true)
  expect(await ask('POST')).toMatch(/^HTTP\/1\.1 502 /)
  expect(seen).toHaveLength(1)
})
