// Does the router report whether it is alive and ready, and does it stop without failing a request?
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { type Router, startRouter } from './start.ts'
import { refusingAddress, startApp } from './testing.ts'
import { startController } from './testing-controller.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close()
})

type Answer = { status: number; text: string; connection: string | undefined }

async function ask(port: number, path: string, agent?: Agent): Promise<Answer> {
  const headers = { host: 'tea.localhost' }
  const [response] = (await once(get({ port, host: '127.0.0.1', path, agent, headers }), 'response')) as [
    IncomingMessage,
  ]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode ?? 0, text, connection: response.headers.connection }
}

async function start(
  controllerUrl: string,
  more: { readonly lingerSeconds?: number; readonly publicPort?: number } = {},
): Promise<Router & { health: number }> {
  const router = await startRouter({
    port: 0,
    publicPort: null,
    tlsPort: null,
    tlsPublicPort: null,
    trustedProxies: [],
    healthPort: 0,
    lingerSeconds: 0,
    host: '127.0.0.1',
    controllerUrl,
    key: 'k',
    tableFile: null,
    drainSeconds: 5,
    accessLog: false,
    metrics: null,
    metricsApps: 200,
    compression: true,
    log: () => undefined,
    write: () => undefined,
    ...more,
  })
  open.push(router)
  return { ...router, health: router.healthPort! }
}

test('a router without a table is alive, but not ready', async () => {
  const { health } = await start(`http://${await refusingAddress()}`)
  expect(await ask(health, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
  expect(await ask(health, '/readyz?verbose')).toMatchObject({
    status: 503,
    text: 'the router has no route table yet\n',
  })
  expect(await ask(health, '/')).toMatchObject({ status: 404 })
})

test('with a table it is ready', async () => {
  const controller = await startController('k')
  open.push(controller)
  const { health } = await start(controller.url)
  await controller.seen(() => true)
  expect(await ask(health, '/readyz')).toMatchObject({ status: 200, text: 'ok\n' })
})

test('while it lingers it is not ready, answers everyone, and asks kept connections to leave', async () => {
  const controller = await startController('k')
  const app = await startApp((_, response) => response.end('tea'))
  open.push(controller, app)
  controller.set('tea', ['tea'], [app.address])
  const { port, health, close } = await start(controller.url, { lingerSeconds: 0.5 })
  await controller.seen(() => true)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  expect(await ask(port, '/', agent)).toEqual({ status: 200, text: 'tea', connection: 'keep-alive' })
  const closing = { over: false }
  const closed = close().then(() => (closing.over = true))
  expect(await ask(health, '/readyz')).toMatchObject({ status: 503, text: 'the router is closing\n' })
  expect(await ask(health, '/healthz')).toMatchObject({ status: 200 })
  expect(await ask(port, '/', agent)).toEqual({ status: 200, text: 'tea', connection: 'close' })
  expect(await ask(port, '/')).toMatchObject({ status: 200, text: 'tea' })
  expect(closing.over).toBe(false)
  await closed
  await expect(ask(port, '/')).rejects.toThrow('ECONNREFUSED')
  await expect(ask(health, '/healthz')).rejects.toThrow('ECONNREFUSED')
  agent.destroy()
})

test('the port that is told is the one clients use', async () => {
  const controller = await startController('k')
  const app = await startApp((request, response) => response.end(request.headers['x-forwarded-port']))
  open.push(controller, app)
  controller.set('tea', ['tea'], [app.address])
  const router = await start(controller.url, { publicPort: 80 })
  expect(await controller.seen(() => true)).toMatchObject({ port: 80 })
  expect(await ask(router.port, '/')).toMatchObject({ text: '80' })
})
