// Does every hostile request leave the server and its data intact?
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { namedRoutes } from './app.ts'
import { type Fixture, openFixture } from './fixture.ts'

/** More of them take too long for each change. */
const requests = Number(process.env['TEST_REQUESTS'] ?? 800)

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

const scalars: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '💧',
  'x'.repeat(70_000),
  '../../etc/passwd',
  '\'; DROP TABLE "User"; --',
  '%00',
  '${jndi:x}',
  '__proto__',
  'constructor',
  '{}',
  '[',
  'tea',
  'ann',
  '*',
  '::1',
  'NaN',
  '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
]
const parts: readonly string[] = [
  // Half of all requests are about an app of one's own.
  ...Array.from({ length: 20 }, () => 'soup'),
  'tea',
  'nope',
  '..',
  '%2e%2e',
  '%00',
  '%',
  '%ff',
  '%2F',
  '*',
  '%2A',
  '@',
  ':',
  'v1',
  'v0',
  'v99999999999999999999',
  '__proto__',
  'x'.repeat(1_990),
  'é',
  '%ed%a0%80',
  "'",
  '-1',
]
const keys: readonly string[] = [
  '__proto__',
  'web',
  'a\0',
  '',
  'x'.repeat(300),
  '\ud800',
  'constructor',
  'username',
  'id',
]
const types: readonly (string | undefined)[] = [
  'application/json',
  'application/json;charset=utf-16',
  'text/plain',
  'APPLICATION/JSON',
  'application/x-www-form-urlencoded',
  '',
  undefined,
  'application/json\t;x',
  'multipart/form-data; boundary=x',
]

/** The last ones are what a proxy, a browser, or an attacker would add. */
const extras: readonly Readonly<Record<string, string>>[] = [
  ...Array.from({ length: 6 }, () => ({})),
  { 'x-deis-builder-auth': '' },
  { 'x-deis-builder-auth': 'x'.repeat(5_000), 'x-deis-router-auth': '\u00ff' },
  { 'x-forwarded-for': "127.0.0.1, ' OR 1=1", 'x-forwarded-proto': 'gopher', 'x-http-method-override': 'DELETE' },
  { host: 'x'.repeat(300), expect: '200-ok', 'content-encoding': 'gzip' },
  { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'x' },
  { authorization: 'token ', cookie: 'token=1; token=2' },
  { authorization: 'Bearer a b c', range: 'bytes=0-99999999999999999999', 'if-none-match': '*' },
  { authorization: `token ${'\u00e9'.repeat(100)}`, 'transfer-encoding': 'identity' },
]

it('answers hostile requests with an error of the contract', { timeout: 30_000 + requests * 50 }, async () => {
  const f: Fixture = await openFixture({ env: { DEIS_DEPLOY_TIMEOUT: '1' } })
  try {
    const root = await f.user('root')
    const ann = await f.user('ann')
    const eve = await f.user('eve')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    await f.call('POST', '/v2/apps/', { id: 'soup' }, eve)
    await f.call('POST', '/v2/apps/soup/builds/', { image: 'acme/api' }, eve)
    const picture = async (): Promise<unknown> => ({
      apps: await f.core.db.app.findMany({ where: { id: 'tea' } }),
      domains: await f.core.db.domain.findMany({ where: { app: { id: 'tea' } } }),
      settings: await f.core.db.settings.count({ where: { app: { id: 'tea' } } }),
      releases: await f.core.db.release.count({ where: { app: { id: 'tea' } } }),
      grants: await f.core.db.grant.count(),
      admins: await f.core.db.user.findMany({ where: { isSuperuser: true }, select: { username: true } }),
      names: await f.core.db.user.count({ where: { username: { in: ['root', 'ann'] } } }),
    })
    const before = await picture()
    const next = random(7)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
    const value = (depth: number): unknown => {
      const kind = next()
      if (depth === 0 || kind < 0.6) return pick(scalars)
      const size = Math.floor(next() * 4)
      if (kind < 0.75) return Array.from({ length: size }, () => value(depth - 1))
      return Object.fromEntries(Array.from({ length: size }, () => [pick(keys), value(depth - 1)]))
    }
    const bodyOf = (fields: readonly string[]): string => {
      const kind = next()
      if (kind < 0.05) return '['.repeat(50_000) + ']'.repeat(50_000)
      if (kind < 0.1) return `{"label":${'{"a":'.repeat(500)}1${'}'.repeat(500)}}`
      if (kind < 0.15) return pick(['{', 'null', '"x"', '\ufeff{}', '{"a":1,"a":2}', '\0', '[]'])
      return JSON.stringify(Object.fromEntries(fields.map((field) => [field, value(2)])))
    }
    // Destroying the app would leave little to ask for.
    const all = Object.values(namedRoutes).filter(
      ({ path, method }) => !(method === 'DELETE' && path === '/v2/apps/:id/'),
    )
    const wrong: unknown[] = []
    for (let index = 0; index < requests; index++) {
      const route = pick(all)
      const [method, token] = [
        pick([route.method, route.method, route.method, 'PUT', 'PATCH']),
        pick([eve, eve, eve, '', 'x']),
      ]
      const path = route.path.replace(/:[a-z]+/g, () => pick(parts))
      const fields = Object.keys(route.body && 'properties' in route.body ? (route.body.properties as object) : {})
      const type = pick(types)
      const answer = await f.server.inject({
        method: method as 'GET',
        url: `${path}${pick(['', '?limit=-1&offset=x', '?limit=1e9', '?%00', '?__proto__=x&limit[]=1'])}`,
        headers: {
          ...(type === undefined ? {} : { 'content-type': type }),
          ...(token === '' ? {} : { authorization: `token ${token}` }),
          ...pick(extras),
        },
        ...(method === 'GET' ? {} : { payload: bodyOf(fields) }),
      })
      if (answer.statusCode >= 500)
        wrong.push([method, path.slice(0, 200), answer.statusCode, answer.body.slice(0, 200)])
      if (index % 100 === 0) await turn()
    }
    expect(wrong).toEqual([])
    expect(await picture()).toEqual(before)
    expect((await f.call('GET', '/v2/auth/whoami/', undefined, root)).status).toBe(200)
  } finally {
    await f.close()
  }
})

it.each([
  ['settings', { label: { a: 'x'.repeat(70_000) } }, { label: ['Labels can have at most 64 KiB in total.'] }],
  ['settings', { label: { a: '\0' } }, { label: ['NUL characters and lone surrogates are not allowed.'] }],
  ['settings', { label: { '\ud800': 1 } }, { label: ['NUL characters and lone surrogates are not allowed.'] }],
  ['config', { values: { A: 'a\0b' } }, { values: ['NUL characters and lone surrogates are not allowed.'] }],
  [
    'config',
    { healthcheck: '{"\\u0000":{}}' },
    { healthcheck: ['NUL characters and lone surrogates are not allowed.'] },
  ],
  [
    'settings',
    { label: JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`) as unknown },
    { label: ['Ensure this field is nested no more than 32 levels deep.'] },
  ],
])('says what is wrong with %s (%#)', async (noun, body, wanted) => {
  const answer = await f.call('POST', `/v2/apps/tea/${noun}/`, body, ann)
  expect([answer.status, answer.body]).toEqual([400, wanted])
})

let f: Fixture
let ann: string
beforeAll(async () => {
  f = await openFixture()
  ann = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
})
afterAll(() => f.close())
