// Do domains, settings, whitelist and TLS behave as docs/contract/api.md §2.8 and §2.9 say, and take effect?
import type { AppRoute } from '@deis/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeployFailure, type Edge } from '@deis/ports/scheduler'
import { type Fixture, openFixture } from './fixture.ts'

type Json = Record<string, unknown>
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)

describe('the edge of an app', () => {
  let f: Fixture
  let root: string
  let ann: string
  let bob: string
  let serial = 0
  const exposed = new Map<string, Edge>()
  /** What a router serves by. */
  const table = new Map<string, AppRoute>()
  /** What the backend says to the next times it is told of an edge. */
  let refusals: string[] = []
  beforeAll(async () => {
    f = await openFixture({
      env: { DEIS_DEPLOY_TIMEOUT: '2', DEIS_PLATFORM_DOMAIN: 'apps.example', RESERVED_NAMES: 'deis,status' },
      wrap: (scheduler) => ({
        ...scheduler,
        setEdge: async (edge, signal) => {
          const refusal = refusals.shift()
          if (refusal !== undefined) throw new Error(refusal)
          exposed.set(edge.app, edge)
          await scheduler.setEdge(edge, signal)
        },
      }),
    })
    root = await f.user('root')
    ann = await f.user('ann')
    bob = await f.user('bob')
    let epoch = ''
    f.core.routes.subscribe('test', (event) => {
      if (event.type === 'snapshot') epoch = event.epoch
      else if (event.type === 'app') table.set(event.app.app, event.app)
      else if (event.type === 'gone') table.delete(event.app)
      f.core.routes.report({ router: 'test', port: 80, epoch, seq: event.seq, busy: [] })
    })
  })
  afterAll(() => f.close())

  const create = async (): Promise<string> => {
    const id = `app-${++serial}`
    expect((await f.call('POST', '/v2/apps/', { id }, ann)).status).toBe(201)
    return id
  }
  const get = (path: string, token = ann) => f.call('GET', path, undefined, token)
  const post = (path: string, body: unknown, token = ann) => f.call('POST', path, body, token)
  const remove = (path: string, body?: unknown, token = ann) => f.call('DELETE', path, body, token)
  const logs = async (id: string): Promise<string> => (await get(`/v2/apps/${id}/logs`)).text
  const routed = (id: string): AppRoute | undefined => table.get(id)

  it('names the release that was deployed last, once there is one', async () => {
    const id = await create()
    expect(routed(id)?.release).toBeUndefined()
    await post(`/v2/apps/${id}/builds/`, { image: 'acme/api', procfile: { web: 'serve' } })
    expect(routed(id)?.release).toBe(2)
    await post(`/v2/apps/${id}/config/`, { values: { A: 'b' } })
    expect(routed(id)?.release).toBe(3)
  })

  describe('domains', () => {
    it('come, are listed by name, take effect and go', async () => {
      const id = await create()
      const added = await post(`/v2/apps/${id}/domains/`, { domain: 'WWW.acme.example.' })
      expect([added.status, added.body]).toEqual([
        201,
        { app: id, owner: 'ann', domain: 'www.acme.example', created: time, updated: time },
      ])
      expect((await post(`/v2/apps/${id}/domains`, { domain: '*.bücher.example' })).body).toMatchObject({
        domain: '*.xn--bcher-kva.example',
      })
      const names = ['*.xn--bcher-kva.example', id, 'www.acme.example']
      expect((await get(`/v2/apps/${id}/domains`)).body).toMatchObject({
        count: 3,
        results: names.map((domain) => expect.objectContaining({ domain })),
      })
      expect(routed(id)?.hosts).toEqual(names)
      expect(exposed.get(id)?.hosts).toEqual([id, 'www.acme.example', '*.xn--bcher-kva.example'])
      for (const path of ['%2A.b%C3%BCcher.example', 'WWW.acme.example'])
        expect((await remove(`/v2/apps/${id}/domains/${path}`)).status).toBe(204)
      expect(routed(id)?.hosts).toEqual([id])
      expect(await logs(id)).toMatch(
        /INFO domain www\.acme\.example added\n[^]*INFO domain www\.acme\.example removed\n/,
      )
    })

    it('are each of one app only, whatever their spelling', async () => {
      const [mine, other] = [await create(), await create()]
      await post(`/v2/apps/${mine}/domains/`, { domain: 'once.example' })
      await post(`/v2/apps/${mine}/domains/`, { domain: 'shop' })
      const refused = async (domain: string): Promise<unknown> => {
        const answer = await post(`/v2/apps/${other}/domains/`, { domain })
        expect(answer.status).toBe(400)
        return answer.body
      }
      expect(await refused('once.example')).toEqual({ domain: ['Domain is already in use by another application'] })
      expect(await refused('ONCE.example.')).toEqual({
        domain: ['The domain once.example is already in use by another app'],
      })
      expect(await refused('shop.apps.example')).toEqual({
        domain: ['The domain shop.apps.example is already in use by another app'],
      })
      expect(await refused(`${mine}.apps.example`)).toEqual({
        domain: [`The domain ${mine}.apps.example is already in use by another app`],
      })
    })

    it('are added once; doing it again says so', async () => {
      const id = await create()
      await post(`/v2/apps/${id}/domains/`, { domain: 'twice.example' })
      for (const [domain, stored] of [
        ['twice.example', 'twice.example'],
        ['Twice.Example.', 'twice.example'],
        [id, id],
        [`${id}.apps.example`, `${id}.apps.example`],
      ]) {
        const again = await post(`/v2/apps/${id}/domains/`, { domain })
        expect([again.status, again.body]).toEqual([
          400,
          { domain: [`The domain "${stored}" already belongs to "${id}".`] },
        ])
      }
    })

    it.each(['mail.apps.example', 'a.b.apps.example', '*.a.apps.example', '*.example', 'MAIL.Apps.example.'])(
      'of the platform, such as %s, are for administrators',
      async (domain) => {
        const id = await create()
        const refused = await post(`/v2/apps/${id}/domains/`, { domain })
        expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('belongs to the platform')])
        expect((await post(`/v2/apps/${id}/domains/`, { domain }, root)).status).toBe(201)
        expect((await remove(`/v2/apps/${id}/domains/${encodeURIComponent(domain)}`)).status).toBe(204)
      },
    )

    it('of one user are not covered by a wildcard of another, and not taken from under it', async () => {
      const mine = await create()
      const theirs = `bobs-${++serial}`
      await post('/v2/apps/', { id: theirs }, bob)
      const add = async (app: string, domain: string, token: string): Promise<[number, string]> => {
        const { status, text } = await post(`/v2/apps/${app}/domains/`, { domain }, token)
        return [status, text]
      }
      expect(await add(mine, 'www.deep.garden.test', ann)).toEqual([201, expect.any(String)])
      for (const wide of ['*.garden.test', '*.deep.garden.test'])
        expect(await add(theirs, wide, bob)).toEqual([400, expect.stringContaining('would cover a domain')])
      expect(await add(theirs, '*.free', bob)).toEqual([400, expect.stringContaining('covers domains of other owners')])
      expect(await add(theirs, '*.lake.test', bob)).toEqual([201, expect.any(String)])
      for (const under of ['www.lake.test', 'a.b.lake.test', '*.b.lake.test'])
        expect(await add(mine, under, ann)).toEqual([400, expect.stringContaining('is under \\"*.lake.test')])
      expect(await add(theirs, 'www.lake.test', bob)).toEqual([201, expect.any(String)])
      expect(await add(mine, 'lake.test', ann)).toEqual([201, expect.any(String)])
    })

    it('that overlap are not both taken when they are asked for at once', async () => {
      const mine = await create()
      const theirs = `bobs-${++serial}`
      await post('/v2/apps/', { id: theirs }, bob)
      for (let round = 0; round < 10; round++) {
        const answers = await Promise.all([
          post(`/v2/apps/${mine}/domains/`, { domain: `www.race${round}.test` }),
          post(`/v2/apps/${theirs}/domains/`, { domain: `*.race${round}.test` }, bob),
        ])
        expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 400])
      }
    })

    it('are a bounded number', async () => {
      const id = await create()
      const now = new Date()
      const { uuid } = await f.core.db.app.findUniqueOrThrow({ where: { id } })
      await f.core.db.domain.createMany({
        data: Array.from({ length: 199 }, (_, index) => ({
          domain: `${index}.many.test`,
          appUuid: uuid,
          owner: 'ann',
          createdAt: now,
          updatedAt: now,
        })),
      })
      const answer = await post(`/v2/apps/${id}/domains/`, { domain: 'one.more.test' })
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('has 200 domains, the maximum')])
    })

    it('are in the log of a new app, with its config and settings', async () => {
      const id = await create()
      const { text } = await get(`/v2/apps/${id}/logs`)
      expect(text).toMatch(
        new RegExp(
          `INFO ann created initial release\\n.*INFO config ${id}-[0-9a-f]{7} updated\\n.*INFO appsettings ${id}-[0-9a-f]{7} updated\\n.*INFO domain ${id} added\\n`,
        ),
      )
    })

    it('keep apps from taking a name that leads elsewhere', async () => {
      const id = await create()
      expect((await post(`/v2/apps/${id}/domains/`, { domain: 'claimed.apps.example' }, root)).status).toBe(201)
      expect((await post(`/v2/apps/${id}/domains/`, { domain: 'labelled' })).status).toBe(201)
      for (const name of ['claimed', 'labelled'])
        for (const token of [ann, bob])
          expect((await post('/v2/apps/', { id: name }, token)).body).toEqual({
            id: [`${name} is already a domain of another app`],
          })
    })

    it('without a dot are in one space with the names of apps, which stay their owners’', async () => {
      const [mine, another] = [await create(), await create()]
      const theirs = `bobs-${++serial}`
      await post('/v2/apps/', { id: theirs }, bob)
      // Not reached by its own name any more, it keeps it.
      expect((await remove(`/v2/apps/${mine}/domains/${mine}`)).status).toBe(204)
      const add = (app: string, domain: string, token: string) => post(`/v2/apps/${app}/domains/`, { domain }, token)
      for (const [domain, token] of [
        [mine, bob],
        [mine.toUpperCase(), bob],
        [`${mine}.apps.example`, bob],
        [mine, root],
      ] as const) {
        const { status, text } = await add(theirs, domain, token)
        expect([status, text]).toEqual([400, expect.stringContaining('is reserved for the app of that name')])
      }
      expect((await add(another, mine, ann)).status).toBe(201)
      expect(routed(another)).toMatchObject({ hosts: [another, mine].toSorted() })
      expect((await remove(`/v2/apps/${another}/domains/${mine}`)).status).toBe(204)
      expect((await add(mine, mine, ann)).status).toBe(201)
      expect(routed(mine)).toMatchObject({ hosts: [mine] })
    })

    it('stay one owner’s when an app is transferred', async () => {
      const [mine, another] = [await create(), await create()]
      expect((await remove(`/v2/apps/${mine}/domains/${mine}`)).status).toBe(204)
      expect((await post(`/v2/apps/${another}/domains/`, { domain: mine })).status).toBe(201)
      const hand = (id: string) => post(`/v2/apps/${id}/`, { owner: 'bob' })
      // The app whose name leads to another app of ann's, and the app that has the name of one of hers.
      for (const [id, why] of [
        [mine, `"${mine}" is a domain of "${another}", which belongs to another user`],
        [another, `the domain "${mine}" is reserved for the app of that name`],
      ] as const) {
        const { status, text } = await hand(id)
        expect([status, (JSON.parse(text) as { detail: string }).detail]).toEqual([409, expect.stringContaining(why)])
      }
      await remove(`/v2/apps/${another}/domains/${mine}`)
      await post(`/v2/apps/${another}/domains/`, { domain: `*.${another}.example.com` })
      await post(`/v2/apps/${mine}/domains/`, { domain: `www.${another}.example.com` })
      expect(await hand(mine)).toMatchObject({ status: 409, text: expect.stringContaining('is under \\"*.') })
      expect(await hand(another)).toMatchObject({ status: 409, text: expect.stringContaining('would cover') })
      await remove(`/v2/apps/${mine}/domains/www.${another}.example.com`)
      expect((await hand(mine)).status).toBe(200)
      expect((await hand(another)).status).toBe(200)
    })

    it('without a dot and apps of that name are not both made at once', async () => {
      const theirs = `bobs-${++serial}`
      await post('/v2/apps/', { id: theirs }, bob)
      for (let round = 0; round < 10; round++) {
        const answers = await Promise.all([
          post('/v2/apps/', { id: `label${round}` }),
          post(`/v2/apps/${theirs}/domains/`, { domain: `label${round}` }, bob),
        ])
        expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 400])
      }
    })

    it.each([
      ['status', 'status is a reserved name.'],
      ['deis.apps.example', 'deis.apps.example is a reserved name.'],
      ['apps.example', '"apps.example" belongs to the platform, where every app has a name of its own.'],
      ['*.apps.example', '"*.apps.example" belongs to the platform, where every app has a name of its own.'],
      ['this-is-an.invalid.1', 'Hostname does not look valid.'],
      ['', 'This field may not be blank.'],
      [' ', 'This field may not be blank.'],
      [null, 'This field may not be null.'],
      [5, 'Not a valid string.'],
      [undefined, 'This field is required.'],
    ])('%j is refused', async (domain, message) => {
      const id = await create()
      const answer = await post(`/v2/apps/${id}/domains/`, { domain })
      expect([answer.status, answer.body]).toEqual([400, { domain: [message] }])
    })

    it('that are not the app’s are not found', async () => {
      const [mine, other] = [await create(), await create()]
      for (const path of ['nope.example', other, 'a%20b', '%2A', 'a'.repeat(300)])
        expect((await remove(`/v2/apps/${mine}/domains/${path}`)).text).toBe('"No Domain matches the given query."')
    })

    it('that the backend does not take are not stored, and not forgotten', async () => {
      const id = await create()
      refusals = ['no route']
      const added = await post(`/v2/apps/${id}/domains/`, { domain: 'x.example' })
      expect([added.status, added.body]).toEqual([
        503,
        { detail: `The routing of "${id}" could not be changed: no route` },
      ])
      refusals = ['no route', 'still none']
      expect((await remove(`/v2/apps/${id}/domains/${id}`)).status).toBe(503)
      expect((await get(`/v2/apps/${id}/domains/`)).body).toMatchObject({ count: 1, results: [{ domain: id }] })
      expect(routed(id)?.hosts).toEqual([id])
    })
  })

  describe('settings', () => {
    it('are these at first (D9), and are merged (§8 row 14)', async () => {
      const id = await create()
      const path = `/v2/apps/${id}/settings/`
      const first = {
        maintenance: false,
        routable: true,
        whitelist: [],
        autoscale: {},
        label: {},
        builder: null,
        buildpacks: [],
      }
      expect((await get(path)).body).toEqual({
        uuid: expect.any(String),
        app: id,
        owner: 'ann',
        created: time,
        updated: time,
        ...first,
      })
      const on = await post(path, { maintenance: true })
      expect([on.status, on.body]).toMatchObject([201, { ...first, maintenance: true }])
      expect([routed(id)?.maintenance, exposed.get(id)?.maintenance]).toEqual([true, true])
      const again = await post(path, { maintenance: 'true' })
      expect([again.status, again.body]).toEqual([409, { detail: 'ann changed nothing' }])
      for (const nothing of [{}, '', { maintenance: null }, { label: {} }])
        expect((await post(path, nothing)).status).toBe(409)
      expect((await post(path, { maintenance: 'test' })).body).toEqual({
        maintenance: ['"test" is not a valid boolean.'],
      })
      const web = { min: 1, max: 4, cpu_percent: 70 }
      for (const change of [{ routable: false }, { whitelist: ['::1'] }, { autoscale: { web } }, { label: { a: 1 } }])
        expect((await post(path, change)).status).toBe(201)
      expect((await get(path)).body).toMatchObject({
        maintenance: true,
        routable: false,
        whitelist: ['::1'],
        autoscale: { web },
        label: { a: 1 },
      })
      expect((await post(path, { label: { team: 'core', a: null } })).body).toMatchObject({ label: { team: 'core' } })
      for (const map of ['autoscale', 'label']) {
        const unset = await post(path, { [map]: { nope: null } })
        expect([unset.status, unset.body]).toEqual([422, { detail: `nope does not exist under ${map}` }])
      }
      expect((await get(`/v2/apps/${id}/releases/`)).body).toMatchObject({ count: 1 })
      expect(await logs(id)).toMatch(/INFO appsettings app-\d+-[0-9a-f]{7} updated\n/)
    })

    it.each([
      [{ whitelist: 'x' }, { whitelist: ['Expected a list of items but got type "str".'] }],
      [{ whitelist: [5] }, { whitelist: ['Not a valid string.'] }],
      [{ whitelist: ['1'.repeat(51)] }, { whitelist: ['Ensure this field has no more than 50 characters.'] }],
      [{ whitelist: ['nope'] }, { whitelist: ['The address nope is not valid'] }],
      [{ autoscale: [] }, { autoscale: ['Expected a dictionary of items but got type "list".'] }],
      [{ label: null }, { label: ['This field may not be null.'] }],
      [{ autoscale: { web: { min: 0, max: 1, cpu_percent: 1 } } }, { detail: 'min replicas needs to be 1 or higher' }],
    ])('%j is refused', async (body, wanted) => {
      const id = await create()
      const answer = await post(`/v2/apps/${id}/settings/`, body)
      expect([answer.status, answer.body]).toEqual([400, wanted])
    })

    it('shape what runs: autoscale and routable', async () => {
      const id = await create()
      await post(`/v2/apps/${id}/builds/`, { image: 'acme/api', procfile: { web: 'serve' } })
      const web = { min: 2, max: 4, cpu_percent: 70 }
      await post(`/v2/apps/${id}/settings/`, { autoscale: { web } })
      expect(f.memory.applied(id)?.processes.web?.autoscale).toEqual({ min: 2, max: 4, cpuPercent: 70 })
      await post(`/v2/apps/${id}/settings/`, { autoscale: { web: null } })
      expect(f.memory.applied(id)?.processes.web).not.toHaveProperty('autoscale')
      await post(`/v2/apps/${id}/settings/`, { routable: false })
      expect([f.memory.applied(id)?.routable, routed(id)]).toEqual([null, undefined])
      await post(`/v2/apps/${id}/settings/`, { routable: true })
      expect([f.memory.applied(id)?.routable, routed(id)?.upstreams.length]).toEqual(['web', 1])
    })

    it('that cannot be applied are taken back', async () => {
      const id = await create()
      await post(`/v2/apps/${id}/builds/`, { image: 'acme/api', procfile: { web: 'serve' } })
      refusals = ['the backend is away']
      expect((await post(`/v2/apps/${id}/settings/`, { routable: false })).status).toBe(503)
      expect((await get(`/v2/apps/${id}/settings/`)).body).toMatchObject({ routable: true })
      expect(f.memory.applied(id)?.routable).toBe('web')
    })

    it('lose nothing when many change at once', async () => {
      const id = await create()
      const keys = Array.from({ length: 12 }, (_, index) => `k${index}`)
      const answers = await Promise.all(keys.map((key) => post(`/v2/apps/${id}/settings/`, { label: { [key]: 1 } })))
      expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 201))
      const { label } = (await get(`/v2/apps/${id}/settings/`)).body as { label: Json }
      expect(Object.keys(label).toSorted()).toEqual(keys.toSorted())
    })
  })

  describe('the whitelist', () => {
    it('grows, shrinks and takes effect (§8 row 15)', async () => {
      const id = await create()
      const path = `/v2/apps/${id}/whitelist/`
      expect((await get(path)).body).toEqual({ addresses: [] })
      const added = await post(path, { addresses: ['10.0.0.0/8', '2001:db8::1', '10.0.0.0/8'] })
      expect([added.status, added.body]).toEqual([201, { addresses: ['10.0.0.0/8', '2001:db8::1'] }])
      expect((await post(path, { addresses: ['10.0.0.0/8'] })).status).toBe(409)
      expect(routed(id)?.whitelist).toEqual(['10.0.0.0/8', '2001:db8::1'])
      expect(exposed.get(id)?.whitelist).toEqual(['10.0.0.0/8', '2001:db8::1'])
      const absent = await remove(path, { addresses: ['1.2.3.4', '10.0.0.0/8', '::9'] })
      expect([absent.status, absent.body]).toEqual([
        422,
        { detail: "addresses {'1.2.3.4', '::9'} does not exist in whitelist" },
      ])
      const gone = await remove(path, { addresses: ['10.0.0.0/8'] })
      expect([gone.status, gone.text]).toEqual([204, ''])
      expect((await get(path)).body).toEqual({ addresses: ['2001:db8::1'] })
      await remove(path, { addresses: ['2001:db8::1'] })
      expect(routed(id)).not.toHaveProperty('whitelist')
    })

    it.each(['POST', 'DELETE'])(
      '%s refuses an invalid address with a bare list, and a body without addresses',
      async (method) => {
        const id = await create()
        const path = `/v2/apps/${id}/whitelist/`
        const bad = await f.call(method, path, { addresses: ['nope'] }, ann)
        expect([bad.status, bad.body]).toEqual([400, ['The address nope is not valid']])
        expect((await f.call(method, path, '', ann)).body).toEqual({ addresses: ['This field is required.'] })
        expect((await f.call(method, path, { addresses: 'x' }, ann)).body).toEqual({
          addresses: ['Expected a list of items but got type "str".'],
        })
      },
    )
  })

  describe('TLS', () => {
    it('is not set at first, then enforced, then not (§8 row 15)', async () => {
      const id = await create()
      const path = `/v2/apps/${id}/tls/`
      const shape = { uuid: expect.any(String), app: id, owner: 'ann', created: time, updated: time }
      expect((await get(path)).body).toEqual({ ...shape, https_enforced: null, hsts: null })
      const on = await post(path, { https_enforced: true })
      expect([on.status, on.body]).toEqual([201, { ...shape, https_enforced: true, hsts: null }])
      expect([routed(id)?.enforceTls, exposed.get(id)?.enforceTls]).toEqual([true, true])
      const again = await post(path, { https_enforced: true })
      expect([again.status, again.body]).toEqual([409, { detail: 'ann changed nothing' }])
      expect((await post(path, { https_enforced: 'x' })).body).toEqual({
        https_enforced: ['"x" is not a valid boolean.'],
      })
      expect((await post(path, '')).body).toEqual({ https_enforced: ['This field is required.'] })
      expect((await post(path, { https_enforced: false })).status).toBe(201)
      expect([routed(id)?.enforceTls, exposed.get(id)?.enforceTls]).toEqual([undefined, false])
      expect((await get(path)).body).toMatchObject({ https_enforced: false })
    })

    it('says to browsers what was asked, and keeps what was not', async () => {
      const id = await create()
      const path = `/v2/apps/${id}/tls/`
      const unchanged = [409, { detail: 'ann changed nothing' }]
      const set = async (body: object): Promise<unknown[]> => {
        const answer = await post(path, body)
        const { https_enforced: enforced, hsts } = answer.body as Record<string, unknown>
        return answer.status === 201 ? [enforced, hsts, routed(id)?.hsts] : [answer.status, answer.body]
      }
      expect(await set({ hsts: null })).toEqual(unchanged)
      expect(await set({ hsts: 0 })).toEqual(unchanged)
      expect(await set({ hsts: 300 })).toEqual([null, 300, 300])
      expect(await set({ hsts: 300 })).toEqual(unchanged)
      expect(await set({ https_enforced: true })).toEqual([true, 300, 300])
      expect(await set({ https_enforced: true })).toEqual(unchanged)
      expect(await set({ https_enforced: true, hsts: 300 })).toEqual(unchanged)
      expect(await set({ hsts: 63_072_000 })).toEqual([true, 63_072_000, 63_072_000])
      expect(await set({ https_enforced: false, hsts: 60 })).toEqual([false, 60, 60])
      expect((await get(path)).body).toMatchObject({ https_enforced: false, hsts: 60 })
      expect(await set({ hsts: 0 })).toEqual([false, null, undefined])
      expect(await set({ https_enforced: true, hsts: 60 })).toEqual([true, 60, 60])
      expect(await set({ hsts: null })).toEqual([true, null, undefined])
    })

    it.each([
      [{ hsts: -1 }, { hsts: ['must be >= 0'] }],
      [{ hsts: 63_072_001 }, { hsts: ['must be <= 63072000'] }],
      [{ hsts: 1.5 }, { hsts: ['A valid integer is required.'] }],
      [{ hsts: '60' }, { hsts: ['A valid integer is required.'] }],
      [{ hsts: true, https_enforced: true }, { hsts: ['A valid integer is required.'] }],
      [{ hsts: 60, https_enforced: 'x' }, { https_enforced: ['"x" is not a valid boolean.'] }],
      [{ max_age: 60 }, { https_enforced: ['This field is required.'] }],
    ])('refuses %j and changes nothing', async (body, words) => {
      const id = await create()
      const answer = await post(`/v2/apps/${id}/tls/`, body)
      expect([answer.status, answer.body]).toEqual([400, words])
      expect((await get(`/v2/apps/${id}/tls/`)).body).toMatchObject({ https_enforced: null, hsts: null })
    })

    it('goes with the app to a new owner (D7)', async () => {
      const id = await create()
      await post(`/v2/apps/${id}/tls/`, { https_enforced: true })
      await post(`/v2/apps/${id}/`, { owner: 'bob' })
      for (const noun of ['tls', 'settings'])
        expect((await get(`/v2/apps/${id}/${noun}`, bob)).body).toMatchObject({ owner: 'bob' })
    })
  })

  it('is not changed by a deploy that takes its time, and does not wait for one', async () => {
    const id = await create()
    let changed = false
    const deploy = f.core.queue.run(id, async () => {
      changed = (await post(`/v2/apps/${id}/settings/`, { maintenance: true })).status === 201
    })
    await deploy
    expect(changed).toBe(true)
  })

  it('of an app that is being destroyed changes no more', async () => {
    const id = await create()
    const results = await Promise.all([
      post(`/v2/apps/${id}/domains/`, { domain: 'late.example' }),
      remove(`/v2/apps/${id}/`),
    ])
    expect(results[1].status).toBe(204)
    expect([201, 404, 503]).toContain(results[0].status)
    expect(await f.core.db.domain.count({ where: { domain: 'late.example' } })).toBe(0)
  })
})

