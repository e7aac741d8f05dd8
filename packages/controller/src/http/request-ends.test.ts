// Can a client learn the outcome of every change that has a request id, and is it made by one controller only?
import { randomUUID } from 'node:crypto'
import type { RequestRecord } from '@deis/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leafCert, leafKey } from '../domain/edge/certs.testing.ts'
import { routeName } from '../domain/requests/request-ends.ts'
import { insertBuild } from '../domain/builds/build.ts'
import type { Caller } from '../domain/core.ts'
import type { Named } from '../domain/requests/request-mark.ts'
import { beginRequest, endRequest } from '../domain/requests/requests.ts'
import { changeSettings } from '../domain/apps/settings.ts'
import { transferApp } from '../domain/apps/transfer.ts'
import { appRow } from '../domain/releases/converge.ts'
import type { AppRow } from '../domain/apps/rows.ts'
import { routes } from './app.ts'
import { type Fixture, openFixture } from './fixture.ts'

let f: Fixture
let ann: string
let count = 0
/** Whether the controller dies before it keeps what it answers. */
let isDying = false

beforeAll(async () => {
  let images = 0
  f = await openFixture({
    builder: {
      cnb: true,
      rebase: async () => ({
        reference: `registry.test/shop@sha256:${String(++images).padStart(64, '0')}`,
        runReference: `heroku/heroku@sha256:${'b'.repeat(64)}`,
      }),
    },
  })
  const db = f.core.db.$extends({
    query: {
      request: {
        updateMany({ args, query }) {
          if (isDying && args.data.status !== undefined) throw new Error('the controller died')
          return query(args)
        },
      },
    },
  })
  Object.assign(f.core, { db })
  await f.user('root')
  ann = await f.user('ann')
  await f.user('bob')
})
afterAll(() => f.close())

type Sent = { readonly status: number; readonly text: string }

async function send(method: string, path: string, id: string, body?: unknown): Promise<Sent> {
  const { statusCode, body: text } = await f.server.inject({
    method: method as 'POST',
    url: path,
    headers: { authorization: `token ${ann}`, 'content-type': 'application/json', 'deis-request-id': id },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })
  return { status: statusCode, text }
}

async function ask(id: string): Promise<RequestRecord> {
  const { status, body } = await f.call('GET', `/v2/requests/${id}/`, undefined, ann)
  expect(status).toBe(200)
  return body as RequestRecord
}

/** As if the controller that has it had died. */
async function orphan(id: string): Promise<void> {
  await f.core.db.request.updateMany({ where: { id }, data: { instance: 'gone' } })
}

const cnb = {
  builder: 'heroku/builder:24',
  runImage: 'heroku/heroku:24',
  runReference: `heroku/heroku@sha256:${'a'.repeat(64)}`,
  buildpacks: [],
}

async function newApp(): Promise<string> {
  const id = `app${count++}`
  await f.call('POST', '/v2/apps/', { id }, ann)
  expect(
    (await f.call('POST', `/v2/apps/${id}/builds/`, { image: 'shop:1', procfile: { web: 'serve' } }, ann)).status,
  ).toBe(201)
  // Its image was built, and can be rebased.
  const { uuid: appUuid } = await f.core.db.app.findUniqueOrThrow({ where: { id } })
  await f.core.db.build.updateMany({ where: { appUuid }, data: { cnb } })
  const url = f.core.vault.seal('drain', 'syslog+tls://9.9.9.9')
  await f.core.db.drain.create({
    data: { uuid: `drain-of-${id}`, appUuid, owner: 'ann', url, createdAt: new Date() },
  })
  return id
}

const publicKey = (n: number): string => {
  const type = 'ssh-ed25519'
  const part = (data: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, data.length]), data])
  return `${type} ${Buffer.concat([part(Buffer.from(type)), part(Buffer.alloc(32, n))]).toString('base64')}`
}

type Change = {
  readonly path: string
  readonly body?: unknown
  readonly before?: readonly (readonly [string, unknown])[]
}

