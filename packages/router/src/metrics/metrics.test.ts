// Does the router count what it serves, as text that Prometheus reads, for those who may read it?
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Exposition, readExposition } from '@deis/lib/exposition-testing'
import { afterEach, expect, test } from 'vitest'
import {
  exchange,
  type Fixture,
  refusingAddress,
  startApp,
  startClient,
  startFixture,
  startRawApp,
} from '../testing.ts'
import { startController } from '../testing-controller.ts'
import { buildProgram, portOf, startProgram } from '../testing-program.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close()
})

const metrics = { port: 0, host: '127.0.0.1', token: null }

async function start(options: Parameters<typeof startFixture>[0] = {}): Promise<Fixture> {
  const fixture = await startFixture({ metrics, ...options })
  open.push(fixture)
  return fixture
}

async function scrape(port: number): Promise<Exposition> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return readExposition(await answer.text())
}

/** Those of one metric, by labels. */
function of(all: Exposition, name: string): Record<string, number> {
  const found = [...all].filter(([series]) => series === name || series.startsWith(`${name}{`))
  return Object.fromEntries(found.map(([series, value]) => [series.slice(name.length), value]))
}

const get = (port: number, host: string, path = '/'): Promise<string> =>
  exchange(port, `GET ${path} HTTP/1.1`, `Host: ${host}.localhost`, 'Connection: close')

test('requests are counted by app and class, with their time and bytes, and an app that goes takes its series with it', async () => {
  const app = await startApp((request, response) => {
    response.statusCode = request.url === '/missing' ? 404 : 200
    response.end('12345')
  })
  open.push(app)
  const { router, controller, route } = await start()
  await route('tea', ['tea'], [app.address])
  await route('milk', ['milk'], [app.address])
  for (const path of ['/', '/', '/missing']) await get(router.port, 'tea', path)
  await get(router.port, 'milk')
  await get(router.port, 'nobody')
  await exchange(router.port, 'GET / HTTP/1.1', 'Host: a b', 'Connection: close')
  const all = await scrape(router.metricsPort!)
  expect(of(all, 'deis_router_requests_total')).toEqual({
    '{app="tea",code="2xx",protocol="http"}': 2,
    '{app="tea",code="4xx",protocol="http"}': 1,
    '{app="milk",code="2xx",protocol="http"}': 1,
    '{app="_none",code="4xx",protocol="http"}': 2,
  })
  expect(of(all, 'deis_router_request_duration_seconds_count')).toMatchObject({ '{app="tea"}': 3, '{app="milk"}': 1 })
  expect(of(all, 'deis_router_response_bytes_total')).toMatchObject({ '{app="tea"}': 15, '{app="milk"}': 5 })
  expect(of(all, 'deis_router_errors_total')).toEqual({})
  expect(of(all, 'deis_router_table_apps')).toEqual({ '': 2 })
  expect(of(all, 'deis_router_feed_connected')).toEqual({ '': 1 })
  expect(of(all, 'deis_router_table_age_seconds')['']).toBeLessThan(60)

  const seq = controller.gone('tea')
  await controller.seen((state) => state.seq >= seq)
  const after = await scrape(router.metricsPort!)
  expect([...after.keys()].filter((series) => series.includes('"tea"'))).toEqual([])
  expect(of(after, 'deis_router_requests_total')['{app="milk",code="2xx",protocol="http"}']).toBe(1)
})

test('requests are counted by release, of the newest three', async () => {
  const app = await startApp((request, response) => {
    response.statusCode = request.url === '/broken' ? 500 : 200
    response.end()
  })
  open.push(app)
  const { router, put } = await start()
  const counted = async () => of(await scrape(router.metricsPort!), 'deis_router_release_requests_total')
  const deploy = (release?: number) => put({ app: 'tea', hosts: ['tea'], upstreams: [app.address], release })
  await deploy()
  await get(router.port, 'tea')
  expect(await counted()).toEqual({})
  for (const release of [2, 3, 4]) {
    await deploy(release)
    for (const path of ['/', '/', '/broken']) await get(router.port, 'tea', path)
  }
  const last = { '{app="tea",release="v4",code="2xx"}': 2, '{app="tea",release="v4",code="5xx"}': 1 }
  const third = { '{app="tea",release="v3",code="2xx"}': 2, '{app="tea",release="v3",code="5xx"}': 1 }
  const second = { '{app="tea",release="v2",code="2xx"}': 2, '{app="tea",release="v2",code="5xx"}': 1 }
  expect(await counted()).toEqual({ ...second, ...third, ...last })
  await deploy(5)
  await get(router.port, 'tea')
  expect(await counted()).toEqual({ ...third, ...last, '{app="tea",release="v5",code="2xx"}': 1 })
  // Of all, nothing is lost.
  const all = of(await scrape(router.metricsPort!), 'deis_router_requests_total')
  expect(all).toEqual({ '{app="tea",code="2xx",protocol="http"}': 8, '{app="tea",code="5xx",protocol="http"}': 3 })
})

