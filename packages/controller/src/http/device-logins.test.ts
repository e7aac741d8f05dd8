// Does a client get a token when, and only when, its user allows it in a browser?
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'

let f: Fixture
let address = 0

beforeAll(async () => {
  f = await openFixture({ env: { DEIS_TRUSTED_PROXIES: '127.0.0.1' } })
  await f.user('ann')
})
afterAll(() => f.close())
// Each test comes from an address of its own, with its own counts.
beforeEach(() => void address++)

const from = () => ({ 'x-forwarded-for': `192.0.2.${address}`, host: 'deis.example.com' })
type Begun = { device_code: string; user_code: string; verification_uri_complete: string }

async function begin(name?: string): Promise<Begun> {
  const payload = name === undefined ? {} : { name }
  const answer = await f.server.inject({ method: 'POST', url: '/v2/auth/device/', headers: from(), payload })
  expect(answer.statusCode).toBe(200)
  return answer.json()
}

async function collect(device_code: string) {
  const payload = { device_code }
  const { statusCode, body } = await f.server.inject({
    method: 'POST',
    url: '/v2/auth/device/token/',
    headers: from(),
    payload,
  })
  return { status: statusCode, body: JSON.parse(body) as Record<string, unknown> }
}
const refused = (error: string) => ({ status: 400, body: { error } })

const open = (code: string) =>
  f.server.inject({ url: `/v2/auth/device/verify?${new URLSearchParams({ code })}`, headers: from() })

function send(fields: Record<string, string>, headers: Record<string, string | undefined> = {}) {
  const all = {
    ...from(),
    'content-type': 'application/x-www-form-urlencoded',
    origin: 'https://deis.example.com',
    'sec-fetch-site': 'same-origin',
    ...headers,
  }
  return f.server.inject({
    method: 'POST',
    url: '/v2/auth/device/verify',
    headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >,
    payload: new URLSearchParams({ answer: 'allow', ...fields }).toString(),
  })
}
const ann = { username: 'ann', password: 'ann-secret' }

/** Moves everything that waits into the past. */
async function pass(seconds: number): Promise<void> {
  for (const { hash, createdAt, polledAt } of await f.core.db.deviceLogin.findMany())
    await f.core.db.deviceLogin.update({
      where: { hash },
      data: {
        createdAt: new Date(createdAt.getTime() - seconds * 1000),
        polledAt: polledAt && new Date(polledAt.getTime() - seconds * 1000),
      },
    })
}

test('from the code to the token, which is given once', async () => {
  const begun = await begin('laptop')
  expect(begun).toEqual({
    device_code: expect.stringMatching(/^[\w-]{43}$/) as string,
    user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/) as string,
    verification_uri: 'http://deis.example.com/v2/auth/device/verify',
    verification_uri_complete: `http://deis.example.com/v2/auth/device/verify?code=${begun.user_code}`,
    expires_in: 600,
    interval: 5,
  })
  expect(await collect(begun.device_code)).toEqual(refused('authorization_pending'))
  expect(await collect(begun.device_code)).toEqual(refused('slow_down'))
  await pass(5)
  expect(await collect(begun.device_code)).toEqual(refused('authorization_pending'))

  const shown = await open(begun.user_code.toLowerCase().replace('-', ' '))
  expect(shown.statusCode).toBe(200)
  expect(shown.body).toContain(
    `A client on <b><bdi>laptop</bdi></b> at the address <b>192.0.2.${address}</b> wants to log in to`,
  )
  expect(shown.body).toContain(`name="code" value="${begun.user_code}"`)
  const done = await send({ code: begun.user_code, ...ann })
  expect(done.statusCode).toBe(200)
  expect(done.body).toContain('Logged in. You can close this page')
  // The code has been used, on the page and by the client.
  expect((await send({ code: begun.user_code, ...ann })).statusCode).toBe(400)
  const { status, body } = await collect(begun.device_code)
  expect({ status, username: body['username'] }).toEqual({ status: 200, username: 'ann' })
  expect(await f.call('GET', '/v2/auth/whoami/', undefined, body['token'] as string)).toMatchObject({
    status: 200,
    body: { username: 'ann' },
  })
  expect(await collect(begun.device_code)).toEqual(refused('expired_token'))
  const events = await f.core.db.event.findMany({ orderBy: { id: 'desc' } })
  expect(events.filter(({ details }) => JSON.stringify(details) === '{"browser":true}')).toMatchObject([
    { action: 'auth.login', actor: 'ann', result: 'ok' },
  ])
})

