// Is every change recorded exactly once, in its own transaction, with who, what and from where, and without secrets?
import type { Event, Route } from '@deis/types'
import { PassThrough } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Builder } from '@deis/ports/builder'
import { isChange } from '../domain/events/actions.ts'
import { receivePush } from '../domain/builds/push.ts'
import { deleteOldEvents, eventsPage } from '../domain/events/events.ts'
import { leafCert, leafKey } from '../domain/edge/certs.testing.ts'
import { namedRoutes } from './app.ts'
import { type Answer, type Fixture, openFixture } from './fixture.ts'

const secret = 'a-secret-of-the-tests'
const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB4nSDT4KG4ZVeN9pXyQFfIfSFz7Wg4+AfGK1xVXFmLO ann@example.com'

type Row = readonly [route: string, path: string, body: unknown, expected: Partial<Event>]

/** A success of each route, in an order in which each can succeed. */
const successes: readonly Row[] = [
  ['createApp', '/v2/apps/', { id: 'tea' }, { action: 'apps.create', app: 'tea', target: null }],
  [
    'createBuild',
    '/v2/apps/tea/builds/',
    { image: 'acme/tea:1', procfile: { web: secret } },
    { action: 'builds.create', target: 'acme/tea:1' },
  ],
  ['setConfig', '/v2/apps/tea/config/', { values: { GONE: secret, PORT: 5000 } }, { action: 'config.set' }],
  [
    'setConfig',
    '/v2/apps/tea/config/',
    { values: { KEY: secret, GONE: null, OLD: 'x' }, registry: { username: 'ann', password: secret } },
    {
      action: 'config.set',
      details: { values: { set: ['KEY', 'OLD'], unset: ['GONE'] }, registry: { set: ['username', 'password'] } },
    },
  ],
  [
    'rollback',
    '/v2/apps/tea/releases/rollback/',
    { version: 2 },
    { action: 'releases.rollback', details: { version: 2 } },
  ],
  ['scaleApp', '/v2/apps/tea/scale/', { web: 2 }, { action: 'ps.scale', details: { web: 2 } }],
  ['restartPods', '/v2/apps/tea/pods/restart/', {}, { action: 'ps.restart', target: null }],
  ['restartPodsOfType', '/v2/apps/tea/pods/web/restart/', {}, { action: 'ps.restart', target: 'web' }],
  ['restartPod', '/v2/apps/tea/pods/web/POD/restart/', {}, { action: 'ps.restart', target: 'POD' }],
  ['runCommand', '/v2/apps/tea/run', { command: `echo ${secret}` }, { action: 'ps.run', details: {} }],
  [
    'startOneOff',
    '/v2/apps/tea/run/detached/',
    { command: `echo ${secret}` },
    { action: 'ps.run', details: { detached: true } },
  ],
  ['addDomain', '/v2/apps/tea/domains/', { domain: 'acme.example' }, { action: 'domains.add', target: 'acme.example' }],
  [
    'addCert',
    '/v2/certs/',
    { name: 'leaf', certificate: leafCert, key: leafKey },
    { action: 'certs.add', app: null, target: 'leaf' },
  ],
  [
    'attachCert',
    '/v2/certs/leaf/domain/',
    { domain: 'acme.example' },
    { action: 'certs.attach', target: 'leaf', details: { domain: 'acme.example' } },
  ],
  ['detachCert', '/v2/certs/leaf/domain/acme.example', undefined, { action: 'certs.detach', target: 'leaf' }],
  ['attachCertByPath', '/v2/certs/leaf/domain/acme.example', undefined, { action: 'certs.attach', target: 'leaf' }],
  ['removeCert', '/v2/certs/leaf', undefined, { action: 'certs.remove', target: 'leaf' }],
  [
    'removeDomain',
    '/v2/apps/tea/domains/acme.example',
    undefined,
    { action: 'domains.remove', target: 'acme.example' },
  ],
  [
    'setSettings',
    '/v2/apps/tea/settings/',
    { maintenance: true },
    { action: 'settings.set', details: { fields: ['maintenance'] } },
  ],
  [
    'addToWhitelist',
    '/v2/apps/tea/whitelist/',
    { addresses: ['1.2.3.4'] },
    { action: 'whitelist.add', details: { addresses: ['1.2.3.4'] } },
  ],
  ['removeFromWhitelist', '/v2/apps/tea/whitelist/', { addresses: ['1.2.3.4'] }, { action: 'whitelist.remove' }],
  [
    'setTls',
    '/v2/apps/tea/tls/',
    { https_enforced: true, hsts: 300 },
    { action: 'tls.set', details: { https_enforced: true, hsts: 300 } },
  ],
  ['addKey', '/v2/keys/', { id: 'laptop', public: publicKey }, { action: 'keys.add', target: 'laptop' }],
  ['removeKey', '/v2/keys/laptop', undefined, { action: 'keys.remove', target: 'laptop' }],
  ['addCollaborator', '/v2/apps/tea/perms/', { username: 'bob' }, { action: 'perms.add', target: 'bob', app: 'tea' }],
  ['removeCollaborator', '/v2/apps/tea/perms/bob', undefined, { action: 'perms.remove', target: 'bob' }],
  ['addAdmin', '/v2/admin/perms/', { username: 'bob' }, { action: 'admin.perms.add', target: 'bob', app: null }],
  ['removeAdmin', '/v2/admin/perms/bob', undefined, { action: 'admin.perms.remove', target: 'bob' }],
  [
    'register',
    '/v2/auth/register/',
    { username: 'eve', password: secret, email: 'e@example.com' },
    { action: 'auth.register', target: 'eve' },
  ],
  ['login', '/v2/auth/login/', { username: 'eve', password: secret }, { action: 'auth.login', actor: 'eve' }],
  [
    'setPassword',
    '/v2/auth/passwd/',
    { username: 'eve', new_password: `${secret}-2` },
    { action: 'auth.passwd', target: 'eve' },
  ],
  ['cancelAccount', '/v2/auth/cancel/', { username: 'eve' }, { action: 'auth.cancel', target: 'eve' }],
  ['updateApp', '/v2/apps/tea/', { owner: 'bob' }, { action: 'apps.transfer', target: 'bob' }],
  ['renameApp', '/v2/apps/tea/rename/', { id: 'chai' }, { action: 'apps.rename', app: 'tea', target: 'chai' }],
  ['renameApp', '/v2/apps/chai/rename/', { id: 'tea' }, { action: 'apps.rename', app: 'chai', target: 'tea' }],
  [
    'hookBuild',
    '/v2/hooks/build/',
    { receive_user: 'bob', receive_repo: 'tea', image: 'acme/tea:2', sha: 'abc', procfile: { web: 'x' } },
    { action: 'builds.create', app: 'tea', actor: null, details: { receive_user: 'bob', sha: 'abc' } },
  ],
  ['destroyApp', '/v2/apps/tea/', undefined, { action: 'apps.destroy', app: 'tea' }],
  ['regenerateTokens', '/v2/auth/tokens/', { username: 'bob' }, { action: 'auth.tokens', target: 'bob' }],
]

