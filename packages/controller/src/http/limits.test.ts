// Is everything in a request bounded in size, depth and number before it is used?
import { usualBodyBytes } from '@deis/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonLimits, jsonProblem } from '../domain/apps/json.ts'
import { namedRoutes, routes } from './app.ts'
import { type Answer, type Fixture, openFixture } from './fixture.ts'

type Schema = Readonly<Record<string, unknown>>

/** What in a schema lets values of any size through, by path. */
function unbounded(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { type, maxLength, maxItems, maxProperties, patternProperties, additionalProperties } = schema as Schema
  const open = patternProperties !== undefined || typeof additionalProperties === 'object'
  const missing = [
    type === 'string' && maxLength === undefined ? `${path} has no maxLength` : '',
    type === 'array' && maxItems === undefined ? `${path} has no maxItems` : '',
    type === 'object' && open && maxProperties === undefined ? `${path} has no maxProperties` : '',
  ].filter((one) => one !== '')
  return [...missing, ...Object.entries(schema).flatMap(([name, part]) => unbounded(part, `${path}/${name}`))]
}

/** What a server does meanwhile, it does not do for others. */
async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

it('every schema of what comes in says how much that may be', () => {
  const found = routes.flatMap(({ method, path, params, query, body }) =>
    Object.entries({ params, query, body }).flatMap(([part, schema]) => unbounded(schema, `${method} ${path} ${part}`)),
  )
  expect(found).toEqual([])
})

it('no route takes bodies of more than 2 MiB, and few take more than is usual', () => {
  const larger = Object.entries(namedRoutes).flatMap(([name, { bodyBytes = 0 }]) => {
    expect(bodyBytes).toBeLessThanOrEqual(2 * 1024 * 1024)
    return bodyBytes > usualBodyBytes ? [name] : []
  })
  expect(larger.toSorted()).toEqual([
    'addCert',
    'createBuild',
    'hookBuild',
    'runCommand',
    'setConfig',
    'setSettings',
    'startOneOff',
  ])
})

describe('the count that is made of a JSON text before it is parsed', () => {
  it.each([
    ['nested arrays', '['.repeat(jsonLimits.depth + 1), 'nested'],
    ['nested objects', '{"a":'.repeat(jsonLimits.depth + 1), 'nested'],
    ['many arrays side by side', `[${'[],'.repeat(jsonLimits.values)}1]`, 'values'],
    ['many items', `[${'1,'.repeat(jsonLimits.values)}1]`, 'values'],
    ['many keys', `{${Array.from({ length: jsonLimits.values + 1 }, (_, index) => `"k${index}":1`).join()}}`, 'values'],
    ['a long key', `{"${'k'.repeat(jsonLimits.keyLength + 1)}": 1}`, 'key'],
    ['a long key with escapes', `{"${'\\"'.repeat(jsonLimits.keyLength)}":1}`, 'key'],
  ])('stops at %s', (_, text, why) => {
    expect(jsonProblem(text)).toContain(why)
  })

  it.each([
    ['brackets and commas in strings', JSON.stringify({ a: '[{,'.repeat(jsonLimits.values), b: '\\"[[' })],
    ['as much as is allowed', `${'['.repeat(jsonLimits.depth)}${']'.repeat(jsonLimits.depth)}`],
    ['invalid JSON', '"never ended \\'],
    ['nothing', ''],
  ])('lets %s pass', (_, text) => {
    expect(jsonProblem(text)).toBeNull()
  })

  it('reads every character once', () => {
    const texts = ['"'.repeat(2e6), '\\'.repeat(2e6), '{"":'.repeat(5e5), `"${'\\u0000'.repeat(3e5)}"`]
    const started = process.cpuUsage().user
    for (const text of texts) jsonProblem(text)
    expect((process.cpuUsage().user - started) / 1000).toBeLessThan(1_000)
  })
})

