// Do apps, config, builds, releases and processes behave as docs/contract/api.md §2.3–2.7 and §8 say?
import { alikeMessage, invalidProcessType, warningHeader } from '@deis/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFlakyScheduler } from '@deis/ports/testing/flaky'
import { type Fixture, openFixture } from './fixture.ts'

type Json = Record<string, unknown>

describe('apps', () => {
  let f: Fixture
  let ann: string
  let bob: string
  let serial = 0
  beforeAll(async () => {
    f = await openFixture({ env: { DEIS_DEPLOY_TIMEOUT: '2' } })
    await f.user('root')
    ann = await f.user('ann')
    bob = await f.user('bob')
  })
  afterAll(() => f.close())

  /** A new app of ann's. */
  const create = async (): Promise<string> => {
    const id = `app-${++serial}`
    expect((await f.call('POST', '/v2/apps/', { id }, ann)).status).toBe(201)
    return id
  }
  const pull = (id: string, procfile?: Json, image = 'acme/api:1') =>
    f.call('POST', `/v2/apps/${id}/builds/`, { image, ...(procfile ? { procfile } : {}) }, ann)
  const config = (id: string, values: unknown, token = ann) =>
    f.call('POST', `/v2/apps/${id}/config/`, { values }, token)
  const get = (path: string, token = ann) => f.call('GET', path, undefined, token)
  const releases = async (id: string): Promise<Json[]> =>
    ((await get(`/v2/apps/${id}/releases/`)).body as { results: Json[] }).results

  it('creates, shows and lists', async () => {
    const id = await create()
    const app = (await get(`/v2/apps/${id}`)).body as Json
    expect(app).toEqual({
      uuid: expect.any(String),
      id,
      owner: 'ann',
      structure: {},
      procfile_structure: {},
      created: expect.any(String),
      updated: expect.any(String),
    })
    const { procfile_structure: _, ...listed } = app
    expect(app.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    expect((await get('/v2/apps/')).body).toMatchObject({ results: expect.arrayContaining([listed]) })
    expect((await get('/v2/apps/', bob)).body).toEqual({ count: 0, next: null, previous: null, results: [] })
    expect((await get(`/v2/apps/${id}/domains/`)).body).toMatchObject({ count: 1, results: [{ domain: id, app: id }] })
    expect((await get(`/v2/apps/${id}/settings/`)).body).toMatchObject({
      maintenance: false,
      routable: true,
      whitelist: [],
      autoscale: {},
      label: {},
    })
    expect(await releases(id)).toMatchObject([
      { version: 1, summary: 'ann created initial release', build: null, failed: false },
    ])
  })

  it('pages through the apps that a user owns or shares', async () => {
    const cal = await f.user('cal')
    const mine = ['cal-a', 'cal-b', 'cal-c']
    for (const id of mine) await f.call('POST', '/v2/apps/', { id }, cal)
    const shared = await create()
    const [app, user] = await Promise.all([
      f.core.db.app.findUniqueOrThrow({ where: { id: shared } }),
      f.core.db.user.findUniqueOrThrow({ where: { username: 'cal' } }),
    ])
    await f.core.db.grant.create({ data: { appUuid: app.uuid, userId: user.id } })
    const all = (await get('/v2/apps/', cal)).body as { count: number; results: Json[] }
    expect([all.count, all.results.map((one) => one.id)]).toEqual([4, [shared, ...mine].toSorted()])
    expect((await get(`/v2/apps/${shared}`, cal)).body).toMatchObject(
      all.results.find((one) => one.id === shared) ?? { id: 'listed' },
    )
    const part = (await get('/v2/apps/?limit=2&offset=2', cal)).body as {
      count: number
      results: Json[]
      next: unknown
      previous: unknown
    }
    expect([part.count, part.results.length, part.next]).toEqual([4, 2, null])
    expect(part.previous).toMatch(/\/v2\/apps\/\?limit=2$/)
    expect((await get('/v2/apps/?offset=9', cal)).body).toMatchObject({ count: 4, results: [] })
  })

  it('invents a name when the body is empty', async () => {
    const answer = await f.call('POST', '/v2/apps/', '', ann)
    expect(answer.status).toBe(201)
    expect((answer.body as Json).id).toMatch(/^[a-z]+-[a-z]+$/)
  })

  const badName = [
    'App name must start with an alphabetic character, cannot end with a hyphen and can only contain a-z (lowercase), 0-9 and hyphens.',
    'App name can only contain a-z (lowercase), 0-9 and hyphens',
  ]
  it.each([
    ['camelCase', badName],
    ['1app', badName],
    ['app-', badName],
    ['a_b', badName],
    ['../x', badName],
    ['x'.repeat(64), ['Ensure this field has no more than 63 characters.']],
    ['', ['This field may not be blank.']],
    ['deis', ['deis is a reserved name.']],
  ])('refuses the name %j', async (id, messages) => {
    const answer = await f.call('POST', '/v2/apps/', { id }, ann)
    expect([answer.status, answer.body]).toEqual([400, { id: messages }])
  })

  it('refuses a taken name', async () => {
    const id = await create()
    expect((await f.call('POST', '/v2/apps/', { id }, bob)).body).toEqual({
      id: ['Application with this id already exists.'],
    })
  })

  it('answers unknown apps with the bare string and strangers with 403, in every noun', async () => {
    const id = await create()
    for (const path of ['', 'config/', 'builds/', 'releases/', 'pods/', 'domains/', 'settings/', 'logs']) {
      const missing = await get(`/v2/apps/nope/${path}`)
      expect([path, missing.status, missing.text]).toEqual([path, 404, '"No App matches the given query."'])
      const stranger = await get(`/v2/apps/${id}/${path}`, bob)
      expect([path, stranger.status, stranger.body]).toEqual([
        path,
        403,
        { detail: 'You do not have permission to perform this action.' },
      ])
    }
  })

  it('answers what is possible before the first build', async () => {
    const id = await create()
    expect((await f.call('POST', `/v2/apps/${id}/scale/`, { web: 1 }, ann)).body).toEqual({
      detail: 'No build associated with this release',
    })
    expect((await f.call('POST', `/v2/apps/${id}/run`, { command: 'ls' }, ann)).body).toEqual({
      detail: 'No build associated with this release to run this command',
    })
    expect((await get(`/v2/apps/${id}/pods/`)).body).toEqual({ count: 0, results: [] })
    expect((await get(`/v2/apps/${id}/builds/`)).body).toMatchObject({ count: 0 })
    const changed = await config(id, { A: '1' })
    expect([changed.status, (changed.body as Json).values]).toEqual([201, { A: '1' }])
    expect((await releases(id)).map((one) => one.version)).toEqual([2, 1])
  })

  it('deploys an image, scales it, lists and restarts its pods', async () => {
    const id = await create()
    const built = await pull(id)
    expect([built.status, built.body]).toMatchObject([
      201,
      { image: 'acme/api:1', sha: '', procfile: {}, dockerfile: '', app: id, owner: 'ann' },
    ])
    expect((await get(`/v2/apps/${id}`)).body).toMatchObject({ structure: { cmd: 1 } })
    const scaled = await f.call('POST', `/v2/apps/${id}/scale/`, { cmd: '3' }, ann)
    expect([scaled.status, scaled.text]).toEqual([204, ''])
    const pods = (await get(`/v2/apps/${id}/pods/?limit=1`)).body as { count: number; results: Json[] }
    expect(pods.count).toBe(3)
    expect(pods.results).toHaveLength(3)
    expect(pods.results[0]).toEqual({
      name: expect.stringMatching(new RegExp(`^${id}-cmd-[0-9]{8,10}-[a-z0-9]{5}$`)),
      type: 'cmd',
      state: 'up',
      release: 'v2',
      started: expect.any(String),
    })
    const name = String(pods.results[0]?.name)
    expect((await get(`/v2/apps/${id}/pods/whatever/${name}/`)).body).toMatchObject({ count: 1 })
    const restarted = await f.call('POST', `/v2/apps/${id}/pods/wrongtype/${name}/restart/`, '', ann)
    expect(restarted.status).toBe(200)
    expect(restarted.body).toHaveLength(1)
    expect((restarted.body as Json[])[0]?.name).not.toBe(name)
    expect((await f.call('POST', `/v2/apps/${id}/pods/nosuch/restart/`, '', ann)).body).toEqual([])
    expect((await f.call('POST', `/v2/apps/${id}/pods/restart`, '', ann)).body).toHaveLength(3)
  })

  it.each([
    [{ cmd: 'not_an_int' }, 400, "Invalid scaling format: invalid literal for int() with base 10: 'not_an_int'"],
    [{ cmd: -1 }, 400, "Invalid scaling format: ['Must be greater than or equal to zero']"],
    [{ nosuch: 1 }, 404, 'Container type nosuch does not exist in application. Its process types: cmd.'],
    [{ cmd: null }, 400, "Invalid scaling format: invalid literal for int() with base 10: 'null'"],
  ])('refuses to scale by %j', async (body, status, detail) => {
    const id = await create()
    await pull(id)
    const answer = await f.call('POST', `/v2/apps/${id}/scale/`, body, ann)
    expect([answer.status, answer.body]).toEqual([status, { detail }])
    expect((await get(`/v2/apps/${id}`)).body).toMatchObject({ structure: { cmd: 1 } })
  })

  it('sets, merges and unsets config', async () => {
    const id = await create()
    await pull(id)
    expect((await config(id, { PORT: 5000, TRUE: true, GREETING: 'grüß dich ☃' })).body).toMatchObject({
      values: { GREETING: 'grüß dich ☃', PORT: '5000', TRUE: 'True' },
    })
    expect((await config(id, JSON.stringify({ B: '2' }))).body).toMatchObject({ values: { PORT: '5000', B: '2' } })
    expect(f.memory.applied(id)?.env).toMatchObject({
      B: '2',
      DEIS_APP: id,
      WORKFLOW_RELEASE: 'v4',
      WORKFLOW_RELEASE_SUMMARY: 'ann added B',
    })
    expect((await config(id, { B: null })).body).toMatchObject({ values: expect.not.objectContaining({ B: '2' }) })
    expect([(await config(id, { B: null })).status, (await config(id, { B: null })).body]).toEqual([
      422,
      { detail: 'B does not exist under values' },
    ])
    expect((await config(id, { PORT: '5000' })).body).toEqual({ detail: 'ann changed nothing - release stopped' })
    expect((await releases(id)).map((one) => one.summary)).toEqual([
      'ann deleted B',
      'ann added B',
      'ann added GREETING, PORT, TRUE',
      'ann deployed acme/api:1',
      'ann created initial release',
    ])
  })

  it('keeps values and registry passwords encrypted', async () => {
    const id = await create()
    await config(id, { SECRET: 'hunter2-in-clear', PORT: '80' })
    await f.call('POST', `/v2/apps/${id}/config/`, { registry: { username: 'bob', password: 'registry-pass' } }, ann)
    const stored = JSON.stringify(await f.core.db.config.findMany())
    expect(stored).not.toContain('hunter2-in-clear')
    expect(stored).not.toContain('registry-pass')
  })

  it.each([
    [
      { values: { 'bad key': '1' } },
      { values: ['Config keys must start with a letter or underscore and only contain [A-z0-9_]'] },
    ],
    [
      { values: { '1A': '1' } },
      { values: ['Config keys must start with a letter or underscore and only contain [A-z0-9_]'] },
    ],
    [{ values: { PORT: 'dog' } }, { values: ['PORT can only be a numeric value'] }],
    [{ values: { PORT: 99_999 } }, { values: ['PORT needs to be between 1 and 65535'] }],
    [
      { values: '{"A":"x\\u0000y"}' },
      { values: ['A contains a NUL character, which an environment variable cannot hold'] },
    ],
    [{ values: [] }, { values: ['Expected a dictionary of items but got type "list".'] }],
    [{ values: null }, { values: ['This field may not be null.'] }],
    [{ values: '{' }, { values: ['Value must be valid JSON.'] }],
    [
      { memory: { web: '1Z' }, cpu: { web: '1G' } },
      { memory: [expect.stringContaining('Memory limit format')], cpu: [expect.stringContaining('CPU limit format')] },
    ],
    [{ memory: { 'Web-': '1G' } }, { memory: [invalidProcessType] }],
    [{ tags: { 'a/b/c': 'x' } }, { tags: ['Tag key prefixes must be DNS subdomains.'] }],
    [{ tags: { disk: 'no spaces' } }, { tags: ['Tag values must be alphanumeric or "-_.", and 1-63 characters.'] }],
    [
      { healthcheck: { web: { nope: {} } } },
      { healthcheck: ['Healthcheck keys must be either livenessProbe or readinessProbe'] },
    ],
    [
      { healthcheck: { web: { livenessProbe: { httpGet: {} } } } },
      { healthcheck: [expect.stringMatching(/^could not validate /)] },
    ],
    [
      { values: { HEALTHCHECK_URL: 'http://x/y' } },
      { values: [expect.stringMatching(/^HEALTHCHECK_URL can only be a URI path/)] },
    ],
  ])('refuses the config %j and changes nothing', async (body, fields) => {
    const id = await create()
    const answer = await f.call('POST', `/v2/apps/${id}/config/`, body, ann)
    expect([answer.status, answer.body]).toEqual([400, fields])
    expect(await releases(id)).toHaveLength(1)
  })

  it('says which limits have no effect, because no process type has their name', async () => {
    const id = await create()
    const limit = async (memory: Json, more: Json = {}): Promise<unknown> => {
      const answer = await f.call('POST', `/v2/apps/${id}/config/`, { memory, ...more }, ann)
      expect([answer.status, answer.body]).toEqual([201, expect.objectContaining({ app: id })])
      return answer.headers[warningHeader]
    }
    // Before the first deploy the types are not known.
    expect(await limit({ web: '512M' })).toBeUndefined()
    await pull(id)
    expect(await limit({ cmd: '512M', run: '1G' })).toBeUndefined()
    expect(await limit({ web: '1G' })).toBe(
      `"${id}" has no process type "web", so its limits have no effect yet. Its process types: cmd.`,
    )
    expect(await limit({ web: null }, { cpu: { worker: '500m', web: '500m' } })).toBe(
      `"${id}" has no process types "worker", "web", so their limits have no effect yet. Its process types: cmd.`,
    )
    expect(await limit({ cmd: '256M' })).toBeUndefined()
  })

  it.each(['1G/2G', '0/100MB', '64m', '20kb/1g', '10B'])('takes the memory limit %s', async (limit) => {
    const id = await create()
    expect((await f.call('POST', `/v2/apps/${id}/config/`, { memory: { web: limit } }, ann)).body).toMatchObject({
      memory: { web: limit },
    })
  })
  it.each(['500m/600m', '.123', '0', '1', '2.5'])('takes the CPU limit %s', async (limit) => {
    const id = await create()
    expect((await f.call('POST', `/v2/apps/${id}/config/`, { cpu: { web: limit } }, ann)).status).toBe(201)
  })

  it.each([
    [{ worker__test: 'x' }, invalidProcessType],
    [{ 'w.orker': 'x' }, invalidProcessType],
    [{ '-': 'x' }, invalidProcessType],
    [{ 'worker-': 'x' }, invalidProcessType],
    [{ Worker: 'x', worker: 'y' }, alikeMessage(['Worker', 'worker'])],
    [{ web: '' }, "Command can't be empty for process type"],
    [{ web: 5 }, "Command can't be empty for process type"],
  ])('refuses the Procfile %j', async (procfile, message) => {
    const id = await create()
    expect([(await pull(id, procfile)).status, (await pull(id, procfile)).body]).toEqual([400, { procfile: [message] }])
  })

  it('a failed deploy is kept as failed, changes no scale, and the last good release goes on', async () => {
    const id = await create()
    await pull(id, { web: 'serve', worker: 'work' })
    await f.call('POST', `/v2/apps/${id}/scale/`, { web: 2, worker: 1 }, ann)
    const before = (await get(`/v2/apps/${id}/pods/`)).body
    const failed = await pull(id, { web: 'crash' }, 'acme/api:2')
    expect(failed.status).toBe(400)
    const { detail } = failed.body as { detail: string }
    expect(detail).toMatch(
      /^\(app::deploy\): There was a problem deploying v3\. Rolling back process types to release v2\.\n/,
    )
    expect(detail).toContain('boom')
    expect((await get(`/v2/apps/${id}`)).body).toMatchObject({ structure: { web: 2, worker: 1 } })
    expect((await get(`/v2/apps/${id}/pods/`)).body).toEqual(before)
    const [release] = await releases(id)
    expect(release).toMatchObject({
      version: 3,
      failed: true,
      summary: expect.stringMatching(/^ann deployed [0-9a-f]{7} which failed$/),
      exception: expect.stringMatching(/^error: /),
    })
    const { results } = (await get(`/v2/apps/${id}/builds/`)).body as { results: { uuid: string }[] }
    const [build, earlier] = results
    expect(build).toMatchObject({ status: 'succeeded', release: { version: 3, state: 'failed' } })
    expect(earlier).toMatchObject({ release: { version: 2, state: 'deployed' } })
    const path = `/v2/apps/${id}/builds/${build?.uuid}/`
    expect((await get(path)).body).toMatchObject({ release: { exception: expect.stringContaining('boom') as string } })
    expect((await config(id, { A: '1' })).status).toBe(201)
    expect((await releases(id))[0]).toMatchObject({ version: 4, failed: false, summary: 'ann added A' })
    expect(f.memory.applied(id)).toMatchObject({
      release: 4,
      artifact: { reference: expect.stringMatching(/^registry\.test\/acme\/api@sha256:[0-9a-f]{64}$/) },
    })
    expect((await f.call('POST', `/v2/apps/${id}/releases/rollback/`, { version: 3 }, ann)).body).toEqual({
      detail: 'Cannot roll back to failed release.',
    })
  })

  it('a failed first deploy leaves nothing running', async () => {
    const id = await create()
    const failed = await pull(id, { web: 'never-ready' })
    expect([failed.status, (failed.body as Json).detail]).toEqual([400, expect.stringMatching(/^\(app::deploy\): /)])
    expect(await f.core.scheduler.observe(id)).toEqual([])
    expect((await get(`/v2/apps/${id}`)).body).toMatchObject({ structure: {} })
    expect((await pull(id, { web: 'serve' })).status).toBe(201)
    expect((await get(`/v2/apps/${id}/pods/`)).body).toMatchObject({ count: 1 })
  })

  it('rolls back to the release before, or to the one named', async () => {
    const id = await create()
    expect((await f.call('POST', `/v2/apps/${id}/releases/rollback/`, '', ann)).body).toEqual({
      detail: 'version cannot be below 0',
    })
    await config(id, { A: '1' })
    await pull(id)
    await config(id, { A: '2' })
    expect((await f.call('POST', `/v2/apps/${id}/releases/rollback/`, '', ann)).body).toEqual({ version: 5 })
    expect((await get(`/v2/apps/${id}/config/`)).body).toMatchObject({ values: { A: '1' } })
    expect((await releases(id))[0]).toMatchObject({ version: 5, summary: 'ann rolled back to v3' })
    expect((await f.call('POST', `/v2/apps/${id}/releases/rollback/`, { version: 4 }, ann)).body).toEqual({
      version: 6,
    })
    for (const [version, detail] of [
      [1, 'Cannot roll back to initial release.'],
      [2, 'No build associated with this release'],
      [99, 'Release matching query does not exist.'],
      ['x', "invalid literal for int() with base 10: 'x'"],
    ] as const)
      expect((await f.call('POST', `/v2/apps/${id}/releases/rollback/`, { version }, ann)).body).toEqual({ detail })
    expect((await get(`/v2/apps/${id}/releases/v5/`)).body).toMatchObject({ version: 5 })
    expect((await get(`/v2/apps/${id}/releases/v77/`)).text).toBe('"No Release matches the given query."')
  })

  it('removes types that a new Procfile no longer has', async () => {
    const id = await create()
    await pull(id, { web: 'serve', worker: 'work' })
    await f.call('POST', `/v2/apps/${id}/scale/`, { worker: 2 }, ann)
    await pull(id, { web: 'serve' }, 'acme/api:2')
    expect((await get(`/v2/apps/${id}`)).body).toMatchObject({ structure: { web: 1, worker: 0 } })
    expect((await get(`/v2/apps/${id}/pods/`)).body).toMatchObject({ count: 1 })
  })

  it('numbers fifty parallel changes without gap, double or loss', async () => {
    const id = await create()
    await pull(id)
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => config(id, { [`K${n}`]: String(n) })))
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 50 }, () => 201))
    const { values } = (await get(`/v2/apps/${id}/config/`)).body as { values: Json }
    expect(Object.keys(values)).toHaveLength(50)
    expect((await releases(id)).map((one) => one.version)).toEqual(Array.from({ length: 52 }, (_, n) => 52 - n))
  })

  it('runs a command and gives its exit code', async () => {
    const id = await create()
    await pull(id)
    expect((await f.call('POST', `/v2/apps/${id}/run`, { command: 'echo hi' }, ann)).body).toEqual({
      exit_code: 0,
      output: expect.stringContaining('hi'),
    })
    expect((await f.call('POST', `/v2/apps/${id}/run`, { command: 'exit 3' }, ann)).body).toMatchObject({
      exit_code: 3,
    })
    expect((await f.call('POST', `/v2/apps/${id}/run`, {}, ann)).body).toEqual({
      detail: 'command is a required field',
    })
    expect((await f.call('POST', `/v2/apps/${id}/run`, { command: 5 }, ann)).status).toBe(400)
  })

  it('shows app and controller lines together', async () => {
    const id = await create()
    await pull(id, { web: 'echo hello from web' })
    const { text, headers } = await get(`/v2/apps/${id}/logs`)
    expect(headers['content-type']).toMatch(/^text\/plain/)
    expect(text).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 deis\[controller\]: INFO ann created initial release$/m,
    )
    expect(text).toMatch(/^\S+ app\[web\.v2\.[a-z0-9]{5}\]: hello from web$/m)
    expect((await get(`/v2/apps/${id}/logs?log_lines=1`)).text.trimEnd().split('\n')).toHaveLength(1)
  })

  it('transfers an app with its rows', async () => {
    const id = await create()
    await config(id, { A: '1' })
    expect((await f.call('POST', `/v2/apps/${id}/`, { owner: 'nobody' }, ann)).text).toBe(
      '"No User matches the given query."',
    )
    const done = await f.call('POST', `/v2/apps/${id}/`, { owner: 'bob' }, ann)
    expect([done.status, done.text]).toEqual([200, ''])
    expect((await get(`/v2/apps/${id}`)).status).toBe(403)
    expect((await get(`/v2/apps/${id}/config/`, bob)).body).toMatchObject({ owner: 'bob', values: { A: '1' } })
  })

  it('destroys an app once, however many ask at the same time', async () => {
    const id = await create()
    const answers = await Promise.all([1, 2, 3].map(() => f.call('DELETE', `/v2/apps/${id}/`, undefined, ann)))
    expect(answers.map(({ status }) => status)).toEqual(
      [204, 204, 204].map(() => expect.toSatisfy((code) => code === 204 || code === 404)),
    )
    expect(answers.some(({ status }) => status === 204)).toBe(true)
    expect((await get(`/v2/apps/${id}/`)).status).toBe(404)
  })

  it('destroys everything of an app', async () => {
    const id = await create()
    await pull(id)
    expect((await f.call('DELETE', `/v2/apps/${id}/`, undefined, bob)).status).toBe(403)
    expect((await f.call('DELETE', `/v2/apps/${id}/`, '', ann)).status).toBe(204)
    expect((await get(`/v2/apps/${id}`)).status).toBe(404)
    expect(await f.core.scheduler.observe(id)).toEqual([])
    expect(await f.core.db.config.count({ where: { app: { id } } })).toBe(0)
    expect((await f.call('POST', '/v2/apps/', { id }, bob)).status).toBe(201)
  })

  it('routes ready pods of the routable type, and no others', async () => {
    const id = await create()
    const seen: unknown[] = []
    let epoch = ''
    // It stays until the end: changes wait a while for a router that has gone, and for one that does not report.
    f.core.routes.subscribe('test-router', (event) => {
      if (event.type === 'snapshot') epoch = event.epoch
      f.core.routes.report({ router: 'test-router', port: 80, epoch, seq: event.seq, busy: [] })
      seen.push(event)
    })
    await pull(id, { web: 'serve', worker: 'work' })
    await f.call('POST', `/v2/apps/${id}/scale/`, { web: 2, worker: 2 }, ann)
    expect(seen.at(-1)).toMatchObject({
      type: 'app',
      app: { app: id, hosts: [id], upstreams: [expect.any(String), expect.any(String)] },
    })
  })

  it.each([
    ['PUT', '/v2/apps/'],
    ['PATCH', '/v2/apps/app-1/config/'],
    ['DELETE', '/v2/apps/app-1/releases/'],
    ['GET', '/v2/apps/app-1/pods/restart/'],
  ])('%s %s is not allowed', async (method, path) => {
    const answer = await f.call(method, path, undefined, ann)
    expect([answer.status, answer.body]).toEqual([405, { detail: `Method "${method}" not allowed.` }])
    expect(answer.headers.allow).toMatch(/^[A-Z, ]+$/)
    expect((await f.call(method, path)).status).toBe(401)
  })

  it.each([
    ['application/json', '{', 400],
    ['application/json', 'null', 400],
    ['application/json', '"text"', 400],
    ['text/plain', 'id=x', 415],
    ['application/x-www-form-urlencoded', 'id=x', 415],
    ['application/json\t;x', '{"id":"UPPER"}', 400],
    [' Application/JSON; charset=utf-8', '{"id":"UPPER"}', 400],
  ])('a %j body %j is refused with %i', async (type, payload, status) => {
    const answer = await f.server.inject({
      method: 'POST',
      url: '/v2/apps/',
      headers: { authorization: `token ${ann}`, 'content-type': type },
      payload,
    })
    expect(answer.statusCode).toBe(status)
  })

  it('is healthy', async () => {
    for (const path of ['/healthz', '/readiness']) {
      const answer = await f.call('GET', path)
      expect([answer.status, answer.text, answer.headers['deis_api_version']]).toEqual([200, 'OK', '2.3'])
    }
  })

  it('tells a signed-in client where things are', async () => {
    expect((await get('/v2/')).body).toEqual({
      git: 'ssh://git@localhost:2222',
      git_host_keys: ['ssh-ed25519 AAAA'],
      domain: 'localhost',
      scheduler: 'memory',
      router_port: 8080,
    })
    expect((await get('/v2/doctor/')).body).toMatchObject({
      scheduler: 'memory',
      checks: expect.arrayContaining([expect.objectContaining({ name: 'disk' })]),
    })
  })
})

