// Do certificates behave as docs/contract/api.md §2.10 says (§8 row 16), and serve what they are attached to?
import type { AppRoute } from '@deis/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bareCert, bareKey, caCert, leafCert, leafKey } from '../domain/edge/certs.testing.ts'
import type { Edge } from '@deis/ports/scheduler'
import { type Fixture, openFixture } from './fixture.ts'

describe('certificates', () => {
  let f: Fixture
  let root: string
  let ann: string
  let bob: string
  let serial = 0
  const exposed = new Map<string, Edge>()
  const table = new Map<string, AppRoute>()
  beforeAll(async () => {
    f = await openFixture({
      wrap: (scheduler) => ({
        ...scheduler,
        setEdge: async (edge, signal) => {
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
      f.core.routes.report({ router: 'test', port: 80, epoch, seq: event.seq, busy: [] })
    })
  })
  afterAll(() => f.close())

  const get = (path: string, token = ann) => f.call('GET', path, undefined, token)
  const post = (path: string, body: unknown, token = ann) => f.call('POST', path, body, token)
  const remove = (path: string, token = ann) => f.call('DELETE', path, '', token)
  const add = async (token = ann): Promise<string> => {
    const name = `cert-${++serial}`
    expect((await post('/v2/certs/', { name, certificate: leafCert + caCert, key: leafKey }, token)).status).toBe(201)
    return name
  }
  /** A new app with a domain of its own. */
  const create = async (token = ann): Promise<{ app: string; domain: string }> => {
    const app = `app-${++serial}`
    const domain = `www.${app}.example`
    await post('/v2/apps/', { id: app }, token)
    expect((await post(`/v2/apps/${app}/domains/`, { domain }, token)).status).toBe(201)
    return { app, domain }
  }

  it('say how many routers follow when they are attached and detached', async () => {
    const name = await add()
    const { domain } = await create()
    const attached = await post(`/v2/certs/${name}/domain/`, { domain })
    expect(attached).toMatchObject({ status: 201, headers: { 'deis-routers': '1/1' } })
    const detached = await remove(`/v2/certs/${name}/domain/${domain}`)
    expect(detached).toMatchObject({ status: 204, headers: { 'deis-routers': '1/1' } })
  })

  it('show everything but themselves and their keys', async () => {
    const name = await add()
    const { body, text } = await get(`/v2/certs/${name}`)
    expect(body).toEqual({
      id: expect.any(Number),
      owner: 'ann',
      name,
      common_name: 'acme.example',
      san: ['acme.example', 'www.acme.example'],
      domains: [],
      fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      starts: expect.stringMatching(/Z$/),
      expires: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      issuer: '/C=US/O=Test, Inc/CN=Test CA',
      subject: '/C=US/ST=CA/O=Acme/CN=acme.example',
      created: expect.any(String),
      updated: expect.any(String),
    })
    const list = await get('/v2/certs')
    expect(list.body).toMatchObject({ results: expect.arrayContaining([body]) })
    expect(text + list.text).not.toMatch(/BEGIN|PRIVATE/)
    const { key } = await f.core.db.certificate.findUniqueOrThrow({ where: { name } })
    expect(key).not.toContain('PRIVATE')
  })

  it('may have no name in them', async () => {
    const answer = await post('/v2/certs/', { name: 'bare', certificate: bareCert, key: bareKey })
    expect(answer.body).toMatchObject({ common_name: null, san: [], subject: '/O=No name' })
  })

  it.each([
    [
      {},
      { name: ['This field is required.'], certificate: ['This field is required.'], key: ['This field is required.'] },
    ],
    [
      { name: 'A_b', certificate: leafCert, key: leafKey },
      { name: ['Can only contain a-z (lowercase), 0-9 and hyphens'] },
    ],
    [{ name: '', certificate: leafCert, key: leafKey }, { name: ['This field may not be blank.'] }],
    [
      { name: 'x', certificate: 'x', key: leafKey },
      { certificate: [expect.stringMatching(/^Could not load certificate: /)] },
    ],
    [{ name: 'x', certificate: leafCert, key: 'x' }, { key: [expect.stringMatching(/^Could not load private key: /)] }],
    [{ name: 'x', certificate: leafCert, key: bareKey }, ['Certificate and private key do not match!']],
    [
      { name: 'x', certificate: 5, key: null },
      { certificate: ['Not a valid string.'], key: ['This field may not be null.'] },
    ],
  ])('are refused (%#)', async (body, wanted) => {
    const answer = await post('/v2/certs/', body)
    expect([answer.status, answer.body]).toEqual([400, wanted])
  })

  it('have names that are unique for all users, and are shown to their owner only', async () => {
    const name = await add()
    expect((await post('/v2/certs/', { name, certificate: bareCert, key: bareKey }, bob)).body).toEqual({
      name: ['certificate with this name already exists.'],
    })
    for (const token of [bob, root])
      for (const answer of [
        await get(`/v2/certs/${name}`, token),
        await remove(`/v2/certs/${name}`, token),
        await post(`/v2/certs/${name}/domain/`, { domain: 'x.example' }, token),
        await remove(`/v2/certs/${name}/domain/x.example`, token),
      ])
        expect([answer.status, answer.text]).toEqual([404, '"No Certificate matches the given query."'])
    expect((await get('/v2/certs/', root)).body).toMatchObject({ count: 0 })
  })

  it('are attached once, serve, and are detached', async () => {
    const [name, { app, domain }] = [await add(), await create()]
    const path = `/v2/certs/${name}/domain/`
    const none = await post(path, '')
    expect([none.status, none.body]).toEqual([400, { detail: 'domain is a required field' }])
    expect((await post(path, { domain: 'nope.example' })).text).toBe('"No Domain matches the given query."')
    const attached = await post(path, { domain: domain.toUpperCase() })
    expect([attached.status, attached.text]).toEqual([201, ''])
    const again = await post(path, { domain })
    expect([again.status, again.body]).toEqual([409, { detail: 'Domain already has a certificate attached to it' }])
    expect((await get(`/v2/certs/${name}`)).body).toMatchObject({ domains: [domain] })
    expect(exposed.get(app)?.certificates).toEqual([{ host: domain, name }])
    expect(table.get(app)?.certificates).toEqual([
      { host: domain, certificate: leafCert + caCert, key: expect.stringMatching(/^-----BEGIN PRIVATE KEY-----\n/) },
    ])
    const detached = await remove(`${path}${domain}`)
    expect([detached.status, detached.text]).toEqual([204, ''])
    expect((await remove(`${path}${domain}`)).text).toBe('"No Domain matches the given query."')
    expect(exposed.get(app)?.certificates).toEqual([])
    expect(table.get(app)).not.toHaveProperty('certificates')
    expect((await post(`${path}${domain}`, '')).status).toBe(201)
  })

  it('are not attached to, nor detached from, domains of apps that one may not use (§7 #31)', async () => {
    const [mine, others, { domain }] = [await add(), await add(bob), await create(bob)]
    expect((await post(`/v2/certs/${mine}/domain/`, { domain })).status).toBe(403)
    expect((await post(`/v2/certs/${others}/domain/`, { domain }, bob)).status).toBe(201)
    expect((await remove(`/v2/certs/${mine}/domain/${domain}`)).status).toBe(404)
    expect((await get(`/v2/certs/${others}`, bob)).body).toMatchObject({ domains: [domain] })
  })

  it('are taken from every domain when they go, and go from a domain that goes', async () => {
    const [name, one, two] = [await add(), await create(), await create()]
    for (const { domain } of [one, two]) await post(`/v2/certs/${name}/domain/`, { domain })
    expect((await remove(`/v2/apps/${one.app}/domains/${one.domain}`)).status).toBe(204)
    expect(table.get(one.app)).not.toHaveProperty('certificates')
    expect((await get(`/v2/certs/${name}`)).body).toMatchObject({ domains: [two.domain] })
    expect((await remove(`/v2/certs/${name}`)).status).toBe(204)
    expect([exposed.get(two.app)?.certificates, table.get(two.app)?.certificates]).toEqual([[], undefined])
    expect((await get(`/v2/apps/${two.app}/domains/`)).body).toMatchObject({ count: 2 })
  })

  it('stay when the app they served goes', async () => {
    const [name, { app, domain }] = [await add(), await create()]
    await post(`/v2/certs/${name}/domain/`, { domain })
    expect((await remove(`/v2/apps/${app}/`)).status).toBe(204)
    expect((await get(`/v2/certs/${name}`)).body).toMatchObject({ domains: [] })
  })

  it('keep their owner’s account', async () => {
    const cal = await f.user('cal')
    const name = await add(cal)
    const answer = await remove('/v2/auth/cancel/', cal)
    expect([answer.status, answer.body]).toEqual([
      409,
      { detail: '"cal" still owns certificates. Remove them first with deis certs:remove.' },
    ])
    await remove(`/v2/certs/${name}`, cal)
    expect((await remove('/v2/auth/cancel/', cal)).status).toBe(204)
  })

  it('are not attached where nothing would serve them', async () => {
    const ingress = await openFixture({ env: { DEIS_SCHEDULER: 'kubernetes', DEIS_ROUTING: 'ingress' } })
    try {
      const dan = await ingress.user('dan')
      await ingress.call('POST', '/v2/apps/', { id: 'tea' }, dan)
      await ingress.call('POST', '/v2/certs/', { name: 'c', certificate: leafCert, key: leafKey }, dan)
      const answer = await ingress.call('POST', '/v2/certs/c/domain/', { domain: 'tea' }, dan)
      expect([answer.status, answer.body]).toEqual([400, { detail: expect.stringContaining('Ingress controller') }])
    } finally {
      await ingress.close()
    }
  })
})
