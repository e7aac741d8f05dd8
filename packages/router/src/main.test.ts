// Does the router behave as a process: environment, signals, its parent?
import type { ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startApp, startClient } from './testing.ts'
import { startController } from './testing-controller.ts'
import { buildProgram, portOf, type Process, startProgram } from './testing-program.ts'

const open: { close(): Promise<void> }[] = []
const children: ChildProcess[] = []
let folder: string
let program: string

// Run as it is installed: one bundled file.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-main-'))
  program = await buildProgram(folder)
})
afterAll(() => rm(folder, { recursive: true }))

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const thing of open.splice(0).toReversed()) await thing.close()
})

function start(env: Record<string, string>, ipc = false): Process {
  const router = startProgram(program, { PATH: process.env.PATH, ...env }, ipc)
  children.push(router.child)
  return router
}

async function controllerWithSlowApp() {
  const controller = await startController('k')
  open.push(controller)
  const bus = new EventEmitter()
  const app = await startApp((_request, response) => {
    response.write('begun')
    bus.once('finish', () => response.end('done'))
  })
  open.push(app)
  controller.set('tea', ['tea'], [app.address])
  const env = { DEIS_ROUTER_PORT: '0', DEIS_CONTROLLER_URL: controller.url, DEIS_ROUTER_KEY: 'k' }
  return { controller, env, finish: () => bus.emit('finish') }
}

const request = 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n'

test.each(['SIGTERM', 'SIGINT'] as const)('%s lets running requests finish and ends with 0', async (signal) => {
  const { controller, env, finish } = await controllerWithSlowApp()
  const router = start(env)
  const port = await portOf(router)
  await controller.seen((state) => state.port === port)
  const client = startClient(port, request)
  await client.until(/begun/)
  router.child.kill(signal)
  await expect.poll(async () => (await startClient(port).closed()).error).toBe('ECONNREFUSED')
  finish()
  expect((await client.closed()).text).toMatch(/done/)
  expect(await router.exited).toBe(0)
  expect(router.err()).toBe('')
})

test('a second signal ends it at once', async () => {
  const { controller, env } = await controllerWithSlowApp()
  const router = start(env)
  const port = await portOf(router)
  await controller.seen((state) => state.port === port)
  const client = startClient(port, request)
  await client.until(/begun/)
  router.child.kill('SIGTERM')
  await expect.poll(async () => (await startClient(port).closed()).error).toBe('ECONNREFUSED')
  router.child.kill('SIGTERM')
  expect(await router.exited).toBe(0)
  expect((await client.closed()).text).not.toMatch(/done/)
})

test('it tells its parent where it listens, and ends with it', async () => {
  const { env } = await controllerWithSlowApp()
  const router = start(env, true)
  const [message] = (await once(router.child, 'message')) as [{ listening: number }]
  expect(message).toEqual({ listening: await portOf(router) })
  router.child.disconnect()
  expect(await router.exited).toBe(0)
})

test('a port in use is explained', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({ close: async () => void (await new Promise((resolve) => server.close(resolve))) })
  const port = String((server.address() as AddressInfo).port)
  const router = start({ DEIS_ROUTER_PORT: port, DEIS_ROUTER_HOST: '127.0.0.1', DEIS_ROUTER_KEY: 'k' })
  expect(await router.exited).toBe(1)
  expect(router.err()).toBe(
    `deis-router: port ${port} is in use by another program: stop it, or set DEIS_ROUTER_PORT to another port (0 for any free one)\n`,
  )
})

test.each(['DEIS_ROUTER_HEALTH_PORT', 'DEIS_ROUTER_TLS_PORT'])(
  'a port in use for %s is explained as such',
  async (setting) => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    open.push({ close: async () => void (await new Promise((resolve) => server.close(resolve))) })
    const port = String((server.address() as AddressInfo).port)
    const ports = { DEIS_ROUTER_PORT: '0', [setting]: port }
    const router = start({ ...ports, DEIS_ROUTER_HOST: '127.0.0.1', DEIS_ROUTER_KEY: 'k' })
    expect(await router.exited).toBe(1)
    expect(router.err()).toBe(
      `deis-router: port ${port} is in use by another program: stop it, or set ${setting} to another port (0 for any free one)\n`,
    )
  },
)

test('all problems of the environment are printed', async () => {
  const router = start({ DEIS_ROUTER_PORT: 'x', DEIS_CONTROLLER_URL: 'x' })
  expect(await router.exited).toBe(1)
  expect(router.err().trim().split('\n')).toHaveLength(3)
  expect(router.out()).toBe('')
})
