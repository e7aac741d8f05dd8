// Does everything work when the router is the only way in: the API, its streams, and the client's sessions?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newApp, type Checkout } from './app.ts'
import { type Person, registered } from './client.ts'
import { ask, serving } from './http.ts'
import { localNames } from './names.ts'
import { type Platform, registrationToken, startPlatform } from './platform.ts'

let platform: Platform
let ann: Person
let shop: Checkout

beforeAll(async () => {
  platform = await startPlatform({
    DEIS_PUBLIC_API: 'true',
    RESERVED_NAMES: '',
    DEIS_REGISTRATION_TOKEN: registrationToken,
    KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '2',
  })
  const { folder, git, routerPort } = platform
  const env = await localNames(folder)
  ann = await registered({ folder, git, api: `http://deis.localhost:${routerPort}`, env }, 'ann')
  shop = await newApp(ann, 'shop')
  await shop.deploy()
  await serving(platform, 'shop', { release: 'v2' })
})
afterAll(() => platform.stop())

describe.sequential('through the router', () => {
  test('registering needs the token: the API is not local, although it listens here only', async () => {
    const body = JSON.stringify({ username: 'eve', password: 'x', email: 'eve@example.com' })
    const headers = { 'content-type': 'application/json' }
    expect(await ask(platform, 'deis', { path: '/v2/auth/register/', method: 'POST', body, headers })).toMatchObject({
      status: 403,
    })
  })

  test('no app takes the name of the API', async () => {
    const { code, stderr } = await ann.deis(['create', 'deis', '--no-remote'])
    expect(code).not.toBe(0)
    expect(stderr).toContain('deis is a reserved name')
    expect(await shop.deis('domains:add', 'deis.localhost')).toMatchObject({ code: 1 })
  })

  test('a change is made, and its answer comes when it is done', async () => {
    expect(await shop.does('config:set', 'GREETING=hi')).toContain('GREETING')
    await serving(platform, 'shop', { release: 'v3', greeting: 'hi' })
  })

  test('sessions, which are WebSockets, work', async () => {
    expect(await ann.does(['run', '-i', 'cat', '-a', 'shop'], { input: 'through the router' })).toContain(
      'through the router',
    )
  })

  test('a controller that starts again is reached again', async () => {
    await platform.endController('SIGTERM')
    await platform.startController()
    expect(await ann.does(['apps'])).toContain('shop')
  })
})