describe('a server that is sent too much', () => {
  let f: Fixture
  let ann: string
  const config = (body: unknown): Promise<Answer> => f.call('POST', '/v2/apps/tea/config/', body, ann)
  beforeAll(async () => {
    f = await openFixture({ capabilities: { cpuLimits: true, memoryLimits: true } })
    ann = await f.user('ann')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  })
  afterAll(() => f.close())

  it.each([
    ['1', 'x'],
    ['1.', '1'],
    ['/1', ''],
  ])('refuses long limits of CPU at once (%s…%s)', async (part, end) => {
    let answer: Answer | undefined
    const used = await cpuMs(async () => {
      answer = await config({ cpu: { web: part.repeat(80_000 / part.length) + end } })
    })
    expect([answer?.status, answer?.body]).toEqual([
      400,
      { cpu: [expect.stringContaining('CPU limit format') as string] },
    ])
    expect(used).toBeLessThan(1_000)
  })

  it.each(['1', '.5', '1.5', '100m', '0.5/2', '+1/-.5m'])('still takes %s CPUs', async (web) => {
    expect(await config({ cpu: { web } })).toMatchObject({ status: 201, body: { cpu: { web } } })
  })

  it('refuses nested arrays in a login within milliseconds', async () => {
    const text = '['.repeat(30_000) + ']'.repeat(30_000)
    let answer: Answer | undefined
    const used = await cpuMs(async () => {
      answer = await f.call('POST', '/v2/auth/login/', text)
    })
    expect([answer?.status, answer?.text]).toEqual([400, expect.stringContaining('nested more than')])
    expect(used).toBeLessThan(200)
  })

  it.each(['/v2/auth/login/', '/v2/auth/register/', '/v2/apps/', '/v2/nowhere/'])(
    'answers 413 to what is larger than usual at %s, without reading it',
    async (path) => {
      const body = JSON.stringify({ username: 'x'.repeat(usualBodyBytes), password: 'x' })
      expect((await f.call('POST', path, body, path.includes('auth') ? undefined : ann)).status).toBe(413)
    },
  )

  it('takes a thousand keys of config, and no more, in one request and in all', async () => {
    const keys = (count: number, prefix: string): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, 'x'.repeat(100)]))
    const refused = await config({ values: keys(1001, 'A') })
    expect([refused.status, refused.body]).toEqual([400, { values: ['Ensure this field has no more than 1000 keys.'] }])
    const used = await cpuMs(async () => expect((await config({ values: keys(999, 'A') })).status).toBe(201))
    expect(used).toBeLessThan(2_000)
    expect((await config({ values: { LAST: 'x' } })).status).toBe(201)
    expect((await config({ values: { MORE: 'x' } })).body).toEqual({
      values: ['An app can have at most 1000 keys here.'],
    })
    expect((await config({ values: { A0: null, MORE: 'x' } })).status).toBe(201)
    const many = JSON.stringify({ values: keys(15_000, 'B') })
    const twenty = await cpuMs(async () => expect((await config(many)).status).toBe(400))
    expect(twenty).toBeLessThan(1_000)
  })

  it('counts what comes as JSON text inside JSON as well', async () => {
    expect(await config({ tags: '['.repeat(100_000) })).toMatchObject({
      status: 400,
      body: { tags: ['Value must be valid JSON.'] },
    })
  })

  it('keeps whitelists at a thousand addresses', async () => {
    const at = (from: number, count: number): string[] =>
      Array.from({ length: count }, (_, index) => `10.0.${(from + index) >> 8}.${(from + index) & 255}`)
    const add = (addresses: string[]): Promise<Answer> => f.call('POST', '/v2/apps/tea/whitelist/', { addresses }, ann)
    expect((await add(at(0, 1001))).body).toEqual({ addresses: ['Ensure this field has no more than 1000 elements.'] })
    expect((await add(at(0, 1000))).status).toBe(201)
    expect((await add(at(1000, 1))).status).toBe(400)
  })

  it('does not send back megabytes of what was wrong', async () => {
    const answers = [
      await config({ values: '"' + 'x'.repeat(1e6) }),
      await config({ healthcheck: { web: { readinessProbe: { ['k'.repeat(1000)]: 1, exec: 'x'.repeat(1e6) } } } }),
      await f.call('POST', '/v2/apps/tea/tls/', { https_enforced: 'x'.repeat(60_000) }, ann),
      await f.call(
        'POST',
        '/v2/apps/tea/whitelist/',
        { addresses: Array.from({ length: 900 }, (_, i) => `x${i}`) },
        ann,
      ),
      await f.call(
        'POST',
        '/v2/apps/tea/settings/',
        { whitelist: Array.from({ length: 900 }, (_, i) => `x${i}`) },
        ann,
      ),
    ]
    for (const { status, text } of answers) {
      expect(status).toBe(400)
      expect(text.length).toBeLessThan(10_000)
    }
  })
})
