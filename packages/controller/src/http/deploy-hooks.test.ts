// Are receivers of deploy hooks notified of every release, in order and with a signature (docs/contract/api.md §3.15)?
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'
import { hookRequest } from '../domain/releases/deploy-hooks.ts'

const announcement = { app: 'tea', version: 3, summary: 'ann added A & B', sha: '', user: 'ann' }

describe('the request of a deploy hook', () => {
  it('tells the release in the order of the names', () => {
    expect(hookRequest('http://hooks.example/in', announcement, null)).toEqual({
      url: 'http://hooks.example/in?app=tea&release=v3&release_summary=ann+added+A+%26+B&sha=&user=ann',
      headers: { 'user-agent': 'Deis Controller/2.3.0' },
    })
  })

  it('keeps what the address asks already, and is signed over all of it', () => {
    const { url, headers } = hookRequest('https://hooks.example/in?team=1', announcement, 'secret')
    expect(url).toMatch(/\/in\?team=1&app=tea&/)
    expect(headers.authorization).toBe(createHmac('sha1', 'secret').update(url).digest('hex'))
  })
})

describe('deploy hooks', () => {
  let f: Fixture
  const received: { url: string; method: string; authorization: unknown }[] = []
  let answer: (request: IncomingMessage) => number | null
  const server = createServer((request, response) => {
    const status = answer(request)
    if (status === null) return void request.socket.destroy()
    received.push({
      url: request.url ?? '',
      method: request.method ?? '',
      authorization: request.headers.authorization,
    })
    response.writeHead(status).end('thanks')
    server.emit('received')
  })
  const until = async (count: number): Promise<void> => {
    while (received.length < count) await once(server, 'received')
  }
  beforeEach(async () => {
    received.length = 0
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    f = await openFixture({
      env: { DEIS_DEPLOY_HOOK_URLS: `http://127.0.0.1:${port}/hook`, DEIS_DEPLOY_HOOK_SECRET_KEY: 'secret' },
    })
  })
  afterEach(async () => {
    await f.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  it('announce every release in order, whatever the answer is, and say so in the app’s log', async () => {
    answer = () => 500
    const ann = await f.user('ann')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/api:1', sha: 'abc1234', dockerfile: 'true' }, ann)
    await f.call('POST', '/v2/apps/tea/config/', { values: { A: '1' } }, ann)
    await until(3)
    expect(received.map(({ url }) => Object.fromEntries(new URL(url, 'http://x').searchParams))).toEqual([
      { app: 'tea', release: 'v1', release_summary: 'ann created initial release', sha: '', user: 'ann' },
      { app: 'tea', release: 'v2', release_summary: 'ann deployed abc1234', sha: 'abc1234', user: 'ann' },
      { app: 'tea', release: 'v3', release_summary: 'ann added A', sha: 'abc1234', user: 'ann' },
    ])
    const { port } = server.address() as AddressInfo
    for (const { url, method, authorization } of received) {
      const signed = `http://127.0.0.1:${port}${url}`
      expect([method, authorization]).toEqual(['POST', createHmac('sha1', 'secret').update(signed).digest('hex')])
    }
    await expect
      .poll(async () => (await f.call('GET', '/v2/apps/tea/logs', undefined, ann)).text, { timeout: 5_000 })
      .toContain(`INFO Deploy hook sent to http://127.0.0.1:${port}/hook`)
  })

  it('are sent again when no answer came', async () => {
    let tries = 0
    answer = () => (++tries === 1 ? null : 200)
    await f.call('POST', '/v2/apps/', { id: 'tea' }, await f.user('ann'))
    await until(1)
    expect([tries, received.length]).toEqual([2, 1])
  })
})
