// Does the router follow its controller, and live without it?
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EventEmitter, once } from 'node:events'
import type { RouterState } from '@deis/types'
import { afterAll, afterEach, expect, test } from 'vitest'
import { startServing } from '../serve.ts'
import { startRouter } from '../start.ts'
import { exchange, type Fixture, refusingAddress, startApp, startClient, startFixture } from '../testing.ts'
import { startController } from '../testing-controller.ts'

const open: { close(): Promise<void> }[] = []
const folder = mkdtempSync(join(tmpdir(), 'router-feed-'))

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

const patient = { firstDelay: 10, lastDelay: 50 }
/** Where silence is the subject: on a busy machine a feed is silent for so long now and then. */
const impatient = { ...patient, silence: 250 }

async function fixtureWith(options: Parameters<typeof startFixture>[0] = {}): Promise<Fixture> {
  const fixture = await startFixture({ timing: patient, ...options })
  open.push(fixture)
  return fixture
}

async function app(text: string): Promise<string> {
  const started = await startApp((_request, response) => void response.end(text))
  open.push(started)
  return started.address
}

async function get(fixture: Fixture, host = 'tea.localhost'): Promise<string> {
  return exchange(fixture.router.port, 'GET / HTTP/1.1', `Host: ${host}`, 'Connection: close')
}

test('each change is applied, reported and served', async () => {
  const fixture = await fixtureWith()
  const first = await fixture.controller.seen(() => true)
  expect(first).toMatchObject({ port: fixture.router.port, epoch: 'epoch-1', seq: 0, busy: [] })
  await fixture.route('tea', ['tea'], [await app('green')])
  expect(await get(fixture)).toMatch(/green$/)
  await fixture.route('tea', ['tea'], [await app('black')])
  expect(await get(fixture)).toMatch(/black$/)
  const seq = fixture.controller.gone('tea')
  const last = await fixture.controller.seen((state) => state.seq === seq)
  expect(await get(fixture)).toMatch(/^HTTP\/1\.1 404/)
  expect(last.router).toBe(first.router)
})

