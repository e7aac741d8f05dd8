// Do accounts behave as docs/contract/api.md §2.2 says?
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'

describe('accounts', () => {
  let f: Fixture
  let ann: string
  let bob: string
  beforeAll(async () => {
    f = await openFixture()
    ann = await f.user('ann')
    bob = await f.user('bob')
  })
  afterAll(() => f.close())

  it('answers the probe of a client that is not signed in with 401 and the version headers', async () => {
    const answer = await f.call('GET', '/v2/')
    expect(answer.status).toBe(401)
    expect(answer.body).toEqual({ detail: 'Authentication credentials were not provided.' })
    expect(answer.headers['deis_api_version']).toBe('2.3')
    expect(answer.headers['deis_platform_version']).toBe('2.3.0')
    expect(answer.headers['www-authenticate']).toBe('Token')
  })

  it.each([
    ['token nope', 'Invalid token.'],
    ['token', 'Invalid token header. No credentials provided.'],
    ['token a b', 'Invalid token header. Token string should not contain spaces.'],
    ['Bearer abc', 'Authentication credentials were not provided.'],
  ])('refuses the credentials %s', async (authorization, detail) => {
    const answer = await f.server.inject({ method: 'GET', url: '/v2/auth/whoami', headers: { authorization } })
    expect([answer.statusCode, answer.json()]).toEqual([401, { detail }])
  })

  it('makes the first user admin and no other', async () => {
    const first = await f.call('GET', '/v2/auth/whoami/', undefined, ann)
    const second = await f.call('GET', '/v2/auth/whoami', undefined, bob)
    expect(first.body).toMatchObject({
      username: 'ann',
      is_superuser: true,
      is_staff: true,
      email: 'ann@example.com',
      groups: [],
    })
    expect(second.body).toMatchObject({ username: 'bob', is_superuser: false })
    expect((first.body as { date_joined: string }).date_joined).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  })

  it.each([
    [{}, { username: ['This field is required.'], password: ['This field is required.'] }],
    [
      { username: '', password: '' },
      { username: ['This field may not be blank.', expect.any(String)], password: ['This field may not be blank.'] },
    ],
    [
      { username: 'a b', password: 'x' },
      { username: ['Enter a valid username. This value may contain only letters, numbers and @/./+/-/_ characters.'] },
    ],
    [{ username: 'ann', password: 'x' }, { username: ['A user with that username already exists.'] }],
    [{ username: 'eve', password: 'x', email: 'nope' }, { email: ['Enter a valid email address.'] }],
    [
      { username: null, password: 5 },
      { username: ['This field may not be null.'], password: ['Not a valid string.'] },
    ],
    [
      { username: 'x'.repeat(151), password: 'x' },
      { username: ['Ensure this field has no more than 150 characters.'] },
    ],
    [[], { non_field_errors: ['Invalid data. Expected a dictionary, but got list.'] }],
  ])('refuses the registration %j', async (body, fields) => {
    const answer = await f.call('POST', '/v2/auth/register/', body)
    expect([answer.status, answer.body]).toEqual([400, fields])
  })

  it('takes the original client’s bad token on register for no token, and refuses it on login', async () => {
    expect((await f.call('POST', '/v2/auth/register', { username: 'cal', password: 'x' }, 'bad')).status).toBe(201)
    expect((await f.call('POST', '/v2/auth/login', { username: 'cal', password: 'x' }, 'bad')).status).toBe(401)
  })

  it('refuses a wrong password with the text the client knows', async () => {
    const answer = await f.call('POST', '/v2/auth/login/', { username: 'ann', password: 'wrong' })
    expect([answer.status, answer.body]).toEqual([
      400,
      { non_field_errors: ['Unable to log in with provided credentials.'] },
    ])
  })

  it('stops password guessing', async () => {
    for (let n = 0; n < 10; n++) await f.call('POST', '/v2/auth/login/', { username: 'victim', password: `try ${n}` })
    const answer = await f.call('POST', '/v2/auth/login/', { username: 'victim', password: 'next' })
    expect(answer.status).toBe(429)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('stores neither tokens nor passwords', async () => {
    const rows = JSON.stringify([await f.core.db.token.findMany(), await f.core.db.user.findMany()])
    expect(rows).not.toContain(ann)
    expect(rows).not.toContain('ann-secret')
  })

  it('changes a password, ends other sessions and keeps this one', async () => {
    const token = await f.user('dan')
    const other = (
      (await f.call('POST', '/v2/auth/login/', { username: 'dan', password: 'dan-secret' })).body as { token: string }
    ).token
    expect((await f.call('POST', '/v2/auth/passwd/', { password: 'wrong', new_password: 'n' }, token)).body).toEqual({
      detail: 'Current password does not match',
    })
    expect((await f.call('POST', '/v2/auth/passwd/', { password: 'dan-secret' }, token)).body).toEqual({
      detail: 'new_password is a required field',
    })
    expect((await f.call('POST', '/v2/auth/passwd/', { new_password: 'n' }, token)).body).toEqual({
      detail: 'password is a required field',
    })
    expect(
      (await f.call('POST', '/v2/auth/passwd/', { username: 'ann', password: 'x', new_password: 'n' }, token)).status,
    ).toBe(403)
    const done = await f.call('POST', '/v2/auth/passwd/', { password: 'dan-secret', new_password: 'new' }, token)
    expect([done.status, done.body]).toEqual([200, { status: 'password set' }])
    expect((await f.call('GET', '/v2/auth/whoami', undefined, token)).status).toBe(200)
    expect((await f.call('GET', '/v2/auth/whoami', undefined, other)).status).toBe(401)
    expect((await f.call('POST', '/v2/auth/login/', { username: 'dan', password: 'new' })).status).toBe(200)
    expect((await f.call('POST', '/v2/auth/passwd/', { username: 'nobody', new_password: 'n' }, ann)).body).toBe(
      'No User matches the given query.',
    )
  })

  it('regenerates tokens of oneself, of another as admin, and of everyone', async () => {
    const token = await f.user('fay')
    const next = await f.call('POST', '/v2/auth/tokens/', '', token)
    expect(next.body).toEqual({ token: expect.stringMatching(/^[0-9a-f]{40}$/) })
    expect((await f.call('GET', '/v2/auth/whoami', undefined, token)).status).toBe(401)
    const mine = (next.body as { token: string }).token
    expect((await f.call('POST', '/v2/auth/tokens/', { username: 'ann' }, mine)).status).toBe(403)
    expect((await f.call('POST', '/v2/auth/tokens/', { all: true }, mine)).status).toBe(403)
    expect((await f.call('POST', '/v2/auth/tokens/', { username: 'fay' }, ann)).status).toBe(200)
    expect((await f.call('GET', '/v2/auth/whoami', undefined, mine)).status).toBe(401)
  })

  it('cancels an account unless it owns an app', async () => {
    const token = await f.user('gus')
    await f.call('POST', '/v2/apps/', { id: 'gus-app' }, token)
    const refused = await f.call('DELETE', '/v2/auth/cancel/', undefined, token)
    expect([refused.status, refused.body]).toEqual([
      409,
      { detail: 'gus still has applications assigned. Delete or transfer ownership' },
    ])
    await f.call('DELETE', '/v2/apps/gus-app/', undefined, token)
    expect((await f.call('DELETE', '/v2/auth/cancel/', { username: 'ann' }, token)).status).toBe(403)
    expect((await f.call('DELETE', '/v2/auth/cancel/', '', token)).status).toBe(204)
    expect((await f.call('GET', '/v2/auth/whoami', undefined, token)).status).toBe(401)
  })

  it('lists users to admins only', async () => {
    expect((await f.call('GET', '/v2/users/', undefined, bob)).status).toBe(403)
    const page = (await f.call('GET', '/v2/users/?limit=1', undefined, ann)).body as {
      count: number
      results: unknown[]
      next: string
    }
    expect(page.results).toHaveLength(1)
    expect(page.count).toBeGreaterThan(2)
    expect(page.next).toMatch(/\/v2\/users\/\?limit=1&offset=1$/)
  })

  it('regenerates everyone’s tokens', async () => {
    const answer = await f.call('POST', '/v2/auth/tokens/', { all: true }, ann)
    expect([answer.status, answer.text]).toEqual([200, '""'])
    expect((await f.call('GET', '/v2/auth/whoami', undefined, ann)).status).toBe(401)
  })
})

describe('registration modes', () => {
  it.each([
    ['disabled', [403, { detail: 'Registration is disabled' }]],
    ['admin_only', [201, expect.objectContaining({ is_superuser: true })]],
  ])('%s, first user', async (mode, wanted) => {
    const f = await openFixture({ env: { REGISTRATION_MODE: mode } })
    try {
      const answer = await f.call('POST', '/v2/auth/register/', { username: 'ann', password: 'x' })
      expect([answer.status, answer.body]).toEqual(wanted)
    } finally {
      await f.close()
    }
  })

  it('admin_only lets only admins register others', async () => {
    const f = await openFixture({ env: { REGISTRATION_MODE: 'admin_only' } })
    try {
      const admin = await f.user('ann')
      expect((await f.call('POST', '/v2/auth/register/', { username: 'bob', password: 'x' })).status).toBe(403)
      expect((await f.call('POST', '/v2/auth/register/', { username: 'bob', password: 'x' }, admin)).status).toBe(201)
    } finally {
      await f.close()
    }
  })

  it('makes no new user admin once all admins are gone', async () => {
    const f = await openFixture()
    try {
      await f.user('ann')
      await f.core.db.user.updateMany({ data: { isSuperuser: false } })
      const answer = await f.call('POST', '/v2/auth/register/', { username: 'eve', password: 'x' })
      expect(answer.body).toMatchObject({ is_superuser: false })
    } finally {
      await f.close()
    }
  })
})