describe('a backend that cannot do something', () => {
  it('refuses what it would not enforce, and still lets it be removed', async () => {
    const f = await openFixture({ capabilities: { memoryLimits: false, images: false, tags: false } })
    try {
      const ann = await f.user('ann')
      await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
      const limit = await f.call('POST', '/v2/apps/tea/config/', { memory: { web: '1G' } }, ann)
      expect([limit.status, (limit.body as Json).detail]).toEqual([
        400,
        expect.stringContaining('The memory scheduler cannot enforce memory limits'),
      ])
      // Not first that PORT is missing, which would help nobody.
      const account = await f.call('POST', '/v2/apps/tea/config/', { registry: { username: 'bob' } }, ann)
      expect([account.status, (account.body as Json).detail]).toEqual([
        400,
        expect.stringContaining('cannot enforce image registries'),
      ])
      const image = await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/api' }, ann)
      expect([image.status, (image.body as Json).detail]).toEqual([
        400,
        expect.stringContaining('cannot run container images'),
      ])
      expect((await f.call('GET', '/v2/apps/tea/releases/', undefined, ann)).body).toMatchObject({ count: 1 })
    } finally {
      await f.close()
    }
  })
})

describe('a backend with faults', () => {
  it.each([1, 2, 3])('converges all the same (seed %i)', async (seed) => {
    const f = await openFixture({
      env: { DEIS_DEPLOY_TIMEOUT: '5' },
      wrap: (scheduler) => ({
        ...scheduler,
        apply: createFlakyScheduler(scheduler, { seed, rate: 0.5, delayMs: 5 }).apply,
      }),
    })
    try {
      const ann = await f.user('ann')
      await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
      const statuses = [
        (await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/api' }, ann)).status,
        (await f.call('POST', '/v2/apps/tea/config/', { values: { A: '1' } }, ann)).status,
        (await f.call('POST', '/v2/apps/tea/scale/', { cmd: 3 }, ann)).status,
      ]
      expect(statuses).toEqual([201, 201, 204])
      expect((await f.call('GET', '/v2/apps/tea/pods/', undefined, ann)).body).toMatchObject({
        count: 3,
        results: Array.from({ length: 3 }, () => expect.objectContaining({ release: 'v3', state: 'up' })),
      })
    } finally {
      await f.close()
    }
  })
})
