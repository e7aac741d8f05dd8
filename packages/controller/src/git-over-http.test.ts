// Who gets to git over HTTP, and what does a client without a token read?
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Fixture, openFixture } from './http/fixture.ts'
import { gitOverHttp, tokenOf } from './git-over-http.ts'

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

it.each([
  [basic('ann:secret'), 'secret'],
  [basic('x:with:colons'), 'with:colons'],
  [basic(':secret').replace('Basic', 'bAsIc'), 'secret'],
  [basic('ann:'), null],
  [basic('no colon'), null],
  ['Basic', null],
  ['Basic !!!', null],
  ['token secret', null],
  [`Basic ${'A'.repeat(5_000)}`, null],
  [undefined, null],
])('the token of %j is %j', (header, token) => {
  expect(tokenOf(header)).toBe(token)
})

describe('git over HTTP', () => {
  let f: Fixture
  let server: Server
  let url: string
  let token: string
  const served: string[] = []
  beforeAll(async () => {
    f = await openFixture()
    token = await f.user('ann')
    const take = gitOverHttp(f.core, {
      async serveHttp({ username, address }, { call }, _, response) {
        expect(address).toMatch(/127\.0\.0\.1$/)
        served.push(`${username} ${call.service} ${call.app} ${call.step}`)
        response.end('served')
      },
    })
    server = createServer((request, response) => {
      if (!take(request, response)) response.writeHead(418).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    server.close()
    await f.close()
  })
  const refs = '/shop.git/info/refs?service=git-receive-pack'
  const ask = async (path: string, authorization?: string) => {
    const response = await fetch(`${url}${path}`, authorization === undefined ? {} : { headers: { authorization } })
    return { status: response.status, text: await response.text(), asks: response.headers.get('www-authenticate') }
  }

  it('is for the holder of a token, under any user name', async () => {
    for (const name of ['ann', 'bob', ''])
      expect(await ask(refs, basic(`${name}:${token}`))).toMatchObject({ status: 200, text: 'served' })
    expect(served).toEqual(Array(3).fill('ann git-receive-pack shop refs'))
  })

  it.each([
    [undefined, 'Log in with any user name, and a token as the password.\n'],
    [basic('ann:ann-secret'), 'Invalid token.\n'],
    [basic(`ann:${'x'.repeat(40)}`), 'Invalid token.\n'],
  ])('is refused with %j', async (header, text) => {
    expect(await ask(refs, header)).toEqual({ status: 401, text, asks: 'Basic realm="Deis", charset="UTF-8"' })
  })

  it('leaves every other request alone', async () => {
    for (const path of ['/v2/', '/shop.git', '/shop.git/HEAD', '/']) expect((await ask(path)).status).toBe(418)
  })
})
