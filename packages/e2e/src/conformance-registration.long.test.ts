// Who may register where the operator limits it (docs/contract/api.md §3.11, §8 row 2)?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signUp } from './conformance/stage.ts'
import { speaker, withToken } from './conformance/wire.ts'
import { type Platform, startPlatform } from './platform.ts'

const account = (username: string) => ({ username, password: 'x', email: '' })

let platforms: Platform[] = []
beforeAll(async () => {
  platforms = await Promise.all(
    ['admin_only', 'disabled'].map((REGISTRATION_MODE) => startPlatform({ REGISTRATION_MODE })),
  )
})
afterAll(async () => {
  for (const platform of platforms) await platform.stop()
})

describe('§8 row 2', () => {
  test('admin_only: the first is admin; then only admins register others, and no answer is a 401', async () => {
    const api = platforms[0]?.api ?? ''
    const { account: first, token } = await signUp(api, 'root')
    expect(first.json).toMatchObject({ is_superuser: true, is_staff: true })
    const root = withToken(api, token)
    const strangers: Record<string, string>[] = [{}, { Authorization: `token ${'0'.repeat(40)}` }]
    for (const credentials of strangers)
      expect((await speaker(api, credentials).post('/v2/auth/register/', account('eve'))).status).toBe(403)
    expect(await root.post('/v2/auth/register/', account('ann'))).toMatchObject({
      status: 201,
      json: { is_superuser: false },
    })
    const { json } = await speaker(api, {}).post('/v2/auth/login/', { username: 'ann', password: 'x' })
    const ann = withToken(api, (json as { token: string }).token)
    expect((await ann.post('/v2/auth/register/', account('eve'))).status).toBe(403)
  })

  test('disabled: nobody, not even the first', async () => {
    const { status, json } = await speaker(platforms[1]?.api ?? '', {}).post('/v2/auth/register/', account('root'))
    expect([status, json]).toEqual([403, { detail: 'Registration is disabled' }])
  })
})