const cert = { certificate: leafCert, key: leafKey }

/** What is asked for of each route; `before`: what is there already. */
const changes: Readonly<Record<string, (app: string, n: number) => Change>> = {
  'POST /v2/apps/:id/whitelist/': (app) => ({ path: `/v2/apps/${app}/whitelist/`, body: { addresses: ['10.0.0.1'] } }),
  'DELETE /v2/apps/:id/whitelist/': (app) => ({
    path: `/v2/apps/${app}/whitelist/`,
    body: { addresses: ['10.0.0.1'] },
    before: [[`/v2/apps/${app}/whitelist/`, { addresses: ['10.0.0.1', '10.0.0.2'] }]],
  }),
  'POST /v2/apps/:id/settings/': (app) => ({ path: `/v2/apps/${app}/settings/`, body: { maintenance: true } }),
  'POST /v2/apps/:id/rename/': (app) => ({ path: `/v2/apps/${app}/rename/`, body: { id: `${app}-too` } }),
  'POST /v2/apps/:id/tls/': (app) => ({ path: `/v2/apps/${app}/tls/`, body: { https_enforced: true } }),
  'POST /v2/apps/:id/perms/': (app) => ({ path: `/v2/apps/${app}/perms/`, body: { username: 'bob' } }),
  'DELETE /v2/apps/:id/perms/:username': (app) => ({
    path: `/v2/apps/${app}/perms/bob`,
    before: [[`/v2/apps/${app}/perms/`, { username: 'bob' }]],
  }),
  'POST /v2/apps/:id/domains/': (app) => ({ path: `/v2/apps/${app}/domains/`, body: { domain: `${app}.example.com` } }),
  'DELETE /v2/apps/:id/domains/:domain': (app) => ({
    path: `/v2/apps/${app}/domains/${app}.example.com`,
    before: [[`/v2/apps/${app}/domains/`, { domain: `${app}.example.com` }]],
  }),
  'POST /v2/apps/:id/drains/': (app) => ({ path: `/v2/apps/${app}/drains/`, body: { url: 'https://9.9.9.9/' } }),
  'DELETE /v2/apps/:id/drains/:uuid/': (app) => ({ path: `/v2/apps/${app}/drains/drain-of-${app}/` }),
  'POST /v2/certs/': (_, n) => ({ path: '/v2/certs/', body: { name: `cert${n}`, ...cert } }),
  'DELETE /v2/certs/:name': (app, n) => ({
    path: `/v2/certs/cert${n}`,
    before: [
      ['/v2/certs/', { name: `cert${n}`, ...cert }],
      [`/v2/certs/cert${n}/domain/`, { domain: app }],
    ],
  }),
  'POST /v2/certs/:name/domain/': (app, n) => ({
    path: `/v2/certs/cert${n}/domain/`,
    body: { domain: app },
    before: [['/v2/certs/', { name: `cert${n}`, ...cert }]],
  }),
  'POST /v2/certs/:name/domain/:domain': (app, n) => ({
    path: `/v2/certs/cert${n}/domain/${app}`,
    before: [['/v2/certs/', { name: `cert${n}`, ...cert }]],
  }),
  'DELETE /v2/certs/:name/domain/:domain': (app, n) => ({
    path: `/v2/certs/cert${n}/domain/${app}`,
    before: [
      ['/v2/certs/', { name: `cert${n}`, ...cert }],
      [`/v2/certs/cert${n}/domain/`, { domain: app }],
    ],
  }),
  'POST /v2/apps/:id/config/': (app) => ({ path: `/v2/apps/${app}/config/`, body: { values: { A: '1' } } }),
  'POST /v2/keys/': (_, n) => ({ path: '/v2/keys/', body: { id: `key${n}`, public: publicKey(n) } }),
  'DELETE /v2/keys/:id': (_, n) => ({
    path: `/v2/keys/key${n}`,
    before: [['/v2/keys/', { id: `key${n}`, public: publicKey(n) }]],
  }),
  'POST /v2/apps/:id/scale/': (app) => ({ path: `/v2/apps/${app}/scale/`, body: { web: 2 } }),
  'POST /v2/apps/:id/releases/rollback/': (app) => ({
    path: `/v2/apps/${app}/releases/rollback/`,
    body: { version: 2 },
    before: [[`/v2/apps/${app}/config/`, { values: { A: '1' } }]],
  }),
  'POST /v2/apps/:id/builds/': (app) => ({
    path: `/v2/apps/${app}/builds/`,
    body: { image: 'shop:2', procfile: { web: 'serve' } },
  }),
  'POST /v2/apps/:id/rebase/': (app) => ({ path: `/v2/apps/${app}/rebase/`, body: {} }),
  'POST /v2/apps/': (_, n) => ({ path: '/v2/apps/', body: { id: `new${n}` } }),
  'POST /v2/apps/:id/': (app) => ({ path: `/v2/apps/${app}/`, body: { owner: 'bob' } }),
  'DELETE /v2/apps/:id/': (app) => ({ path: `/v2/apps/${app}/` }),
}

