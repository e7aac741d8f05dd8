// Is a request stopped before it reaches the app when it has to be, and only then?
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AppRoute } from '@deis/types'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type RouterOptions, startRouter } from '../start.ts'
import { type App, exchange, type Fixture, startApp, startFixture } from '../testing.ts'
import { askOver, certificateFor, handshake } from '../testing-tls.ts'

const pair = certificateFor('tea.example')
let app: App
let reached = 0
let fixture: Fixture
const more: Fixture[] = []

beforeAll(async () => {
  app = await startApp((incoming, response) => {
    reached++
    incoming.resume()
    response.end(JSON.stringify(incoming.headers))
  })
  fixture = await startFixture({ tlsPort: 0, accessLog: true })
})
afterEach(async () => {
  for (const one of more.splice(0)) await one.close()
})
afterAll(async () => {
  await fixture.close()
  await app.close()
})

async function fixtureWith(options: Partial<RouterOptions>): Promise<Fixture> {
  const own = await startFixture(options)
  more.push(own)
  return own
}

function route(protection: Partial<AppRoute>): AppRoute {
  return { app: 'tea', hosts: ['tea.example'], upstreams: [app.address], ...protection }
}

async function ask(on: Fixture, target: string, ...headers: string[]): Promise<string> {
  return exchange(on.router.port, `${target} HTTP/1.1`, 'Host: tea.example:99', 'Connection: close', ...headers)
}

const here = { whitelist: ['10.0.0.0/8', '127.0.0.0/8'] }
const elsewhere = { whitelist: ['10.0.0.0/8', '2001:db8::/32'] }
const all = { maintenance: true, enforceTls: true } as const

test.each([
  ['nothing', {}, 200],
  ['a whitelist with the client', here, 200],
  ['a whitelist without the client', elsewhere, 403],
  ['an empty whitelist', { whitelist: [] }, 403],
  ['maintenance', { maintenance: true }, 503],
  ['maintenance without a process', { maintenance: true, upstreams: [] }, 503],
  ['https', { enforceTls: true }, 301],
  ['https without a process', { enforceTls: true, upstreams: [] }, 301],
  ['all, for a stranger', { ...all, ...elsewhere }, 403],
  ['all, for a friend', { ...all, ...here }, 503],
  ['https, for a stranger', { enforceTls: true, ...elsewhere }, 403],
] as const)('%s: %#', async (_name, protection, status) => {
  await fixture.put(route(protection as Partial<AppRoute>))
  const before = reached
  fixture.written.length = 0
  expect(await ask(fixture, 'GET /')).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(reached - before).toBe(status === 200 ? 1 : 0)
  await expect.poll(() => fixture.written.length).toBe(1)
  expect(JSON.parse(fixture.written[0]!)).toMatchObject({ app: 'tea', status, client: '127.0.0.1' })
})

test('the page of maintenance says when to come back', async () => {
  await fixture.put(route({ maintenance: true }))
  const answer = await ask(fixture, 'GET /')
  expect(answer).toMatch(/\r\nRetry-After: 60\r\n/)
  expect(answer).toMatch(/<title>Site Maintenance<\/title>/)
  expect(await exchange(fixture.router.port, 'GET / HTTP/1.1', 'Host: nobody.test', 'Connection: close')).toMatch(
    / 404 /,
  )
})

test('an entry that cannot be understood admits nobody, and the operator is told once', async () => {
  await fixture.put(route({ whitelist: ['127.0.0.1/33', '10.0.0.1'] }))
  expect(await ask(fixture, 'GET /')).toMatch(/ 403 /)
  expect(await ask(fixture, 'GET /')).toMatch(/ 403 /)
  await fixture.put(route({ whitelist: ['127.0.0.1/33', '127.0.0.1'] }))
  expect(await ask(fixture, 'GET /')).toMatch(/ 200 /)
  expect(fixture.logs.filter((line) => line.includes('of "tea"') && line.includes('127.0.0.1/33'))).toHaveLength(2)
})