test('many clients that collect at once get one token', async () => {
  const begun = await begin()
  await send({ code: begun.user_code, ...ann })
  const all = await Promise.all(Array.from({ length: 5 }, () => collect(begun.device_code)))
  expect(all.filter(({ status }) => status === 200)).toHaveLength(1)
})

test('neither code is stored', async () => {
  const { device_code, user_code } = await begin()
  const text = JSON.stringify(await f.core.db.deviceLogin.findMany())
  const plain = (code: string) => createHash('sha256').update(code).digest('hex')
  for (const secret of [device_code, user_code, user_code.replace('-', ''), plain(user_code)])
    expect(text).not.toContain(secret)
})

describe('no token', () => {
  test('for a code that nobody has, or that has expired', async () => {
    expect(await collect('x')).toEqual(refused('expired_token'))
    const begun = await begin()
    await send({ code: begun.user_code, ...ann })
    const waiting = await begin()
    await pass(600)
    expect(await collect(begun.device_code)).toEqual(refused('expired_token'))
    for (const answer of [await open(waiting.user_code), await send({ code: waiting.user_code, ...ann })]) {
      expect(answer.statusCode).toBe(400)
      expect(answer.body).toContain('This code is not known, or it has expired.')
    }
    await begin()
    expect(await f.core.db.deviceLogin.count()).toBe(1)
  })

  test('when the user denies it, without a password', async () => {
    const begun = await begin()
    expect((await send({ code: begun.user_code, answer: 'deny' })).body).toContain('Denied.')
    expect(await collect(begun.device_code)).toEqual(refused('access_denied'))
  })

  test('after five wrong passwords, and not with the right one then', async () => {
    const begun = await begin()
    const wrong = { code: begun.user_code, username: '<b>"ann\'', password: 'x' }
    const first = await send(wrong)
    expect(first.statusCode).toBe(400)
    expect(first.body).toContain('Unable to log in with provided credentials. 4 more tries.')
    expect(first.body).toContain('value="&lt;b&gt;&quot;ann&#39;"')
    for (let one = 0; one < 3; one++) await send(wrong)
    expect((await send(wrong)).body).toContain('Too many wrong passwords.')
    expect((await send({ code: begun.user_code, ...ann })).statusCode).toBe(400)
    expect(await collect(begun.device_code)).toEqual(refused('access_denied'))
  })

  test.each([
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['another site in an old browser', { 'sec-fetch-site': undefined, origin: 'https://evil.example' }],
    ['a neighbour', { 'sec-fetch-site': 'same-site', origin: 'https://app.example.com' }],
    ['a page without an origin', { 'sec-fetch-site': undefined, origin: 'null' }],
    ['no browser', { 'sec-fetch-site': undefined, origin: undefined }],
    ['an address bar', { 'sec-fetch-site': 'none', origin: undefined }],
  ])('when the form comes from %s', async (_, headers) => {
    const begun = await begin()
    const answer = await send({ code: begun.user_code, ...ann }, headers)
    expect({ status: answer.statusCode, text: answer.body }).toMatchObject({
      status: 403,
      text: expect.stringContaining('sent by another page, so nothing was done') as string,
    })
    expect(await collect(begun.device_code)).toEqual(refused('authorization_pending'))
  })

  test('when the password was changed, tokens were replaced or the account has gone meanwhile', async () => {
    const token = await f.user('bob')
    const change = { new_password: 'other', password: 'bob-secret', username: 'bob' }
    const acts = [
      ['bob-secret', '/v2/auth/passwd/', change],
      ['other', '/v2/auth/tokens/', {}],
    ] as const
    for (const [password, path, body] of acts) {
      const begun = await begin()
      expect((await send({ code: begun.user_code, username: 'bob', password })).statusCode).toBe(200)
      expect((await f.call('POST', path, body, token)).status).toBe(200)
      expect(await collect(begun.device_code)).toEqual(refused('expired_token'))
    }
    const begun = await begin()
    expect((await send({ code: begun.user_code, username: 'bob', password: 'other' })).statusCode).toBe(200)
    await f.core.db.user.delete({ where: { username: 'bob' } })
    expect(await collect(begun.device_code)).toEqual(refused('expired_token'))
  })
})