/** They can be done once more instead; of builds that are cancelled see follow-builds.test.ts. */
const repeated = [
  ...['', ':type/', ':type/:name/'].map((which) => `POST /v2/apps/:id/pods/${which}restart/`),
  'POST /v2/apps/:id/builds/:uuid/cancel/',
  'POST /v2/apps/:id/auto-certs/',
]

/** They end with their controller, and may have done a part. */
const unclear = ['POST /v2/apps/:id/run/detached/']

it('every change that can be named is looked at here', () => {
  const named = routes.filter(({ recorded }) => recorded).map(routeName)
  expect([...Object.keys(changes), ...repeated, ...unclear].toSorted()).toEqual(named.toSorted())
})

it('a command that nobody waited for: nobody knows how far it came', async () => {
  const app = await newApp()
  isDying = true
  await send('POST', `/v2/apps/${app}/run/detached/`, 'detached-and-gone', { command: 'exit 0' })
  isDying = false
  await orphan('detached-and-gone')
  expect(await ask('detached-and-gone')).toMatchObject({ state: 'unclear' })
})

describe('when its controller goes after the change was stored', () => {
  it.each(Object.keys(changes))('%s has ended as it would have been answered', async (route) => {
    const n = count
    const app = await newApp()
    const [method = ''] = route.split(' ')
    const { path, body, before } = changes[route]!(app, n)
    for (const [at, what] of before ?? []) expect((await f.call('POST', at, what, ann)).status).toBeLessThan(300)
    const id = randomUUID()
    isDying = true
    const sent = await send(method, path, id, body)
    isDying = false
    expect(sent.status).toBeLessThan(300)
    expect(await f.core.db.request.findFirst({ where: { id } })).toMatchObject({ status: null })
    await orphan(id)
    expect(await ask(id)).toMatchObject({ state: 'ended', status: sent.status, answer: sent.text })
    // After these there is no such app of that user.
    if (!['POST /v2/apps/:id/', 'POST /v2/apps/:id/rename/', 'DELETE /v2/apps/:id/'].includes(route))
      expect(await send(method, path, id, body)).toEqual(sent)
  })
})

