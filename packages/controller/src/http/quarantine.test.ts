// Does a platform in quarantine change nothing of what it shows?
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'

let f: Fixture
let ann: string
beforeAll(async () => {
  f = await openFixture()
  ann = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  await f.close()
  f = await openFixture({ env: { DEIS_QUARANTINE: 'true' } })
})
afterAll(() => f.close())

it.each([
  ['POST', '/v2/apps/'],
  ['POST', '/v2/auth/register/'],
  ['POST', '/v2/auth/device/'],
  ['POST', '/v2/apps/tea/domains/'],
  ['DELETE', '/v2/apps/tea/'],
  ['POST', '/v2/auth/passwd/?a=/v2/auth/login/'],
])('%s %s is refused before anything else', async (method, path) => {
  expect(await f.call(method, path, {}, ann)).toMatchObject({
    status: 503,
    body: { detail: 'This platform is in quarantine (DEIS_QUARANTINE): it shows what is stored, and changes nothing.' },
  })
})

it('can be looked at after a login', async () => {
  expect((await f.call('GET', '/healthz')).status).toBe(200)
  expect((await f.call('POST', '/v2/auth/login/', { username: 'nobody', password: 'x' })).status).toBe(400)
})
