// Who becomes the admin of a platform that other machines can reach?
import { registrationTokenMessages } from '@deis/types'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Answer, type Fixture, openFixture } from './fixture.ts'

const token = 'only the operator knows this'
const forbidden = { detail: 'You do not have permission to perform this action.' }

describe.each(['admin_only', 'enabled'])('a platform with a registration token, %s', { timeout: 120_000 }, (mode) => {
  let f: Fixture
  const register = (username: string, more: object = {}, as?: string): Promise<Answer> =>
    f.call('POST', '/v2/auth/register/', { username, password: 'x', ...more }, as)
  beforeEach(async () => {
    f = await openFixture({
      env: { DEIS_REGISTRATION_TOKEN: token, DEIS_API_HOST: '0.0.0.0', REGISTRATION_MODE: mode },
    })
  })
  afterEach(() => f.close())

  it('refuses a first account without the token', async () => {
    const { needed, wrong } = registrationTokenMessages
    expect(await register('eve')).toMatchObject({ status: 400, body: { token: [needed] } })
    expect(await register('eve', { token: '' })).toMatchObject({ status: 400, body: { token: [needed] } })
    expect(await register('eve', { token: token.slice(1) })).toMatchObject({ status: 400, body: { token: [wrong] } })
    expect(await register('eve', { token: { toString: token } })).toMatchObject({ status: 400 })
    expect(await register('eve', { token: 'x'.repeat(300) })).toMatchObject({ status: 400 })
    expect(await f.core.db.user.count()).toBe(0)
  })

  it('makes the first user with the token admin, once', async () => {
    expect(await register('root', { token: ` ${token}\n` })).toMatchObject({
      status: 201,
      body: { is_superuser: true },
    })
    const later = await register('eve', { token })
    if (mode === 'enabled') expect(later).toMatchObject({ status: 201, body: { is_superuser: false } })
    else expect(later).toMatchObject({ status: 403, body: forbidden })
    expect((await register('ann')).status).toBe(mode === 'enabled' ? 201 : 403)
  })

  it('makes one administrator of many who come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, one) => register(`root${one}`, { token })))
    const admins = answers.filter(({ body }) => (body as { is_superuser?: boolean }).is_superuser)
    expect(admins).toHaveLength(1)
    expect(await f.core.db.user.count({ where: { isSuperuser: true } })).toBe(1)
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(mode === 'enabled' ? 8 : 1)
  })
})

it('who may not register is told before the work that a password makes', async () => {
  const f = await openFixture({ env: { REGISTRATION_MODE: 'admin_only' } })
  try {
    await f.user('ann')
    // More at once than may wait for it.
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, one) =>
        f.call('POST', '/v2/auth/register/', { username: `e${one}`, password: 'x' }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 403))
  } finally {
    await f.close()
  }
})
