// Can only routers follow the route table, and does a change of an app report how many have applied it?
import { connect, type Socket } from 'node:net'
import type { AppTraffic, RouteEvent } from '@deis/types'
import { channelOf, type Channel, newNonce, nonceHeader, routesProtocol } from '@deis/types/channel'
import { linesOf } from '@deis/types/lines'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRouteTable } from '../domain/edge/routes.ts'
import { type Fixture, openFixture } from './fixture.ts'

const key = 'r'.repeat(32)
let f: Fixture
let port: number
const sockets: Socket[] = []

beforeEach(async () => {
  f = await openFixture()
  await f.server.listen({ host: '127.0.0.1', port: 0 })
  port = (f.server.server.address() as { port: number }).port
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await f.close()
})

type Dialled = {
  readonly socket: Socket
  readonly head: string
  readonly channel: Channel
  next(): Promise<string>
  say(seq: number, epoch?: string, over?: Record<string, unknown>): void
}

/** A router as far as the controller sees it. */
async function dial(withKey = key, router = 'r1', more: { path?: string; nonce?: string } = {}): Promise<Dialled> {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => undefined)
  const routerNonce = more.nonce ?? newNonce()
  const path = more.path ?? `/v2/router/routes/?router=${router}`
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: c\r\nConnection: Upgrade\r\nUpgrade: ${routesProtocol}\r\n${nonceHeader}: ${routerNonce}\r\n\r\n`,
  )
  const lines = linesOf(socket, 1_000_000)
  const nextLine = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('the controller ended it')
    return value
  }
  let head = ''
  do head += `${await nextLine()}\n`
  while (!head.endsWith('\r\n\r\n') && head !== '\r\n')
  const controllerNonce = new RegExp(`${nonceHeader}: ([0-9a-f]{64})`).exec(head)?.[1] ?? ''
  const channel = channelOf('router', { key: withKey, router, routerNonce, controllerNonce })
  return {
    socket,
    head,
    channel,
    next: nextLine,
    say: (seq, epoch = '', over = {}) =>
      void socket.write(`${channel.seal(JSON.stringify({ router, port: 8081, epoch, seq, busy: [], ...over }))}\n`),
  }
}

async function follow(router = 'r1'): Promise<Dialled & { snapshot: RouteEvent & { type: 'snapshot' } }> {
  const dialled = await dial(key, router)
  expect(dialled.channel.open(await dialled.next())).toBe('hello')
  dialled.say(0)
  const snapshot = JSON.parse(dialled.channel.open(await dialled.next())) as RouteEvent & { type: 'snapshot' }
  return { ...dialled, snapshot }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}

describe('a router', () => {
  it('gets the proof of the controller first, gives its own, and then gets the table and each change', async () => {
    const { snapshot, next, channel, head } = await follow()
    expect(head).toMatch(/^HTTP\/1\.1 101 /)
    expect(snapshot).toMatchObject({ type: 'snapshot', domain: 'localhost', apps: [] })
    f.core.routes.set('tea', { app: 'tea', hosts: ['tea'], upstreams: [] })
    expect(JSON.parse(channel.open(await next()))).toMatchObject({ type: 'app', seq: 1, app: { app: 'tea' } })
    expect(f.core.routes.following().following).toBe(1)
    expect(f.core.routes.routerPort()).toBe(8081)
  })

  it.each([
    ['another key', (d: Dialled) => d.say(0)],
    ['no proof', (d: Dialled) => d.socket.write('{"router":"r1","port":1,"epoch":"","seq":0,"busy":[]}\n')],
    ['the words of the controller', (d: Dialled) => void d.next().then((line) => d.socket.write(`${line}\n`))],
    ['an endless line', (d: Dialled) => d.socket.write('x'.repeat(2_000_000))],
    ['nothing but garbage', (d: Dialled) => d.socket.write('\0\r\n\r\nGET / HTTP/1.1\r\n\r\n')],
  ])('with %s gets nothing and is cut off', async (what, speak) => {
    const dialled = await dial(what === 'another key' ? 'k' : key)
    speak(dialled)
    await closed(dialled.socket)
    expect(f.core.routes.following().following).toBe(0)
    expect(dialled.head).not.toContain(key)
  })

  it('tells of requests, which those who may use the app see by minute', async () => {
    const ann = await f.user('ann')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    const { say, snapshot, socket } = await follow()
    const durations = Array.from({ length: 13 }, (_, index) => (index === 4 ? 5 : 0))
    const traffic = [{ app: 'tea', classes: [0, 0, 2, 0, 1, 2], durations }]
    say(0, snapshot.epoch, { traffic })
    await vi.waitFor(async () => {
      const { body } = await f.call('GET', '/v2/apps/tea/traffic/', undefined, ann)
      const { requests, client_errors, server_errors, p95, step } = body as AppTraffic
      const last = (all: readonly (number | null)[]): (number | null)[] => all.filter((one) => one !== null && one > 0)
      expect([step, requests.length, last(requests), last(client_errors), last(server_errors), last(p95)]).toEqual([
        60,
        60,
        [5],
        [1],
        [2],
        [97.5],
      ])
    })
    const over = closed(socket)
    socket.resume()
    say(0, snapshot.epoch, { traffic: [{ app: 'tea', classes: [-1, 0, 0, 0, 0, 0], durations }] })
    await over
  })

  it('that repeats a message, or sends an invalid state, is disconnected', async () => {
    for (const again of [
      (d: Dialled, line: string) => d.socket.write(`${line}\n`),
      (d: Dialled) => d.say(0, '', { port: 99_999 }),
      (d: Dialled) => d.say(0, '', { router: 'other' }),
    ]) {
      const dialled = await dial()
      await dialled.next()
      const line = dialled.channel.seal(JSON.stringify({ router: 'r1', port: 8081, epoch: '', seq: 0, busy: [] }))
      dialled.socket.write(`${line}\n`)
      await dialled.next()
      const over = closed(dialled.socket)
      dialled.socket.resume()
      again(dialled, line)
      await over
    }
  })

  it.each([
    [{ path: '/v2/router/routes/' }],
    [{ path: '/v2/router/routes/?router=a%20b' }],
    [{ path: '/v2/apps/?router=r1' }],
    [{ path: '//[?router=r1' }],
    [{ nonce: 'short' }],
  ])('that asks with %j is refused, and the controller keeps running', async (more) => {
    expect((await dial(key, 'r1', more)).head).toMatch(/^HTTP\/1\.1 400 /)
    expect((await f.call('GET', '/healthz')).status).toBe(200)
  })

  it('is not kept away by many that prove nothing', async () => {
    for (let count = 0; count < 40; count++) await dial()
    expect((await follow()).snapshot.type).toBe('snapshot')
  })

  it('of before, which shows its key, gets nothing any more', async () => {
    const { statusCode } = await f.server.inject({
      method: 'GET',
      url: '/v2/router/routes/?router=old',
      headers: { 'x-deis-router-auth': key },
    })
    expect(statusCode).toBe(401)
  })
})

describe('who follows', () => {
  it('is part of each change’s answer: all, some, none; and nothing where no router is needed', async () => {
    const ann = await f.user('ann')
    let maintenance = false
    const change = async (): Promise<Record<string, unknown>> => {
      maintenance = !maintenance
      return (await f.call('POST', '/v2/apps/tea/settings/', { maintenance }, ann)).headers
    }
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    expect(await change()).not.toHaveProperty('deis-warning')
    let now = 0
    Object.assign(f.core.routes, createRouteTable('localhost', { now: () => now }))
    // Its first look for routers waits for them a little.
    now = 7_000
    expect(await change()).toMatchObject({ 'deis-routers': '0/0' })
    expect(await change()).not.toHaveProperty('deis-warning')
    now = 20_000
    expect(await change()).toMatchObject({
      'deis-warning': expect.stringMatching(
        /^The change is stored, but no router is connected to the controller, so no change of routes takes effect/,
      ),
    })
    const { snapshot, say } = await follow()
    now = 30_000
    expect(await change()).toMatchObject({
      'deis-routers': '0/1',
      'deis-warning': expect.stringMatching(/1 of 1 router has not applied the newest routes yet/),
    })
    const { body } = await f.call('GET', '/v2/doctor/', undefined, ann)
    expect(body).toMatchObject({
      checks: expect.arrayContaining([expect.objectContaining({ name: 'routers', status: 'limited' })]),
    })
    say(f.core.routes.ping().seq, snapshot.epoch)
    await expect.poll(() => f.core.routes.following().behind).toBe(0)
    expect(await f.call('GET', '/v2/doctor/', undefined, ann)).toMatchObject({
      body: {
        checks: expect.arrayContaining([
          { name: 'routers', status: 'ok', detail: '1 router connected, with the newest routes' },
        ]),
      },
    })
  })
})