describe('limits', () => {
  test('of begun logins', async () => {
    for (let one = 0; one < 20; one++) await begin()
    const answer = await f.server.inject({ method: 'POST', url: '/v2/auth/device/', headers: from(), payload: {} })
    expect(answer.statusCode).toBe(429)
    expect(answer.headers['retry-after']).toBe('5')
  })

  test('of wrong codes, while right ones do not count', async () => {
    const { user_code } = await begin()
    for (let one = 0; one < 30; one++) expect((await open(user_code)).statusCode).toBe(200)
    for (let one = 0; one < 20; one++) expect((await open('BBBB-BBBB')).statusCode).toBe(400)
    expect((await open('BBBB-BBBB')).statusCode).toBe(429)
    expect((await send({ code: user_code, ...ann })).statusCode).toBe(429)
  })

  test('of wrong passwords, counted with those of deis login', async () => {
    const headers = from()
    const payload = { username: 'ann', password: 'wrong' }
    for (let one = 0; one < 10; one++)
      await f.server.inject({ method: 'POST', url: '/v2/auth/login/', headers, payload })
    const { user_code } = await begin()
    const answer = await send({ code: user_code, ...ann })
    expect({ status: answer.statusCode, retry: answer.headers['retry-after'] }).toEqual({ status: 429, retry: '5' })
    expect(answer.body).toContain('Too many failed logins. Try again in 5 s.')
  })

  test.each([
    ['/v2/auth/device/', { name: 'x'.repeat(101) }],
    ['/v2/auth/device/', { name: 'a\0' }],
    ['/v2/auth/device/token/', { device_code: 'x'.repeat(101) }],
    ['/v2/auth/device/token/', {}],
  ])('of what %s takes: %j', async (url, payload) => {
    expect((await f.server.inject({ method: 'POST', url, headers: from(), payload })).statusCode).toBe(400)
  })

  test('of the form', async () => {
    expect((await send({ code: 'x'.repeat(9_000) })).statusCode).toBe(413)
    expect((await send({ code: '\0' })).statusCode).toBe(400)
    expect((await send({}, { 'content-type': 'application/json' })).statusCode).toBe(415)
  })
})

describe('the page', () => {
  test('runs nothing, loads nothing, cannot be framed, and its style is allowed', async () => {
    const { headers, body } = await open('')
    const style = /<style>([^<]*)<\/style>/.exec(body)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
      'referrer-policy': 'same-origin',
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
    })
    expect(body).not.toMatch(/<script|\son\w+=|javascript:|https?:/)
  })

  test('shows what a client says as text', async () => {
    const { user_code } = await begin(`<script>alert("1")</script>'&`)
    const { body } = await open(user_code)
    expect(body).toContain('<b><bdi>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;</bdi></b>')
    expect(body).not.toContain('<script')
  })

  test.each(['<script>', "'", 'ZZZZ-ZZZ', 'ÄÄÄÄ-ÄÄÄÄ', 'x'.repeat(1_000)])('the code %s is not known', async (code) => {
    const { statusCode, body } = await open(code)
    expect(statusCode).toBe(400)
    expect(body).not.toContain(code.length > 1 ? code : '<script')
  })
})
