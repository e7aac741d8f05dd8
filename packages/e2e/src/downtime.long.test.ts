// Is there a single failed request while an app is deployed, scaled, restarted and rolled back, and its controller too?
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Checkout, newApp, settings } from './app.ts'
import { type Person, registered } from './client.ts'
import { ask, self, serving } from './http.ts'
import { startLoad } from './load.ts'
import { type Platform, startPlatform } from './platform.ts'
import { until } from './until.ts'

let platform: Platform
let ann: Person
let shop: Checkout

beforeAll(async () => {
  platform = await startPlatform({ KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '5', DEIS_DRAIN_SECONDS: '20' })
  ann = await registered(platform, 'ann')
  shop = await newApp(ann, 'shop')
  await shop.deploy()
})
afterAll(() => platform.stop())

describe.sequential('under load', () => {
  test('no request fails', async () => {
    const load = startLoad(platform, 'shop')
    const steps: (readonly [string, () => Promise<unknown>])[] = [
      ['push', () => shop.deploy(settings({ message: 'two' }))],
      ['config', () => shop.does('config:set', 'GREETING=three')],
      ['scale up', () => shop.does('scale', 'web=3')],
      ['push with three', () => shop.deploy(settings({ message: 'four' }))],
      ['scale down', () => shop.does('scale', 'web=1')],
      ['controller TERM', () => platform.endController('SIGTERM')],
      ['controller start', () => platform.startController()],
      ['config again', () => shop.does('config:set', 'GREETING=five')],
      ['controller KILL', () => platform.endController('SIGKILL')],
      ['controller start again', () => platform.startController()],
      ['restart', () => shop.does('ps:restart')],
      ['rollback', () => shop.does('rollback', 'v2')],
      ['last push', () => shop.deploy(settings({ message: 'last' }))],
    ]
    const marks: string[] = []
    const started = Date.now()
    for (const [name, step] of steps) {
      marks.push(`${Date.now() - started} ms ${name}`)
      await step()
    }
    const failures = await load.stop(5000)
    expect({ marks, failures: failures.slice(0, 20) }).toEqual({ marks, failures: [] })
    expect(load.sent()).toBeGreaterThanOrEqual(5000)
    // The router takes a moment to find a controller that is back; until then it sends to what it knows.
    await serving(platform, 'shop', { message: 'last', release: 'v8' })
  })
})

/** Sends a line and waits for it to come back. */
async function echo(socket: WebSocket, line: string): Promise<string> {
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('message', (data: Buffer) => resolve(data.toString()))
    socket.once('close', () => reject(new Error('the socket was closed')))
  })
  socket.send(line)
  return answer
}

describe.sequential('what was begun before a deploy', () => {
  test('a WebSocket and a long answer are served to their end by the old process', async () => {
    const { pid } = await self(platform, 'shop')
    const socket = new WebSocket(`ws://127.0.0.1:${platform.routerPort}/`, { headers: { host: 'shop.localhost' } })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    expect(await echo(socket, 'before')).toBe('before')
    const long = ask(platform, 'shop', { path: '/slow?parts=40' })
    await shop.does('config:set', 'GREETING=new')
    await serving(platform, 'shop', { greeting: 'new' })
    expect(await echo(socket, 'after')).toBe('after')
    const { status, body } = await long
    expect(status).toBe(200)
    expect(body.trimEnd().split('\n')).toHaveLength(41)
    expect(body).toMatch(/part 39\nend \d+\n/)
    expect(await echo(socket, 'still')).toBe('still')
    socket.close()
    await until({ what: 'the old process ends once nobody needs it' }, () => {
      try {
        process.kill(pid, 0)
        return false
      } catch {
        // No such process any more.
        return true
      }
    })
  })
})

/** The status that a request under any host name gets. */
function statusOf(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: platform.routerPort, headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
      .once('error', reject)
      .end()
  })
}

describe.sequential('what the router says without an app behind it', () => {
  test('404 for hosts of nobody, 503 for an app that is scaled to nothing', async () => {
    for (const host of ['nothing.localhost', 'localhost', '127.0.0.1', 'shop.example.com', 'a.shop.localhost'])
      expect([host, await statusOf(host)]).toEqual([host, 404])
    for (const host of ['shop.localhost', 'SHOP.LocalHost', `shop.localhost:${platform.routerPort}`, 'shop.localhost.'])
      expect([host, await statusOf(host)]).toEqual([host, 200])
    await shop.does('scale', 'web=0')
    await until({ what: 'it is gone' }, async () => (await statusOf('shop.localhost')) === 503)
    await shop.does('scale', 'web=1')
    await until({ what: 'it is back' }, async () => (await statusOf('shop.localhost')) === 200)
  })
})