/**
 * What needs more than this table has: a build that runs, a process, a WebSocket, an archive,
 * an image of Cloud Native Buildpacks, a CA, a login that was allowed in a browser (device-logins.test.ts), a
 * receiver of log lines (drains.test.ts). */
const elsewhere = new Set([
  'openTerminal',
  'cancelBuild',
  'stopPod',
  'rebaseApp',
  'collectDeviceLogin',
  'importApp',
  'setAutoCerts',
  'retryAutoCert',
  'addDrain',
  'removeDrain',
  'testDrain',
])

const changes = Object.entries(namedRoutes).filter(([, route]) => isChange(route))

describe('events', () => {
  let f: Fixture
  let root: string
  let stranger: string
  const all = (): Promise<Event[]> => rows('/v2/events/?limit=10000')
  const rows = async (path: string, token = root): Promise<Event[]> =>
    ((await f.call('GET', path, undefined, token)).body as { results: Event[] }).results
  const ask = (route: Route, path: string, body: unknown, token: string): Promise<Answer> =>
    f.call(route.method, path, body ?? '', token)
  const open = async (): Promise<void> => {
    f = await openFixture()
    root = await f.user('root')
    stranger = await f.user('stranger')
    await f.user('bob')
  }

  describe('of every route', () => {
    beforeAll(open)
    afterAll(() => f.close())

    it('has a success in the table', () => {
      const named = new Set([...successes.map(([name]) => name), ...elsewhere])
      expect(changes.map(([name]) => name).filter((name) => !named.has(name))).toEqual([])
    })

    it.each(successes)('%s: a success is one entry', async (name, path, body, expected) => {
      const before = await all()
      const pod = (await f.core.scheduler.observe('tea').catch(() => [])).find(({ type }) => type === 'web')?.name ?? ''
      const place = (text: unknown): unknown => (text === 'POD' ? pod : text)
      const route = namedRoutes[name]!
      const url = path.replace('POD', pod)
      const answer =
        route.access === 'builder'
          ? await f.server.inject({
              method: 'POST',
              url,
              headers: { 'x-deis-builder-auth': 'b'.repeat(32) },
              payload: body as object,
            })
          : await ask(route, url, body, root)
      const status = 'statusCode' in answer ? answer.statusCode : answer.status
      expect([status, status < 400 ? '' : 'body' in answer ? answer.body : '']).toEqual([route.status, ''])
      const after = await all()
      expect(after.length - before.length).toBe(1)
      expect(after[0]).toMatchObject({
        actor: 'root',
        address: '127.0.0.1',
        result: 'ok',
        ...expected,
        ...(expected.target === undefined ? {} : { target: place(expected.target) }),
      })
    })

    it('no entry has a secret', async () => {
      const text = JSON.stringify(await all())
      expect(text).toContain('KEY')
      expect(text).not.toContain(secret)
      expect(text).not.toContain('PRIVATE KEY')
      expect(text).not.toContain(root)
    })
  })

  describe('of refused changes', () => {
    beforeAll(async () => {
      await open()
      await f.call('POST', '/v2/apps/', { id: 'tea' }, root)
    })
    afterAll(() => f.close())

    it.each(changes)('%s: one entry for a user, none for strangers without an account', async (_, route) => {
      const path = route.path.replace(/:([a-z]+)/g, (_all, place: string) => (place === 'id' ? 'tea' : 'not-there'))
      const before = await all()
      await f.call(route.method, path, { username: 'not-there', id: 'NOT AN ID' })
      expect((await all()).length).toBe(before.length)
      const { status } = await f.call(route.method, path, { username: 'not-there', id: 'NOT AN ID' }, stranger)
      const after = await all()
      expect([status >= 400, after.length - before.length]).toEqual([true, 1])
      expect(after[0]).toMatchObject({
        actor: 'stranger',
        result: status === 401 || status === 403 ? 'denied' : 'failed',
        status,
        ...(route.path.startsWith('/v2/apps/:id') ? { app: 'tea' } : {}),
      })
    })

    it('one user cannot push out everything else with them', async () => {
      const before = (await all()).length
      for (let count = 0; count < 80; count++) await f.call('DELETE', '/v2/apps/tea/', '', stranger)
      expect((await all()).length - before).toBeLessThanOrEqual(60)
      // Others, and changes that are made, are still recorded.
      await f.call('POST', '/v2/apps/', { id: 'milk' }, stranger)
      expect((await all())[0]).toMatchObject({ actor: 'stranger', action: 'apps.create', result: 'ok' })
    })
  })

  describe('in particular', () => {
    beforeEach(open)
    afterEach(() => f.close())

    it('what cannot be recorded is not changed', async () => {
      if (process.env.DATABASE_URL?.startsWith('postgres')) return
      await f.call('POST', '/v2/apps/', { id: 'tea' }, root)
      await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/tea:1' }, root)
      const state = async (): Promise<unknown> => {
        const { db } = f.core
        return [
          await db.app.findMany(),
          await db.release.findMany(),
          await db.domain.findMany(),
          await db.user.findMany(),
          await db.grant.findMany(),
          await db.settings.findMany(),
          await db.token.count(),
        ]
      }
      await f.core.db.$executeRawUnsafe(
        `CREATE TRIGGER full BEFORE INSERT ON "Event" BEGIN SELECT RAISE(ABORT, 'the table is full'); END`,
      )
      const before = await state()
      const tried: [string, string, unknown][] = [
        ['POST', '/v2/apps/', { id: 'milk' }],
        ['POST', '/v2/apps/tea/config/', { values: { A: 'b' } }],
        ['POST', '/v2/apps/tea/builds/', { image: 'acme/tea:1' }],
        ['POST', '/v2/apps/tea/scale/', { cmd: 2 }],
        ['POST', '/v2/apps/tea/domains/', { domain: 'acme.example' }],
        ['POST', '/v2/apps/tea/settings/', { maintenance: true }],
        ['POST', '/v2/apps/tea/perms/', { username: 'bob' }],
        ['POST', '/v2/apps/tea/', { owner: 'bob' }],
        ['DELETE', '/v2/apps/tea/', undefined],
        ['POST', '/v2/admin/perms/', { username: 'bob' }],
        ['POST', '/v2/auth/register/', { username: 'eve', password: secret, email: 'e@example.com' }],
        ['POST', '/v2/auth/login/', { username: 'bob', password: 'bob-secret' }],
        ['POST', '/v2/auth/tokens/', { username: 'bob' }],
        ['POST', '/v2/auth/passwd/', { username: 'bob', new_password: secret }],
        ['DELETE', '/v2/auth/cancel/', { username: 'bob' }],
      ]
      for (const [method, path, body] of tried)
        expect([path, (await f.call(method, path, body, root)).status]).toEqual([path, 500])
      expect(await state()).toEqual(before)
    })

    it('a release whose deploy fails is an entry, and another one that says so', async () => {
      await f.call('POST', '/v2/apps/', { id: 'tea' }, root)
      const before = (await all()).length
      const { status } = await f.call(
        'POST',
        '/v2/apps/tea/builds/',
        { image: 'acme/tea', procfile: { web: 'crash' } },
        root,
      )
      const after = await all()
      expect([status, after.length - before]).toEqual([400, 2])
      expect(after[1]).toMatchObject({ action: 'builds.create', target: 'acme/tea', result: 'ok' })
      const { action, target, app, actor, address } = after[1]!
      const same = { action, target, app, actor, address }
      expect(after[0]).toMatchObject({ ...same, result: 'failed', status: 400, details: { undoes: after[1]!.id } })
    })

    it('a push is one entry, whether it is deployed or declined, and two when what it stored is undone', async () => {
      await f.call('POST', '/v2/apps/', { id: 'tea' }, root)
      const results = [{ web: 'serve' }, { web: 'crash' }, null]
      const builder: Partial<Builder> = {
        build: async () => {
          const processes = results.shift()
          if (!processes) throw new Error('it does not compile')
          const artifact = { kind: 'slug', digest: `sha256:${'0'.repeat(64)}` } as const
          return { artifact, processes, dockerfile: false, port: null }
        },
      }
      const core = { ...f.core, builder: { ...f.core.builder, ...builder } }
      const push = (): Promise<unknown> =>
        receivePush(core, {
          app: 'tea',
          username: 'root',
          address: '192.0.2.7',
          sha: '1'.repeat(40),
          ref: 'refs/heads/main',
          options: [],
          submodules: [],
          withSubmodules: null,
          source: () => new PassThrough().end(),
          output: () => {},
          signal: new AbortController().signal,
          ended: Promise.resolve(),
        }).catch(() => {})
      const expected = [['ok'], ['failed', 'ok'], ['failed']]
      for (const results of expected) {
        const before = (await all()).length
        await push()
        const added = (await all()).slice(0, -before)
        expect(added.map(({ result }) => result)).toEqual(results)
        expect(added[0]).toMatchObject({
          actor: 'root',
          app: 'tea',
          action: 'git.push',
          target: 'refs/heads/main',
          address: '192.0.2.7',
        })
      }
    })

    it('a request that is sent again is one entry', async () => {
      const before = (await all()).length
      for (let count = 0; count < 2; count++) {
        const headers = { authorization: `token ${root}`, 'deis-request-id': 'the-same-id', 'user-agent': 'a client' }
        await f.server.inject({ method: 'POST', url: '/v2/apps/', headers, payload: { id: 'tea' } })
      }
      const after = await all()
      expect(after.length - before).toBe(1)
      expect(after[0]).toMatchObject({ request: 'the-same-id', agent: 'a client', result: 'ok' })
    })

    it('an app shows its own only, to those who may use it, also page by page', async () => {
      await f.call('POST', '/v2/apps/', { id: 'tea' }, root)
      for (const name of ['A', 'B', 'C'])
        await f.call('POST', '/v2/apps/tea/config/', { values: { [name]: '1' } }, root)
      await f.call('POST', '/v2/apps/', { id: 'milk' }, root)
      expect((await f.call('GET', '/v2/apps/tea/events/', undefined, stranger)).status).toBe(403)
      expect((await f.call('GET', '/v2/events/', undefined, stranger)).status).toBe(403)
      const shown = await rows('/v2/apps/tea/events/')
      expect(shown.map(({ action }) => action)).toEqual(['config.set', 'config.set', 'config.set', 'apps.create'])
      const first = await rows('/v2/apps/tea/events/?limit=2')
      const second = await rows(`/v2/apps/tea/events/?limit=2&before=${first[1]!.id}`)
      expect([...first, ...second]).toEqual(shown)
      // Another app of that name later is another app.
      await f.call('DELETE', '/v2/apps/tea/', undefined, root)
      await f.call('POST', '/v2/apps/', { id: 'tea' }, root)
      expect((await rows('/v2/apps/tea/events/')).map(({ action }) => action)).toEqual(['apps.create'])
    })

    it('entries are neither changed nor deleted from among others, also by who has the database', async () => {
      for (const id of ['tea', 'milk', 'cake']) await f.call('POST', '/v2/apps/', { id }, root)
      const before = await all()
      const { db } = f.core
      const [third, second] = before
      for (const sql of [
        `UPDATE "Event" SET "actor" = 'eve'`,
        `UPDATE "Event" SET "result" = 'failed' WHERE "id" = ${second!.id}`,
        `INSERT INTO "Event" ("id", "uuid", "at", "action", "details", "result") SELECT "id", "uuid", "at", 'y', "details", 'ok' FROM "Event" WHERE "id" = ${second!.id} ON CONFLICT ("id") DO UPDATE SET "action" = 'y'`,
      ])
        await expect(db.$executeRawUnsafe(sql)).rejects.toThrow('events are only added')
      for (const sql of [
        `DELETE FROM "Event" WHERE "id" = ${second!.id}`,
        `DELETE FROM "Event" WHERE "id" >= ${second!.id}`,
        `DELETE FROM "Event" WHERE "app" = 'milk'`,
      ])
        await expect(db.$executeRawUnsafe(sql)).rejects.toThrow('the oldest events go first')
      expect(await all()).toEqual(before)
      expect(await db.$executeRawUnsafe(`DELETE FROM "Event" WHERE "id" <= ${second!.id}`)).toBe(before.length - 1)
      expect(await all()).toEqual([third])
    })

    it('who goes on after an id misses none and gets none twice', async () => {
      const start = (await all())[0]!.id
      for (const id of ['tea', 'milk', 'cake']) await f.call('POST', '/v2/apps/', { id }, root)
      const exported = (after: number, ms = 0) =>
        eventsPage(f.core, null, { limit: 2, offset: 0, after: String(after) }, ms).then(({ results }) => results)
      const first = await exported(start)
      const second = await exported(first[1]!.id)
      expect([...first, ...second].map(({ app }) => app)).toEqual(['tea', 'milk', 'cake'])
      expect(await exported(second[0]!.id)).toEqual([])
      const asked = await rows(`/v2/events/?after=${start}`)
      // Controllers on one database get ids in another order than that in which they end.
      expect(asked.map(({ app }) => app)).toEqual(f.core.peers.shared ? [] : ['tea', 'milk', 'cake'])
      const shared = { ...f.core, peers: { ...f.core.peers, shared: true } }
      const late = (ms: number) => eventsPage(shared, null, { limit: 9, offset: 0, after: String(start) }, ms)
      expect((await late(60_000)).results).toEqual([])
      expect((await late(0)).results).toHaveLength(3)
    })

    it('old ones go, and those beyond the number that is kept', async () => {
      await f.core.db.event.deleteMany()
      const of = (id: string, days: number) => ({
        data: { uuid: id, at: new Date(Date.now() - days * 86_400_000), action: 'x', details: {}, result: 'ok' },
      })
      for (const [id, days] of [
        ['a', 500],
        ['b', 401],
      ] as const)
        await f.core.db.event.create(of(id, days))
      await f.call('POST', '/v2/apps/', { id: 'tea' }, root)
      const [newest] = await all()
      // Of a controller whose clock was wrong: it takes nothing along.
      await f.core.db.event.create(of('c', 500))
      await deleteOldEvents(f.core)
      expect((await all()).map(({ id }) => id)).toEqual([newest!.id + 1, newest!.id])
      for (const id of ['milk', 'cake', 'bread']) await f.call('POST', '/v2/apps/', { id }, root)
      await deleteOldEvents({ ...f.core, config: { ...f.core.config, events: { days: 400, most: 2 } } })
      expect((await all()).map(({ app }) => app)).toEqual(['bread', 'cake'])
    })
  })
})
