// Does every route refuse input that is too deep, too wide or too long at once, with an error that names the limit?
import { type Route, usualBodyBytes } from '@deis/types'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { namedRoutes } from './app.ts'
import { type Fixture, openFixture } from './fixture.ts'

const longest = { cpuMs: 2_000 }

type Request = { readonly url: string; readonly headers: Record<string, string>; readonly payload?: string }

/** A value of that size, under the first field that the route's body has. */
const within = (route: Route, value: string): string => {
  const body: { readonly properties?: object } = route.body ?? {}
  const [field = 'web'] = Object.keys(body.properties ?? {})
  return `{"${field}":${value}}`
}
const sized = (bytes: number, one: (index: number) => string, length: number): string[] =>
  Array.from({ length: Math.floor(bytes / length) }, (_, index) => one(index))

/** Just below what the route takes, and far above it. */
const bodies: Readonly<Record<string, (route: Route, bytes: number) => string>> = {
  'nested arrays': (route, bytes) => within(route, '['.repeat(bytes / 2) + ']'.repeat(bytes / 2)),
  'nested objects': (route, bytes) => within(route, `${'{"a":'.repeat(bytes / 6)}1${'}'.repeat(bytes / 6)}`),
  'nesting that never ends': (_, bytes) => '[{"a":'.repeat(bytes / 6),
  'a wide array': (route, bytes) => within(route, `[${'0,'.repeat(bytes / 2 - 1)}0]`),
  'arrays in an array': (route, bytes) => within(route, `[${'[],'.repeat(bytes / 3 - 1)}[]]`),
  'a wide object': (route, bytes) => within(route, `{${sized(bytes, (index) => `"k${index}":"v"`, 14).join()}}`),
  'a wide body': (_, bytes) => `{${sized(bytes, (index) => `"k${index}":"v"`, 14).join()}}`,
  'the same key again': (route, bytes) => within(route, `{${sized(bytes, () => '"__proto__":1', 14).join()}}`),
  'a long string': (route, bytes) => within(route, `"${'1'.repeat(bytes)}x"`),
  'a long key': (route, bytes) => within(route, `{"${'k'.repeat(bytes)}":1}`),
  'long values by type': (route, bytes) => within(route, `{"web":"${'1'.repeat(bytes)}x"}`),
  'many long strings': (route, bytes) => within(route, `[${sized(bytes, () => `"${'-'.repeat(100)}"`, 103).join()}]`),
  escapes: (route, bytes) => within(route, `"${String.raw`\u0000`.repeat(bytes / 6)}"`),
  quotes: (_, bytes) => '"'.repeat(bytes),
  spaces: (_, bytes) => `${' '.repeat(bytes)}x`,
}

const shapes: Readonly<Record<string, (url: string) => Request>> = {
  'many headers': (url) => ({
    url,
    headers: Object.fromEntries(Array.from({ length: 1_500 }, (_, one) => [`x-${one}`, 'y'])),
  }),
  'a long header': (url) => ({
    url,
    headers: { 'x-forwarded-for': '1,'.repeat(8_000), 'content-type': `application/json${';'.repeat(8_000)}` },
  }),
  'a long token': (url) => ({ url, headers: { authorization: `token${' '.repeat(8_000)}${'x'.repeat(8_000)}` } }),
  'a long URL': (url) => ({ url: `${url}${'/x'.repeat(8_000)}`, headers: {} }),
  'a deep query': (url) => ({ url: `${url}?a${'[b]'.repeat(5_000)}=1`, headers: {} }),
  'a wide query': (url) => ({ url: `${url}?${'limit=1&'.repeat(2_000)}`, headers: {} }),
}

let f: Fixture
let ann: string
beforeAll(async () => {
  f = await openFixture({ env: { DEIS_DEPLOY_TIMEOUT: '1' } })
  await f.user('root')
  ann = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
}, 120_000)
afterAll(() => f.close())

const wrong: unknown[] = []
async function send(what: string, route: Route, request: Request, token: string): Promise<void> {
  const before = process.cpuUsage()
  const answer = await f.server.inject({
    method: route.method,
    url: request.url,
    headers: {
      'content-type': 'application/json',
      ...(token === '' ? {} : { authorization: `token ${token}` }),
      ...request.headers,
    },
    ...(request.payload === undefined || route.method === 'GET' ? {} : { payload: request.payload }),
  })
  const { user, system } = process.cpuUsage(before)
  const cpuMs = (user + system) / 1000
  // An answer never repeats what was sent, unless it was short.
  if (answer.statusCode >= 500 || cpuMs > longest.cpuMs || answer.body.length > 256 * 1024)
    wrong.push([
      what,
      route.method,
      route.path,
      token !== '',
      answer.statusCode,
      Math.round(cpuMs),
      answer.body.slice(0, 100),
    ])
}

// Without the app, its owner and her token there is little to ask for.
const all = Object.values(namedRoutes).filter(
  ({ path, method }) =>
    !['/v2/auth/tokens/', '/v2/auth/cancel/'].includes(path) && !(method === 'DELETE' && path === '/v2/apps/:id/'),
)
const urlOf = ({ path }: Route): string => path.replace(':id', 'tea').replace(/:[a-z]+/g, 'v1')

it('in bodies', { timeout: 300_000 }, async () => {
  for (const route of all.filter(({ method }) => method !== 'GET')) {
    const limit = route.bodyBytes ?? usualBodyBytes
    for (const [what, body] of Object.entries(bodies))
      for (const bytes of [limit - 100, limit * 2]) {
        const payload = body(route, bytes)
        for (const token of [ann, '']) await send(what, route, { url: urlOf(route), headers: {}, payload }, token)
      }
  }
  expect(wrong.splice(0)).toEqual([])
  expect((await f.call('GET', '/v2/apps/tea/', undefined, ann)).status).toBe(200)
})

it('in addresses and headers', { timeout: 300_000 }, async () => {
  for (const route of all)
    for (const [what, shape] of Object.entries(shapes))
      for (const token of [ann, '']) await send(what, route, shape(urlOf(route)), token)
  expect(wrong.splice(0)).toEqual([])
})