test.each([
  ['GET /a/b?c=%20d', '/a/b?c=%20d'],
  ['GET //evil.test/', '//evil.test/'],
  ['GET http://tea.example/x', '/x'],
  ['OPTIONS *', '/'],
])('%s is sent to https with its path', async (line, path) => {
  await fixture.put(route({ enforceTls: true }))
  const answer = await ask(fixture, line)
  expect(answer).toMatch(/^HTTP\/1\.1 301 Moved Permanently\r\n/)
  expect(answer).toContain(`\r\nLocation: https://tea.example:${fixture.router.tlsPort}${path}\r\n`)
  expect(answer).toMatch(/\r\nCache-Control: no-store\r\n/)
})

test('a body is to be sent again', async () => {
  await fixture.put(route({ enforceTls: true }))
  const call = request({
    port: fixture.router.port,
    host: '127.0.0.1',
    method: 'POST',
    headers: { host: 'tea.example' },
  })
  call.end('body')
  const [response] = await once(call, 'response')
  expect(response.statusCode).toBe(308)
  response.resume()
})

test('with TLS there is no redirect', async () => {
  await fixture.put(route({ enforceTls: true, certificates: [{ host: 'tea.example', ...pair }] }))
  const socket = await handshake(fixture.router.tlsPort!, 'tea.example', { ca: pair.certificate })
  expect(await askOver(socket, 'GET / HTTP/1.1', 'Host: tea.example')).toMatch(/ 200 /)
})

test('browsers are told to use HTTPS only in answers of the app over TLS, unless the app tells them itself', async () => {
  let own: Record<string, string> = {}
  const teller = await startApp((_, response) => response.writeHead(200, own).end('ok'))
  const of = (name: string, more: Partial<AppRoute>): AppRoute => ({
    app: name,
    hosts: [`${name}.example`],
    upstreams: [teller.address],
    certificates: [{ host: `${name}.example`, ...certificateFor(`${name}.example`) }],
    ...more,
  })
  const told = async (name: string, target = '/'): Promise<string[]> => {
    const socket = await handshake(fixture.router.tlsPort!, `${name}.example`, { rejectUnauthorized: false })
    const answer = await askOver(socket, `GET ${target} HTTP/1.1`, `Host: ${name}.example`)
    expect(answer).toMatch(/^HTTP\/1.1 200 /)
    return answer.split('\r\n').filter((line) => /^strict-transport/i.test(line))
  }
  try {
    await fixture.put(of('strict', { hsts: 300 }))
    await fixture.put(of('loose', {}))
    expect(await told('strict')).toEqual(['Strict-Transport-Security: max-age=300'])
    expect(await told('loose')).toEqual([])
    const plain = await exchange(fixture.router.port, 'GET / HTTP/1.1', 'Host: strict.example', 'Connection: close')
    expect(plain).toMatch(/ 200 /)
    expect(plain).not.toMatch(/strict-transport/i)
    own = { 'strict-Transport-security': 'max-age=5; includeSubDomains' }
    expect(await told('strict')).toEqual(['strict-Transport-security: max-age=5; includeSubDomains'])
    own = {}
    const { controller } = fixture
    const seq = controller.challenge({ host: 'strict.example', token: 'proof', keyAuthorization: 'proof.thumb' })
    await controller.seen((state) => state.seq >= seq)
    expect(await told('strict', '/.well-known/acme-challenge/proof')).toEqual([])
    controller.challenge()
    await fixture.put(of('strict', {}))
    expect(await told('strict')).toEqual([])
  } finally {
    await teller.close()
  }
})

test.each([
  [{ enforceTls: true } as const, /^Unexpected server response: 301$/],
  [{ maintenance: true } as const, /^Unexpected server response: 503$/],
  [elsewhere, /^Unexpected server response: 403$/],
])('WebSockets are held to %j as well', async (protection, message) => {
  await fixture.put(route(protection))
  const socket = new WebSocket(`ws://127.0.0.1:${fixture.router.port}/x`, { headers: { host: 'tea.example' } })
  const [error] = (await once(socket, 'error')) as [Error]
  expect(error.message).toMatch(message)
})