describe('before it was stored', () => {
  it('a restart is asked for once more', async () => {
    const app = await newApp()
    for (const which of ['', 'web/']) {
      const id = randomUUID()
      const restart = (): Promise<Sent> => send('POST', `/v2/apps/${app}/pods/${which}restart/`, id)
      isDying = true
      expect((await restart()).status).toBe(200)
      isDying = false
      await orphan(id)
      expect(await ask(id)).toMatchObject({ state: 'interrupted' })
      expect((await restart()).status).toBe(200)
      expect(await ask(id)).toMatchObject({ state: 'ended', status: 200 })
    }
  })

  it('a build that was cancelled meanwhile has ended so', async () => {
    const [name, id] = [await newApp(), randomUUID()]
    const app = (await appRow(f.core, name))!
    const pushed = { source: 'git', image: '', reference: '', port: null, sha: '', ref: '', dockerfile: '' } as const
    const { uuid } = await insertBuild(f.core, app, 'ann', pushed, {}, 'running')
    const cancel = (): Promise<Sent> => send('POST', `/v2/apps/${name}/builds/${uuid}/cancel/`, id)
    isDying = true
    const sent = await cancel()
    isDying = false
    await orphan(id)
    expect(await ask(id)).toMatchObject({ state: 'ended', status: 200, answer: sent.text })
    expect(await cancel()).toEqual(sent)
  })
})

describe('one name', () => {
  const domain = (app: string, name: string, id: string): Promise<Sent> =>
    send('POST', `/v2/apps/${app}/domains/`, id, { domain: name })

  it('is for one body', async () => {
    const [app, id] = [await newApp(), randomUUID()]
    expect((await domain(app, 'a.example.org', id)).status).toBe(201)
    const other = await domain(app, 'b.example.org', id)
    expect(other).toMatchObject({ status: 400, text: expect.stringContaining('was already used for another request') })
    expect(await f.core.db.domain.count({ where: { domain: 'b.example.org' } })).toBe(0)
    const { hash } = await f.core.db.request.findFirstOrThrow({ where: { id } })
    expect(hash).toMatch(/^[\w-]{43}$/)
  })

  it('of a record without a hash is still for one path', async () => {
    const [app, id] = [await newApp(), randomUUID()]
    const first = await domain(app, 'c.example.org', id)
    await f.core.db.request.updateMany({ where: { id }, data: { hash: null } })
    expect(await domain(app, 'c.example.org', id)).toEqual(first)
    expect(await send('POST', `/v2/apps/${app}/tls/`, id, { https_enforced: true })).toMatchObject({ status: 400 })
  })
})

describe('a controller whose work another one has taken over', () => {
  async function overtaken(): Promise<{ caller: Caller; app: AppRow; named: Named }> {
    const { id: userId } = await f.core.db.user.findUniqueOrThrow({ where: { username: 'ann' } })
    const name = await newApp()
    const named = { userId, id: randomUUID(), instance: f.core.peers.instance }
    const asked = { route: 'POST /v2/apps/:id/settings/', path: `/v2/apps/${name}/settings/`, body: {}, appUuid: null }
    expect(await beginRequest(f.core, named, asked)).toBeNull()
    await f.core.db.request.updateMany({ where: { id: named.id }, data: { instance: 'another' } })
    const app = await appRow(f.core, name)
    return { caller: { id: userId, username: 'ann', isSuperuser: false, request: { named } }, app: app!, named }
  }

  it('stores nothing any more', async () => {
    const { caller, app } = await overtaken()
    const before = await f.core.db.settings.count({ where: { appUuid: app.uuid } })
    await expect(changeSettings(f.core, caller, app, { maintenance: true })).rejects.toThrow(/another controller/i)
    await expect(transferApp(f.core, caller, app, 'bob')).rejects.toThrow(/another controller/i)
    expect(await f.core.db.settings.count({ where: { appUuid: app.uuid } })).toBe(before)
    expect(await f.core.db.app.findUnique({ where: { uuid: app.uuid } })).toMatchObject({ ownerId: caller.id })
  })

  it('does not say how it ended', async () => {
    const { named } = await overtaken()
    await endRequest(f.core, named, 201, '{}')
    expect(await f.core.db.request.findFirst({ where: { id: named.id } })).toMatchObject({ status: null, answer: null })
  })

  it('whose request was forgotten goes on', async () => {
    const { caller, app, named } = await overtaken()
    await f.core.db.request.deleteMany({ where: { id: named.id } })
    expect(await changeSettings(f.core, caller, app, { maintenance: true })).toMatchObject({ maintenance: true })
  })
})