test('requests are told, and numbers are collected only while there is a controller', async () => {
  let collected = 0
  const serve: typeof startServing = async (...given) => {
    const serving = await startServing(...given)
    return {
      ...serving,
      measure() {
        collected++
        return serving.measure()
      },
    }
  }
  const { controller, options } = await fixtureWith()
  const timing = { firstDelay: 10, lastDelay: 50, traffic: 50 }
  const controllerUrl = `http://${await refusingAddress()}`
  open.push(await startRouter({ ...options, timing, controllerUrl }, serve))
  await new Promise((resolve) => setTimeout(resolve, 150))
  expect(collected).toBe(0)
  const router = await startRouter({ ...options, timing }, serve)
  open.push(router)
  const seq = controller.set('tea', ['tea'], [await app('green')])
  await controller.seen((state) => state.seq >= seq && state.port === router.port)
  const told = (): RouterState | undefined => controller.states.find(({ traffic }) => traffic !== undefined)
  // What came before the first numbers for this controller is not told.
  while (told() === undefined) {
    await exchange(router.port, 'GET / HTTP/1.1', 'Host: tea.localhost', 'Connection: close')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(told()!.traffic).toMatchObject([{ app: 'tea', classes: expect.any(Array) as number[] }])
  expect(collected).toBeGreaterThan(0)
})

test('many changes at once become few reports, the newest last', async () => {
  const fixture = await fixtureWith()
  await fixture.controller.seen(() => true)
  const before = fixture.controller.states.length
  let seq = 0
  for (let count = 0; count < 500; count++) seq = fixture.controller.set(`app${count}`, [`app${count}`], [])
  await fixture.controller.seen((state) => state.seq === seq)
  expect(fixture.controller.states.length - before).toBeLessThan(100)
  expect(await get(fixture, 'app499.localhost')).toMatch(/503/)
})

test.each<[string, (fixture: Fixture) => void, Partial<typeof impatient>?]>([
  ['is cut', (fixture: Fixture) => fixture.controller.cut()],
  ['says no JSON', (fixture: Fixture) => fixture.controller.say('{]')],
  ['sends a line that is not an event', (fixture: Fixture) => fixture.controller.say('{"type":"app","seq":2}')],
  ['leaves out a line', (fixture: Fixture) => fixture.controller.say('{"type":"gone","seq":9,"app":"tea"}')],
  [
    'has a line that does not belong to the feed',
    (fixture: Fixture) => fixture.controller.raw('{"type":"gone","seq":2,"app":"tea"}\n'),
  ],
  ['falls silent', () => undefined, impatient],
])('when the feed %s, the router asks again and serves on', async (_, breakFeed, timing = patient) => {
  const fixture = await fixtureWith({ timing })
  await fixture.route('tea', ['tea'], [await app('green')])
  const again = fixture.controller.nextFeed()
  breakFeed(fixture)
  expect(await get(fixture)).toMatch(/green$/)
  await again
  await fixture.route('milk', ['milk'], [await app('white')])
  expect(await get(fixture, 'milk.localhost')).toMatch(/white$/)
  expect(fixture.logs[0]).toMatch(/^the route feed from .* failed; routing continues with the last table: /)
  expect(fixture.logs[1]).toBe('the route feed works again')
})

test('a line without end makes the router ask again', async () => {
  const fixture = await fixtureWith()
  await fixture.controller.seen(() => true)
  const again = fixture.controller.nextFeed()
  const piece = 'x'.repeat(8 * 1024 * 1024)
  for (let count = 0; count < 17; count++) fixture.controller.raw(piece)
  await again
  expect(fixture.logs[0]).toContain('longer than')
})

test('pings keep the feed alive', async () => {
  const fixture = await fixtureWith({ timing: impatient })
  await fixture.controller.seen(() => true)
  for (let seq = 1; seq <= 8; seq++) {
    fixture.controller.say(`{"type":"ping","seq":${seq}}`)
    await new Promise((resolve) => setTimeout(resolve, 60))
  }
  expect(fixture.controller.feeds()).toBe(1)
})

test('a controller that dies and comes back with another table takes over', async () => {
  const fixture = await fixtureWith()
  await fixture.route('tea', ['tea'], [await app('green')])
  await fixture.controller.close()
  expect(await get(fixture)).toMatch(/green$/)
  const next = await startController('key-of-the-tests', 'localhost', fixture.controller.port, 'epoch-2')
  open.push(next)
  await next.seen((state) => state.epoch === 'epoch-2' && state.seq === 0)
  expect(await get(fixture)).toMatch(/404/)
})

test('a wrong key is said', async () => {
  const fixture = await fixtureWith({ key: 'wrong' })
  await expect.poll(() => fixture.logs[0]).toMatch(/not the controller: it does not prove that it has the router key/)
  expect(await get(fixture)).toMatch(/404/)
})

test('each ping is answered, which shows that the router is alive', async () => {
  const fixture = await fixtureWith()
  await fixture.controller.seen(() => true)
  const before = fixture.controller.states.length
  fixture.controller.say('{"type":"ping","seq":0}')
  await expect.poll(() => fixture.controller.states.length).toBe(before + 1)
})

test('a removed upstream is busy until its last request is answered, and then no more', async () => {
  const fixture = await fixtureWith({ timing: {} })
  const bus = new EventEmitter()
  const slow = await startApp((_request, response) => {
    response.write('begun')
    bus.once('finish', () => response.end('done'))
  })
  open.push(slow)
  await fixture.route('tea', ['tea'], [slow.address])
  const client = startClient(fixture.router.port, 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
  await client.until(/begun/)
  await fixture.route('tea', ['tea'], [await app('new')])
  expect(fixture.controller.states.at(-1)?.busy).toEqual([slow.address])
  expect(await get(fixture)).toMatch(/new$/)
  bus.emit('finish')
  await client.until(/done/)
  await fixture.controller.seen((state) => state.seq === 2 && state.busy.length === 0)
  client.socket.destroy()
})

test('an upstream that stays busy beyond the drain time is given up, unless it comes back', async () => {
  const fixture = await fixtureWith({ timing: {}, drainSeconds: 1 })
  const slow = await startApp((_request, response) => void response.write('begun'))
  open.push(slow)
  await fixture.route('tea', ['tea'], [slow.address])
  const client = startClient(fixture.router.port, 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
  await client.until(/begun/)
  await fixture.route('tea', ['tea'], [])
  await fixture.route('tea', ['tea'], [slow.address])
  expect(fixture.controller.states.at(-1)?.busy).toEqual([])
  const removed = Date.now()
  await fixture.route('tea', ['tea'], [])
  expect(fixture.controller.states.at(-1)?.busy).toEqual([slow.address])
  await fixture.controller.seen((state) => state.seq === 4 && state.busy.length === 0)
  expect(Date.now() - removed).toBeGreaterThanOrEqual(990)
  client.socket.destroy()
})

test('the last table is kept, for the user only, and served without a controller', async () => {
  const tableFile = join(folder, 'table.json')
  writeFileSync(`${tableFile}.new-${process.pid}`, 'of a router that was killed', { mode: 0o644 })
  const fixture = await startFixture({ tableFile })
  const address = await app('kept')
  await fixture.route('tea', ['tea'], [address])
  await fixture.close()
  expect(statSync(tableFile).mode & 0o777).toBe(0o600)
  const logs: string[] = []
  const alone = await fixtureWith({ tableFile, controllerUrl: 'http://127.0.0.1:1', log: (line) => logs.push(line) })
  expect(await get(alone)).toMatch(/kept$/)
  expect(readFileSync(tableFile, 'utf8')).toContain(address)

  writeFileSync(tableFile, '{"type":"snap')
  const damaged = await fixtureWith({ tableFile, controllerUrl: 'http://127.0.0.1:1', log: (line) => logs.push(line) })
  expect(await get(damaged)).toMatch(/404/)
  expect(logs.some((line) => line.includes('is damaged, starting without it'))).toBe(true)
})

test('closing waits for running requests, takes no new ones and does not keep idle clients', async () => {
  const bus = new EventEmitter()
  const fixture = await startFixture()
  open.push(fixture.controller)
  const slow = await startApp((_request, response) => {
    response.write('begun')
    bus.once('finish', () => response.end('done'))
  })
  open.push(slow)
  await fixture.route('tea', ['tea'], [slow.address])
  const request = 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n'
  const running = startClient(fixture.router.port, request)
  await running.until(/begun/)
  const idle = startClient(fixture.router.port)
  await once(idle.socket, 'connect')
  const closing = fixture.router.close()
  await idle.closed()
  expect((await startClient(fixture.router.port, request).closed()).error).toBe('ECONNREFUSED')
  bus.emit('finish')
  expect((await running.closed()).text).toMatch(/begun[\s\S]*done/)
  await closing
})

test('closing does not wait beyond the drain time', async () => {
  const fixture = await startFixture({ drainSeconds: 0.2 })
  open.push(fixture.controller)
  const slow = await startApp((_request, response) => void response.write('begun'))
  open.push(slow)
  await fixture.route('tea', ['tea'], [slow.address])
  const running = startClient(fixture.router.port, 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
  await running.until(/begun/)
  await fixture.router.close()
  expect((await running.closed()).text).not.toMatch(/0\r\n\r\n$/)
})
