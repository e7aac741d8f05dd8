// Do several processes serve as one router, also when one of them dies?
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Client, startApp, startClient } from './testing.ts'
import { startController } from './testing-controller.ts'
import { buildProgram, portOf, type Process, startProgram } from './testing-program.ts'
import { progressOf } from './workers.ts'
import { emptyTable } from './table/table.ts'

const open: { close(): Promise<void> }[] = []
let folder: string
let program: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-workers-'))
  program = await buildProgram(folder)
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close()
})

const workersOf = ({ child }: Process): number[] =>
  readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

function workersAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program)
  } catch {
    return false
  }
}

/** An app that answers at once, at `/slow` only when told. */
async function app(name: string) {
  const held: ServerResponse[] = []
  const one = await startApp((request, response) => {
    if (request.url !== '/slow') return void response.end(`from ${name}.`)
    response.write('begun')
    held.push(response)
  })
  open.push(one)
  return { ...one, held }
}

async function routerWithTwo() {
  const controller = await startController('k')
  open.push(controller)
  const first = await app('first')
  controller.set('tea', ['tea'], [first.address])
  const router = startProgram(program, {
    PATH: process.env.PATH,
    DEIS_ROUTER_PORT: '0',
    DEIS_ROUTER_WORKERS: '2',
    DEIS_CONTROLLER_URL: controller.url,
    DEIS_ROUTER_KEY: 'k',
  })
  let workers: number[] = []
  open.push({
    async close() {
      router.child.kill('SIGKILL')
      // One that a test has stopped would not notice.
      for (const pid of workers) if (workersAlive(pid)) process.kill(pid, 'SIGKILL')
      await router.exited
    },
  })
  const port = await portOf(router)
  workers = workersOf(router)
  await controller.seen((state) => state.port === port && state.seq === 1)
  const [one, two] = workers as [number, number]
  return { controller, first, router, port, one, two }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: tea.localhost\r\n\r\n`

/** A client whose connection the worker holds: the other one does not run meanwhile. */
async function clientOf(port: number, other: number, path = '/'): Promise<Client> {
  process.kill(other, 'SIGSTOP')
  const client = startClient(port, get(path))
  await client.until(/from|begun/)
  process.kill(other, 'SIGCONT')
  return client
}

async function again(client: Client): Promise<void> {
  const before = client.text().length
  client.socket.write(get('/'))
  while (!/from \w+\./.test(client.text().slice(before))) {
    if (client.socket.closed) throw new Error('the connection ended')
    await once(client.socket, 'data')
  }
}

test('a worker that is killed takes no connection of another one with it, and new ones are accepted all the time', async () => {
  const { router, port, one, two } = await routerWithTwo()
  const kept: Client[] = []
  for (let count = 0; count < 3; count++) kept.push(await clientOf(port, one))
  const lost = await clientOf(port, two)
  const load = { over: false }
  const running = kept.map(async (client) => {
    let requests = 0
    for (; !load.over; requests++) await again(client)
    return requests
  })
  // It accepts nothing more, so that each new connection is one that it does not hold.
  process.kill(one, 'SIGSTOP')
  process.kill(one, 'SIGKILL')
  await lost.closed()
  while (workersOf(router).length < 2 || workersOf(router).includes(one)) {
    const client = startClient(port, get('/'))
    await client.until(/from first/)
    client.socket.destroy()
  }
  load.over = true
  for (const requests of await Promise.all(running)) expect(requests).toBeGreaterThan(0)
  expect(workersOf(router)).toContain(two)
  expect(router.err()).toBe('a worker of the router ended with SIGKILL; another one is started in 100 ms\n')

  // The new one has the table.
  const third = workersOf(router).find((pid) => pid !== two)!
  await clientOf(port, two)
  expect(third).not.toBe(one)
})

test('a change is confirmed when every worker has it', async () => {
  const { controller, port, one, two } = await routerWithTwo()
  const old = await clientOf(port, two)
  const live = await clientOf(port, one)
  const second = await app('second')
  process.kill(one, 'SIGSTOP')
  const seq = controller.set('tea', ['tea'], [second.address])
  do await again(live)
  while (!/from second/.test(live.text()))
  const told = controller.states.length
  controller.say(JSON.stringify({ type: 'ping', seq }))
  await expect.poll(() => controller.states.length).toBeGreaterThan(told)
  expect(controller.states.some((state) => state.seq >= seq)).toBe(false)
  process.kill(one, 'SIGCONT')
  await controller.seen((state) => state.seq >= seq)
  await again(old)
  expect(old.text()).toMatch(/from second\.$/)
})

test('an upstream is busy while any worker has requests there, and the end waits for all', async () => {
  const { controller, first, router, port, one, two } = await routerWithTwo()
  const clients = [await clientOf(port, two, '/slow'), await clientOf(port, one, '/slow')]
  const seq = controller.gone('tea')
  await controller.seen((state) => state.seq === seq && state.busy.includes(first.address))
  router.child.kill('SIGTERM')
  await expect.poll(async () => (await startClient(port).closed()).error).toBe('ECONNREFUSED')
  first.held[0]!.end('done')
  expect((await clients[0]!.closed()).text).toMatch(/done/)
  expect(controller.states.at(-1)!.busy).toEqual([first.address])
  expect(router.child.exitCode).toBe(null)
  first.held[1]!.end('done')
  expect((await clients[1]!.closed()).text).toMatch(/done/)
  expect(await router.exited).toBe(0)
  expect(router.err()).toBe('')
})

test('a second signal ends all workers at once', async () => {
  const { router, port, two } = await routerWithTwo()
  const client = await clientOf(port, two, '/slow')
  router.child.kill('SIGTERM')
  await expect.poll(async () => (await startClient(port).closed()).error).toBe('ECONNREFUSED')
  router.child.kill('SIGTERM')
  expect(await router.exited).toBe(0)
  expect((await client.closed()).text).not.toMatch(/done/)
})

test('workers end with a router that is killed', async () => {
  const { router, port, one } = await routerWithTwo()
  const client = await clientOf(port, one, '/slow')
  router.child.kill('SIGKILL')
  await client.closed()
  await expect.poll(async () => (await startClient(port).closed()).error).toBe('ECONNREFUSED')
})

test('what is reported is what every worker has', () => {
  const table = { ...emptyTable, epoch: 'new', seq: 7 }
  const at = (epoch: string, seq: number, ...busy: string[]) => ({ epoch, seq, busy })
  expect(progressOf(table, [])).toEqual(at('new', 7))
  expect(progressOf(table, [at('new', 7, 'a'), at('new', 5, 'a', 'b')])).toEqual(at('new', 5, 'a', 'b'))
  expect(progressOf(table, [at('new', 7), at('old', 9)])).toEqual(at('old', 9))
})
