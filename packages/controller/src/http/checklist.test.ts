// Does the checklist of docs/contract/api.md §8 hold, row by row? Rows 13–18 are in the tests of perms, edge, certs, keys and hooks.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { namedRoutes } from './app.ts'
import { type Fixture, openFixture } from './fixture.ts'

type Json = Record<string, unknown>

describe('docs/contract/api.md §8', () => {
  let f: Fixture
  let root: string
  let ann: string
  let eve: string
  let serial = 0
  beforeAll(async () => {
    f = await openFixture({ env: { DEIS_DEPLOY_TIMEOUT: '2' } })
    root = await f.user('root')
    ann = await f.user('ann')
    eve = await f.user('eve')
  })
  afterAll(() => f.close())
  const get = (path: string, token = ann) => f.call('GET', path, undefined, token)
  const post = (path: string, body: unknown = '', token = ann) => f.call('POST', path, body, token)
  const create = async (): Promise<string> => {
    const id = `app-${++serial}`
    expect((await post('/v2/apps/', { id })).status).toBe(201)
    return `/v2/apps/${id}`
  }
  const status = async (answer: Promise<{ status: number }>): Promise<number> => (await answer).status

  it('row 1: the probe of a client', async () => {
    const anonymous = await f.call('GET', '/v2/')
    expect(anonymous).toMatchObject({
      status: 401,
      headers: { deis_api_version: '2.3', deis_platform_version: '2.3.0' },
    })
    expect(await get('/v2/')).toMatchObject({ status: 200, body: {} })
  })

  it('row 2: who may register', async () => {
    expect((await get('/v2/auth/whoami/', root)).body).toMatchObject({ is_superuser: true })
    expect((await get('/v2/auth/whoami/')).body).toMatchObject({ is_superuser: false })
    const someone = { username: 'someone', password: 'x' }
    for (const REGISTRATION_MODE of ['disabled', 'admin_only']) {
      const closed = await openFixture({ env: { REGISTRATION_MODE } })
      try {
        if (REGISTRATION_MODE === 'admin_only') await closed.user('first')
        expect(await status(closed.call('POST', '/v2/auth/register/', someone))).toBe(403)
      } finally {
        await closed.close()
      }
    }
  })

  it('row 3: signing in', async () => {
    expect((await post('/v2/auth/login/', { username: 'ann', password: 'ann-secret' })).body).toEqual({
      token: expect.stringMatching(/^[0-9a-f]{40}$/),
    })
    expect(await post('/v2/auth/login/', { username: 'ann', password: 'x' })).toMatchObject({
      status: 400,
      body: { non_field_errors: ['Unable to log in with provided credentials.'] },
    })
  })

  it('row 4: names of apps', async () => {
    expect(await post('/v2/apps/')).toMatchObject({
      status: 201,
      body: { id: expect.stringMatching(/^[a-z]+-[a-z]+/) },
    })
    await create()
    for (const [id, message] of [
      ['camelCase', 'App name can only contain a-z (lowercase), 0-9 and hyphens'],
      ['a'.repeat(64), 'Ensure this field has no more than 63 characters.'],
      [`app-${serial}`, 'Application with this id already exists.'],
      ['deis', 'deis is a reserved name.'],
    ])
      expect(await post('/v2/apps/', { id })).toMatchObject({
        status: 400,
        body: { id: expect.arrayContaining([message]) },
      })
  })

  it('row 5: apps that are not there, and strangers', async () => {
    expect(await get('/v2/apps/nope/')).toMatchObject({ status: 404, text: '"No App matches the given query."' })
    expect(await status(get(await create(), eve))).toBe(403)
  })

  it('row 6: before the first build', async () => {
    const app = await create()
    expect(await status(post(`${app}/scale/`, { web: 1 }))).toBe(400)
    expect(await status(post(`${app}/run`, { command: 'ls' }))).toBe(400)
    expect((await get(`${app}/pods/`)).body).toEqual({ results: [], count: 0 })
    expect((await get(`${app}/builds/`)).body).toMatchObject({ count: 0 })
    expect((await get(`${app}/releases/`)).body).toMatchObject({ count: 1, results: [{ version: 1 }] })
    // Ours say at once that the app was made, so there is never nothing; the shape of nothing is 204.
    expect([200, 204]).toContain(await status(get(`${app}/logs`)))
  })

  it('row 7: config', async () => {
    const app = await create()
    const set = (body: Json) => post(`${app}/config/`, body)
    expect((await set({ values: { PORT: 5000, NAME: 'größe 💧' } })).body).toMatchObject({
      values: { PORT: '5000', NAME: 'größe 💧' },
    })
    expect((await set({ values: { A: '1', NAME: null } })).body).toMatchObject({ values: { PORT: '5000', A: '1' } })
    const unset = { status: 422, body: { detail: 'NAME does not exist under values' } }
    expect(await set({ values: { NAME: null } })).toMatchObject(unset)
    expect(await status(set({ values: { A: '1' } }))).toBe(409)
    for (const values of [{ 'a-b': '1' }, { PORT: 99_999 }, { PORT: 'dog' }])
      expect(await status(set({ values }))).toBe(400)
    for (const web of ['1G/2G', '0/100MB']) expect(await status(set({ memory: { web } }))).toBe(201)
    for (const web of ['1Z', '10', '20MK']) expect(await status(set({ memory: { web } }))).toBe(400)
    for (const web of ['500m/600m', '.123', '0']) expect(await status(set({ cpu: { web } }))).toBe(201)
    for (const web of ['1G', '.']) expect(await status(set({ cpu: { web } }))).toBe(400)
  })

  it.each([
    [{}, { cmd: 1 }],
    [{ procfile: { web: 'serve' } }, { web: 1 }],
    [{ sha: 'abc1234', procfile: { web: 'serve', worker: 'work' } }, { web: 1 }],
    [{ sha: 'abc1234', procfile: { worker: 'work' } }, {}],
  ])('row 8: a first build of %j makes v2 and runs %j', async (body, structure) => {
    const app = await create()
    expect(await status(post(`${app}/builds/`, { image: 'acme/api', ...body }))).toBe(201)
    expect((await get(app)).body).toMatchObject({ procfile_structure: (body as Json).procfile ?? {} })
    expect(((await get(app)).body as Json).structure).toEqual(structure)
    expect((await get(`${app}/releases/v2/`)).body).toMatchObject({ version: 2, failed: false })
  })

  it('rows 9 and 10: rolling back, and what a failed deploy leaves', async () => {
    const app = await create()
    const back = async (body: unknown = ''): Promise<unknown> => (await post(`${app}/releases/rollback/`, body)).body
    const release = async (version: number): Promise<Json> => (await get(`${app}/releases/v${version}/`)).body as Json
    expect(await back()).toEqual({ detail: 'version cannot be below 0' })
    await post(`${app}/builds/`, { image: 'acme/api:1' })
    await post(`${app}/config/`, { values: { A: '1' } })
    expect(await back()).toEqual({ version: 4 })
    const [second, fourth] = [await release(2), await release(4)]
    expect([fourth.build, fourth.config]).toEqual([second.build, second.config])
    expect(await back({ version: 1 })).toEqual({ detail: 'Cannot roll back to initial release.' })
    const before = (await get(`${app}/pods/`)).body
    const failed = await post(`${app}/builds/`, { image: 'acme/api:2', procfile: { cmd: 'crash' } })
    expect(failed.status).toBe(400)
    expect(await release(5)).toMatchObject({ failed: true, exception: expect.stringMatching(/^error: /) })
    expect((await get(`${app}/pods/`)).body).toEqual(before)
    expect(await back({ version: 5 })).toEqual({ detail: 'Cannot roll back to failed release.' })
    await post(`${app}/config/`, { values: { B: '2' } })
    expect(await release(6)).toMatchObject({ failed: false, build: fourth.build })
  })

  it('row 11: types of a Procfile', async () => {
    const app = await create()
    const build = (procfile: Json): Promise<number> => status(post(`${app}/builds/`, { image: 'acme/api', procfile }))
    for (const type of ['worker__test', 'wörker', '-', 'worker-', '-worker', 'w'.repeat(64)])
      expect([type, await build({ [type]: 'work' })]).toEqual([type, 400])
    expect(await build({ worker: '' })).toBe(400)
    expect(await build({ 'worker-test1': 'work' })).toBe(201)
    // More than the original took: names that other platforms' Procfiles have.
    expect(await build({ celery_beat: 'work', 'Worker-test1': 'work' })).toBe(201)
  })

  it('row 12: scaling', async () => {
    const app = await create()
    await post(`${app}/builds/`, { image: 'acme/api', procfile: { web: 'serve' } })
    const scale = (body: Json) => post(`${app}/scale/`, body)
    expect(await status(scale({ web: 'not_an_int' }))).toBe(400)
    expect(await status(scale({ web: -1 }))).toBe(400)
    expect(await scale({ nope: 1 })).toMatchObject({
      status: 404,
      body: { detail: 'Container type nope does not exist in application. Its process types: cmd, web.' },
    })
    expect(await status(scale({ web: 2 }))).toBe(204)
  })

  it('row 19: what no collection does', async () => {
    const app = await create()
    for (const path of ['/v2/apps/', '/v2/keys/', '/v2/certs/', `${app}/config`, `${app}/builds`, `${app}/domains`])
      for (const method of ['PUT', 'PATCH'])
        expect(await f.call(method, path, {}, ann)).toMatchObject({
          status: 405,
          body: { detail: `Method "${method}" not allowed.` },
        })
  })

  it('row 20: every time in every answer has whole seconds', async () => {
    const app = await create()
    await post(`${app}/builds/`, { image: 'acme/api' })
    const texts = await Promise.all(
      Object.values(namedRoutes)
        .filter(({ method, path }) => method === 'GET' && path !== '/v2/openapi.json')
        .map(async ({ path }) => (await get(path.replace(':id', app.slice('/v2/apps/'.length)), root)).body),
    )
    let times = 0
    const walk = (value: unknown, key: string): void => {
      if (typeof value === 'object' && value !== null)
        for (const [name, part] of Object.entries(value)) walk(part, name)
      if (!/^(created|updated|started|starts|expires|date_joined|last_login)$/.test(key) || value === null) return
      times++
      expect(value).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    }
    walk(texts, '')
    expect(times).toBeGreaterThan(15)
  })
})
