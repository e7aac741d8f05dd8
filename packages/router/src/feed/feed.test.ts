// Does the router follow its controller, and live without it?
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EventEmitter, once } from 'node:events'
import { afterAll, afterEach, expect, test } from 'vitest'
import { exchange, type Stage, startApp, startClient, startController, startStage } from '../testing.ts'

const open: { close(): Promise<void> }[] = []
const folder = mkdtempSync(join(tmpdir(), 'router-feed-'))

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

async function stageWith(options: Parameters<typeof startStage>[0] = {}): Promise<Stage> {
  const stage = await startStage({ timing: { firstDelay: 10, lastDelay: 50, silence: 250 }, ...options })
  open.push(stage)
  return stage
}

async function app(text: string): Promise<string> {
  const started = await startApp((_request, response) => void response.end(text))
  open.push(started)
  return started.address
}

async function get(stage: Stage, host = 'tea.localhost'): Promise<string> {
  return exchange(stage.router.port, 'GET / HTTP/1.1', `Host: ${host}`, 'Connection: close')
}

test('each change is applied, reported and served', async () => {
  const stage = await stageWith()
  const first = await stage.controller.seen(() => true)
  expect(first).toMatchObject({ port: stage.router.port, epoch: 'epoch-1', seq: 0, busy: [] })
  await stage.route('tea', ['tea'], [await app('green')])
  expect(await get(stage)).toMatch(/green$/)
  await stage.route('tea', ['tea'], [await app('black')])
  expect(await get(stage)).toMatch(/black$/)
  const seq = stage.controller.gone('tea')
  const last = await stage.controller.seen((state) => state.seq === seq)
  expect(await get(stage)).toMatch(/^HTTP\/1\.1 404/)
  expect(last.router).toBe(first.router)
})

test('many changes at once become few reports, the newest last', async () => {
  const stage = await stageWith()
  await stage.controller.seen(() => true)
  const before = stage.controller.states.length
  let seq = 0
  for (let count = 0; count < 500; count++) seq = stage.controller.set(`app${count}`, [`app${count}`], [])
  await stage.controller.seen((state) => state.seq === seq)
  expect(stage.controller.states.length - before).toBeLessThan(100)
  expect(await get(stage, 'app499.localhost')).toMatch(/503/)
})

test.each([
  ['is cut', (stage: Stage) => stage.controller.cut()],
  ['says no JSON', (stage: Stage) => stage.controller.say('{]')],
  ['sends a line that is not an event', (stage: Stage) => stage.controller.say('{"type":"app","seq":2}')],
  ['leaves out a line', (stage: Stage) => stage.controller.say('{"type":"gone","seq":9,"app":"tea"}')],
  [
    'has a line that does not belong to the feed',
    (stage: Stage) => stage.controller.raw('{"type":"gone","seq":2,"app":"tea"}\n'),
  ],
  ['falls silent', () => undefined],
])('when the feed %s, the router asks again and serves on', async (_, breakFeed) => {
  const stage = await stageWith()
  await stage.route('tea', ['tea'], [await app('green')])
  const again = stage.controller.nextFeed()
  breakFeed(stage)
  expect(await get(stage)).toMatch(/green$/)
  await again
  await stage.route('milk', ['milk'], [await app('white')])
  expect(await get(stage, 'milk.localhost')).toMatch(/white$/)
  expect(stage.logs[0]).toMatch(/^the route feed from .* failed; routing continues with the last table: /)
  expect(stage.logs[1]).toBe('the route feed works again')
})

test('a line without end makes the router ask again', async () => {
  const stage = await stageWith({ timing: { firstDelay: 10, lastDelay: 50 } })
  await stage.controller.seen(() => true)
  const again = stage.controller.nextFeed()
  const piece = 'x'.repeat(8 * 1024 * 1024)
  for (let count = 0; count < 17; count++) stage.controller.raw(piece)
  await again
  expect(stage.logs[0]).toContain('longer than')
})

test('pings keep the feed alive', async () => {
  const stage = await stageWith()
  await stage.controller.seen(() => true)
  for (let seq = 1; seq <= 8; seq++) {
    stage.controller.say(`{"type":"ping","seq":${seq}}`)
    await new Promise((resolve) => setTimeout(resolve, 60))
  }
  expect(stage.controller.feeds()).toBe(1)
})

test('a controller that dies and comes back with another table takes over', async () => {
  const stage = await stageWith()
  await stage.route('tea', ['tea'], [await app('green')])
  await stage.controller.close()
  expect(await get(stage)).toMatch(/green$/)
  const next = await startController('key-of-the-tests', 'localhost', stage.controller.port, 'epoch-2')
  open.push(next)
  await next.seen((state) => state.epoch === 'epoch-2' && state.seq === 0)
  expect(await get(stage)).toMatch(/404/)
})

