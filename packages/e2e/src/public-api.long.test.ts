// Does everything work when the router is the only way in: the API, its streams, and the client's sessions?
import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newApp, type Checkout } from './app.ts'
import { type Person, registered } from './client.ts'
import { ask, callApi, serving } from './http.ts'
import { localNames } from './names.ts'
import { cleanEnv, type Platform, registrationToken, root, startPlatform } from './platform.ts'

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
  // git calls the client for the token.
  const env = { ...(await localNames(folder)), PATH: [join(root, 'dist/bin'), cleanEnv().PATH].join(delimiter) }
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

  test('git pushes over HTTP with the token that the client gives it, and clones get what is deployed', async () => {
    await shop.does('git:remote', '--https')
    await shop.commit({ 'a.txt': 'a' })
    const { code, stderr } = await shop.push()
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain('remote: Starting build... but first, coffee!')
    expect(stderr).toMatch(/remote: Done, shop:v4 deployed to Workflow/)
    await serving(platform, 'shop', { release: 'v4' })
    expect(await readFile(join(shop.folder, '.git/config'), 'utf8')).not.toContain(await ann.token())
    const address = `http://x:${await ann.token()}@deis.localhost:${platform.routerPort}/shop.git`
    expect((await ann.git(['clone', '-q', address, 'back'], ann.home)).code).toBe(0)
    expect(await readFile(join(ann.home, 'back/a.txt'), 'utf8')).toBe('a')
  })

  test('a stranger is asked for a token, and another user is refused', async () => {
    const refs = '/shop.git/info/refs?service=git-receive-pack'
    expect(await ask(platform, 'deis', { path: refs })).toMatchObject({ status: 401 })
    const bob = { username: 'bob', password: 'of bob', email: 'bob@example.com' }
    expect(await callApi(platform, await ann.token(), 'POST', '/v2/auth/register/', bob)).toMatchObject({ status: 201 })
    const { body } = await callApi(platform, null, 'POST', '/v2/auth/login/', bob)
    const basic = Buffer.from(`bob:${(JSON.parse(body) as { token: string }).token}`).toString('base64')
    const headers = { authorization: `Basic ${basic}` }
    expect(await ask(platform, 'deis', { path: refs, headers })).toMatchObject({
      status: 403,
      body: 'You do not have permission to push to shop\n',
    })
  })

  test('a controller that starts again is reached again', async () => {
    await platform.endController('SIGTERM')
    await platform.startController()
    expect(await ann.does(['apps'])).toContain('shop')
  })
})