test('a WebSocket is sent to wss', async () => {
  await fixture.put(route({ enforceTls: true }))
  const answer = await exchange(
    fixture.router.port,
    'GET /live HTTP/1.1',
    'Host: tea.example',
    'Connection: Upgrade',
    'Upgrade: websocket',
  )
  expect(answer).toContain(`\r\nLocation: wss://tea.example:${fixture.router.tlsPort}/live\r\n`)
})

test.each([
  [{}, 'https://tea.example/'],
  [{ tlsPort: 0, tlsPublicPort: 443 }, 'https://tea.example/'],
  [{ tlsPublicPort: 8443 }, 'https://tea.example:8443/'],
])('with %j clients are sent to %s', async (options, location) => {
  const own = await fixtureWith(options)
  await own.put(route({ enforceTls: true }))
  expect(await ask(own, 'GET /')).toContain(`\r\nLocation: ${location}\r\n`)
})

test('without trusted proxies a client cannot claim TLS or another address', async () => {
  const claims = ['X-Forwarded-Proto: https', 'X-Forwarded-For: 10.0.0.1', 'Forwarded: for=10.0.0.1;proto=https']
  await fixture.put(route({ enforceTls: true }))
  expect(await ask(fixture, 'GET /', ...claims)).toMatch(/ 301 /)
  await fixture.put(route(elsewhere))
  expect(await ask(fixture, 'GET /', ...claims)).toMatch(/ 403 /)
})

test('a trusted proxy says where a request comes from and that it came with TLS', async () => {
  const own = await fixtureWith({ trustedProxies: ['127.0.0.1'], accessLog: true })
  await own.put(route({ enforceTls: true, ...elsewhere }))
  const friend = 'X-Forwarded-For: 192.0.2.7, 10.0.0.1'
  expect(await ask(own, 'GET /', 'X-Forwarded-For: 10.0.0.1, 192.0.2.7')).toMatch(/ 403 /)
  expect(await ask(own, 'GET /', friend)).toMatch(/ 301 /)
  const answer = await ask(own, 'GET /', friend, 'X-Forwarded-Proto: https')
  expect(answer).toMatch(/ 200 /)
  expect(JSON.parse(/\{.*\}/.exec(answer)![0])).toMatchObject({
    'x-forwarded-for': '10.0.0.1',
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '443',
  })
  await expect.poll(() => own.written.length).toBe(3)
  expect(own.written.map((line) => (JSON.parse(line) as { client: string }).client)).toEqual([
    '192.0.2.7',
    '10.0.0.1',
    '10.0.0.1',
  ])
})

test('what protects an app outlives a restart without a controller', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'router-policy-'))
  const tableFile = join(folder, 'table.json')
  const before = await startFixture({ tableFile })
  await before.put(route(elsewhere))
  await before.put({ ...route({ enforceTls: true }), app: 'mug', hosts: ['mug.example'] })
  await before.close()
  const alone = await startRouter({ ...before.options, controllerUrl: 'http://127.0.0.1:1' })
  const statusOf = async (host: string): Promise<string> =>
    (await exchange(alone.port, 'GET / HTTP/1.1', `Host: ${host}`, 'Connection: close')).slice(9, 12)
  expect([await statusOf('tea.example'), await statusOf('mug.example')]).toEqual(['403', '301'])
  await alone.close()
  await rm(folder, { recursive: true })
})

test('an invalid route closes its own app only', async () => {
  await fixture.controller.seen(() => true)
  await fixture.route('other', ['other.example'], [app.address])
  const odd = { ...route({}), whitelist: 'everyone', certificates: 5 } as unknown as AppRoute
  await fixture.put(odd)
  expect(await ask(fixture, 'GET /')).toMatch(/ 403 /)
  expect(await exchange(fixture.router.port, 'GET / HTTP/1.1', 'Host: other.example', 'Connection: close')).toMatch(
    / 200 /,
  )
})