test('what went wrong is counted by its reason', async () => {
  const silent = await startRawApp((socket) => socket.once('data', () => socket.destroy()))
  const half = await startRawApp((socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12')),
  )
  const slow = await startRawApp(() => undefined)
  open.push(silent, half, slow)
  const { router, route, put } = await start({ timing: { retry: 50, idle: 300 } })
  await route('none', ['none'], [])
  await route('refuses', ['refuses'], [await refusingAddress()])
  await route('silent', ['silent'], [silent.address])
  await route('half', ['half'], [half.address])
  await route('slow', ['slow'], [slow.address])
  await put({ app: 'closed', hosts: ['closed'], upstreams: [slow.address], maintenance: true })
  for (const host of ['none', 'refuses', 'half', 'closed', 'slow']) await get(router.port, host)
  await exchange(router.port, 'POST / HTTP/1.1', 'Host: silent.localhost', 'Content-Length: 0', 'Connection: close')
  const all = await scrape(router.metricsPort!)
  expect(of(all, 'deis_router_errors_total')).toEqual({
    '{app="none",reason="H14"}': 1,
    '{app="refuses",reason="H21"}': 1,
    '{app="silent",reason="H13"}': 1,
    '{app="half",reason="H18"}': 1,
    '{app="slow",reason="H12"}': 1,
    '{app="closed",reason="H80"}': 1,
  })
  expect(of(all, 'deis_router_upstream_retries_total')['{app="refuses"}']).toBeGreaterThan(0)
})

test('requests that run and clients that are connected are seen; one that leaves first is counted as such', async () => {
  const slow = await startRawApp(() => undefined)
  open.push(slow)
  const { router, route } = await start()
  await route('tea', ['tea'], [slow.address])
  const client = startClient(router.port, 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n')
  while (slow.sockets.size === 0) await new Promise((resolve) => setImmediate(resolve))
  const during = await scrape(router.metricsPort!)
  expect(of(during, 'deis_router_in_flight_requests')).toEqual({ '{app="tea"}': 1 })
  expect(of(during, 'deis_router_open_connections')).toEqual({ '{listener="http"}': 1, '{listener="https"}': 0 })
  client.socket.destroy()
  await client.closed()
  let after = await scrape(router.metricsPort!)
  while (of(after, 'deis_router_in_flight_requests')['{app="tea"}'] === 1) after = await scrape(router.metricsPort!)
  expect(of(after, 'deis_router_requests_total')).toEqual({ '{app="tea",code="none",protocol="http"}': 1 })
  expect(of(after, 'deis_router_errors_total')).toEqual({ '{app="tea",reason="H27"}': 1 })
})

test('with a token, only who has it reads the numbers', async () => {
  const { router } = await start({ metrics: { ...metrics, token: 'a-token-of-the-tests' } })
  const url = `http://127.0.0.1:${router.metricsPort}`
  const status = async (path: string, authorization?: string, method = 'GET'): Promise<number> =>
    (await fetch(url + path, { method, headers: authorization === undefined ? {} : { authorization } })).status
  expect(await status('/metrics')).toBe(401)
  expect(await status('/metrics', 'Bearer another-token-of-it')).toBe(401)
  expect(await status('/metrics', 'Bearer a-token-of-the-tests')).toBe(200)
  expect(await status('/', 'Bearer a-token-of-the-tests')).toBe(404)
  expect(await status('/metrics', 'Bearer a-token-of-the-tests', 'POST')).toBe(405)
})

test('several processes are one router: their requests add up', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'router-metrics-'))
  open.push({ close: () => rm(folder, { recursive: true }) })
  const app = await startApp((_, response) => response.end('tea'))
  const controller = await startController('k')
  open.push(app, controller)
  controller.set('tea', ['tea'], [app.address])
  const metricsPort = Number((await refusingAddress()).split(':')[1])
  const router = startProgram(await buildProgram(folder), {
    PATH: process.env.PATH,
    DEIS_ROUTER_PORT: '0',
    DEIS_ROUTER_HOST: '127.0.0.1',
    DEIS_ROUTER_WORKERS: '2',
    DEIS_ROUTER_METRICS_PORT: String(metricsPort),
    DEIS_CONTROLLER_URL: controller.url,
    DEIS_ROUTER_KEY: 'k',
  })
  open.push({
    async close() {
      router.child.kill('SIGTERM')
      await router.exited
    },
  })
  const port = await portOf(router)
  await controller.seen((state) => state.port === port && state.seq === 1)
  await Promise.all(Array.from({ length: 40 }, () => get(port, 'tea')))
  const all = await scrape(metricsPort)
  expect(of(all, 'deis_router_requests_total')).toEqual({ '{app="tea",code="2xx",protocol="http"}': 40 })
  // Two that serve, and the one that leads them.
  expect(of(all, 'deis_router_processes')).toEqual({ '': 3 })
  expect(of(all, 'process_resident_memory_bytes')['']).toBeGreaterThan(50e6)
})