test('a wrong key is said', async () => {
  const stage = await stageWith({ key: 'wrong' })
  await expect.poll(() => stage.logs[0]).toMatch(/not the controller: it does not prove that it has the router key/)
  expect(await get(stage)).toMatch(/404/)
})

test('each ping is answered, which shows that the router is alive', async () => {
  const stage = await stageWith()
  await stage.controller.seen(() => true)
  const before = stage.controller.states.length
  stage.controller.say('{"type":"ping","seq":0}')
  await expect.poll(() => stage.controller.states.length).toBe(before + 1)
})

test('a removed upstream is busy until its last request is answered, and then no more', async () => {
  const stage = await stageWith({ timing: {} })
  const bus = new EventEmitter()
  const slow = await startApp((_request, response) => {
    response.write('begun')
    bus.once('finish', () => response.end('done'))
  })
  open.push(slow)
  await stage.route('tea', ['tea'], [slow.address])
  const client = startClient(stage.router.port, 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
  await client.until(/begun/)
  await stage.route('tea', ['tea'], [await app('new')])
  expect(stage.controller.states.at(-1)?.busy).toEqual([slow.address])
  expect(await get(stage)).toMatch(/new$/)
  bus.emit('finish')
  await client.until(/done/)
  await stage.controller.seen((state) => state.seq === 2 && state.busy.length === 0)
  client.socket.destroy()
})

test('an upstream that stays busy beyond the drain time is given up, unless it comes back', async () => {
  const stage = await stageWith({ timing: {}, drainSeconds: 1 })
  const slow = await startApp((_request, response) => void response.write('begun'))
  open.push(slow)
  await stage.route('tea', ['tea'], [slow.address])
  const client = startClient(stage.router.port, 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
  await client.until(/begun/)
  await stage.route('tea', ['tea'], [])
  await stage.route('tea', ['tea'], [slow.address])
  expect(stage.controller.states.at(-1)?.busy).toEqual([])
  const removed = Date.now()
  await stage.route('tea', ['tea'], [])
  expect(stage.controller.states.at(-1)?.busy).toEqual([slow.address])
  await stage.controller.seen((state) => state.seq === 4 && state.busy.length === 0)
  expect(Date.now() - removed).toBeGreaterThanOrEqual(990)
  client.socket.destroy()
})

test('the last table is kept, for the user only, and served without a controller', async () => {
  const tableFile = join(folder, 'table.json')
  writeFileSync(`${tableFile}.new`, 'of a router that was killed', { mode: 0o644 })
  const stage = await startStage({ tableFile })
  const address = await app('kept')
  await stage.route('tea', ['tea'], [address])
  await stage.close()
  expect(statSync(tableFile).mode & 0o777).toBe(0o600)
  const logs: string[] = []
  const alone = await stageWith({ tableFile, controllerUrl: 'http://127.0.0.1:1', log: (line) => logs.push(line) })
  expect(await get(alone)).toMatch(/kept$/)
  expect(readFileSync(tableFile, 'utf8')).toContain(address)

  writeFileSync(tableFile, '{"type":"snap')
  const damaged = await stageWith({ tableFile, controllerUrl: 'http://127.0.0.1:1', log: (line) => logs.push(line) })
  expect(await get(damaged)).toMatch(/404/)
  expect(logs.some((line) => line.includes('is damaged, starting without it'))).toBe(true)
})

test('closing waits for running requests, takes no new ones and does not keep idle clients', async () => {
  const bus = new EventEmitter()
  const stage = await startStage()
  open.push(stage.controller)
  const slow = await startApp((_request, response) => {
    response.write('begun')
    bus.once('finish', () => response.end('done'))
  })
  open.push(slow)
  await stage.route('tea', ['tea'], [slow.address])
  const request = 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n'
  const running = startClient(stage.router.port, request)
  await running.until(/begun/)
  const idle = startClient(stage.router.port)
  await once(idle.socket, 'connect')
  const closing = stage.router.close()
  await idle.closed()
  expect((await startClient(stage.router.port, request).closed()).error).toBe('ECONNREFUSED')
  bus.emit('finish')
  expect((await running.closed()).text).toMatch(/begun[\s\S]*done/)
  await closing
})

test('closing does not wait beyond the drain time', async () => {
  const stage = await startStage({ drainSeconds: 0.2 })
  open.push(stage.controller)
  const slow = await startApp((_request, response) => void response.write('begun'))
  open.push(slow)
  await stage.route('tea', ['tea'], [slow.address])
  const running = startClient(stage.router.port, 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
  await running.until(/begun/)
  await stage.router.close()
  expect((await running.closed()).text).not.toMatch(/0\r\n\r\n$/)
})