describe('a backend that cannot enforce it', () => {
  it('refuses to autoscale, and lets rules be removed', async () => {
    const f = await openFixture({ capabilities: { autoscale: false, noAutoscale: 'install a metrics server' } })
    try {
      const ann = await f.user('ann')
      await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
      const body = { autoscale: { web: { min: 1, max: 2, cpu_percent: 50 } } }
      const answer = await f.call('POST', '/v2/apps/tea/settings/', body, ann)
      expect([answer.status, answer.body]).toEqual([
        400,
        {
          detail:
            'The memory scheduler cannot autoscale (install a metrics server), so nothing was changed. See deis doctor.',
        },
      ])
      expect((await f.call('GET', '/v2/apps/tea/settings/', undefined, ann)).body).toMatchObject({ autoscale: {} })
      expect((await f.call('POST', '/v2/apps/tea/settings/', { autoscale: { web: null } }, ann)).status).toBe(422)
    } finally {
      await f.close()
    }
  })

  it('refuses what an Ingress does not do, and takes the rest', async () => {
    const f = await openFixture({ env: { DEIS_SCHEDULER: 'kubernetes', DEIS_ROUTING: 'ingress' } })
    try {
      const ann = await f.user('ann')
      await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
      const refused = [
        ['settings', { maintenance: true }],
        ['settings', { whitelist: ['::1'] }],
        ['whitelist', { addresses: ['::1'] }],
        ['tls', { https_enforced: true }],
        ['tls', { hsts: 60 }],
      ] as const
      for (const [noun, body] of refused) {
        const answer = await f.call('POST', `/v2/apps/tea/${noun}/`, body, ann)
        expect([noun, answer.status, answer.body]).toEqual([
          noun,
          400,
          { detail: expect.stringContaining("The cluster's own Ingress controller cannot enforce") },
        ])
      }
      expect((await f.call('POST', '/v2/apps/tea/tls/', { https_enforced: false }, ann)).status).toBe(201)
      expect((await f.call('POST', '/v2/apps/tea/domains/', { domain: 'a.example' }, ann)).status).toBe(201)
      expect((await f.call('POST', '/v2/apps/tea/settings/', { routable: false }, ann)).status).toBe(201)
    } finally {
      await f.close()
    }
  })

  it('that fails to apply a setting runs as before, and so is stored', async () => {
    let fails = false
    const f = await openFixture({
      env: { DEIS_DEPLOY_TIMEOUT: '2' },
      wrap: (scheduler) => ({
        ...scheduler,
        apply: (formation, signal, progress) => {
          if (fails && formation.routable === null) throw new DeployFailure('it does not start', ['evidence'], 'hint')
          return scheduler.apply(formation, signal, progress)
        },
      }),
    })
    try {
      const ann = await f.user('ann')
      await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
      await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/api' }, ann)
      fails = true
      const answer = await f.call('POST', '/v2/apps/tea/settings/', { routable: false, label: { a: 1 } }, ann)
      expect([answer.status, answer.body]).toEqual([
        400,
        { detail: '(settings): it does not start\n    evidence\nhint' },
      ])
      expect((await f.call('GET', '/v2/apps/tea/settings/', undefined, ann)).body).toMatchObject({
        routable: true,
        label: expect.not.objectContaining({ a: 1 }),
      })
      expect(f.memory.applied('tea')?.routable).toBe('cmd')
    } finally {
      await f.close()
    }
  })
})
