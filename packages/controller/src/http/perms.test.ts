// What may each user do with an app, and who can add admins (docs/contract/api.md §2.2, §2.11, §8 row 13)?
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'

const noUser = '"No User matches the given query."'

describe('collaborators', () => {
  let f: Fixture
  let ann: string
  let cal: string
  let eve: string
  beforeAll(async () => {
    f = await openFixture()
    await f.user('root')
    ann = await f.user('ann')
    cal = await f.user('cal.o+x')
    eve = await f.user('eve')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  })
  afterAll(() => f.close())
  const perms = (token = ann) => f.call('GET', '/v2/apps/tea/perms/', undefined, token)
  const grant = (username: unknown, token = ann) => f.call('POST', '/v2/apps/tea/perms/', { username }, token)
  const revoke = (username: string, token = ann) =>
    f.call('DELETE', `/v2/apps/tea/perms/${encodeURIComponent(username)}`, undefined, token)

  it('are granted, listed and revoked, also with unusual names', async () => {
    expect((await perms()).body).toEqual({ users: [] })
    for (let twice = 0; twice < 2; twice++) {
      const granted = await grant('cal.o+x')
      expect([granted.status, granted.text]).toEqual([201, ''])
    }
    expect((await perms(cal)).body).toEqual({ users: ['cal.o+x'] })
    expect((await f.call('GET', '/v2/apps/', undefined, cal)).body).toMatchObject({ results: [{ id: 'tea' }] })
    expect((await revoke('cal.o+x')).status).toBe(204)
    expect((await perms(cal)).status).toBe(403)
    const { text } = await f.call('GET', '/v2/apps/tea/logs', undefined, ann)
    expect(text).toMatch(/INFO User cal\.o\+x was granted access to tea\n/)
    expect(text).toMatch(/INFO User cal\.o\+x was revoked access to tea\n/)
  })

  it('are users that exist', async () => {
    expect((await grant('nobody')).text).toBe(noUser)
    expect((await revoke('nobody')).text).toBe(noUser)
    expect((await revoke('eve')).status).toBe(403)
    expect((await f.call('POST', '/v2/apps/tea/perms/', '', ann)).body).toEqual({
      username: ['This field is required.'],
    })
    expect((await grant(null)).body).toEqual({ username: ['This field may not be null.'] })
  })

  it('use the app, but neither share, hand over nor take away (§8 row 13)', async () => {
    await grant('cal.o+x')
    await grant('eve')
    const answers: [string, string, unknown, number][] = [
      ['GET', '/v2/apps/tea/', undefined, 200],
      ['POST', '/v2/apps/tea/config/', { values: { A: '1' } }, 201],
      ['POST', '/v2/apps/tea/builds/', { image: 'acme/api' }, 201],
      ['POST', '/v2/apps/tea/scale/', { cmd: 2 }, 204],
      ['POST', '/v2/apps/tea/run', { command: 'echo hello' }, 200],
      ['POST', '/v2/apps/tea/pods/restart/', '', 200],
      ['POST', '/v2/apps/tea/domains/', { domain: 'tea.example' }, 201],
      ['POST', '/v2/apps/tea/whitelist/', { addresses: ['::1'] }, 201],
      ['POST', '/v2/apps/tea/settings/', { maintenance: true }, 201],
      ['POST', '/v2/apps/tea/tls/', { https_enforced: true }, 201],
      ['GET', '/v2/apps/tea/perms/', undefined, 200],
      ['POST', '/v2/apps/tea/', {}, 200],
      ['POST', '/v2/apps/tea/', { owner: 'eve' }, 403],
      ['POST', '/v2/apps/tea/perms/', { username: 'root' }, 403],
      ['DELETE', '/v2/apps/tea/perms/eve', undefined, 403],
      ['DELETE', '/v2/apps/tea/domains/tea.example', undefined, 403],
      ['DELETE', '/v2/apps/tea/whitelist/', { addresses: ['::1'] }, 403],
      ['DELETE', '/v2/apps/tea/', undefined, 403],
    ]
    for (const [method, path, body, status] of answers)
      expect([method, path, (await f.call(method, path, body, cal)).status]).toEqual([method, path, status])
    expect((await revoke('cal.o+x', cal)).status).toBe(204)
    expect((await perms(cal)).status).toBe(403)
    expect((await revoke('eve', eve)).status).toBe(204)
  })
})

describe('admins', () => {
  let f: Fixture
  let root: string
  let ann: string
  beforeAll(async () => {
    f = await openFixture()
    root = await f.user('root')
    ann = await f.user('ann')
  })
  afterAll(() => f.close())
  const admins = (token: string) => f.call('GET', '/v2/admin/perms/', undefined, token)

  it('make and unmake admins', async () => {
    expect((await admins(ann)).status).toBe(403)
    expect((await f.call('POST', '/v2/admin/perms/', { username: 'ann' }, ann)).status).toBe(403)
    const made = await f.call('POST', '/v2/admin/perms', { username: 'ann' }, root)
    expect([made.status, made.text]).toEqual([201, ''])
    expect((await admins(ann)).body).toEqual({
      count: 2,
      next: null,
      previous: null,
      results: [
        { username: 'ann', is_superuser: true },
        { username: 'root', is_superuser: true },
      ],
    })
    expect((await f.call('GET', '/v2/auth/whoami', undefined, ann)).body).toMatchObject({ is_staff: true })
    expect((await f.call('DELETE', '/v2/admin/perms/ann', undefined, root)).status).toBe(204)
    expect((await f.call('DELETE', '/v2/admin/perms/ann', undefined, root)).status).toBe(204)
    expect((await admins(ann)).status).toBe(403)
  })

  it('name users that exist', async () => {
    expect((await f.call('POST', '/v2/admin/perms/', { username: 'nobody' }, root)).text).toBe(noUser)
    expect((await f.call('DELETE', '/v2/admin/perms/nobody', undefined, root)).text).toBe(noUser)
    expect((await f.call('POST', '/v2/admin/perms/', '', root)).body).toEqual({
      username: ['This field is required.'],
    })
  })

  it('never all go (§7 #34)', async () => {
    const last = await f.call('DELETE', '/v2/admin/perms/root', undefined, root)
    expect([last.status, last.body]).toEqual([409, { detail: expect.stringContaining('"root" is the last admin') }])
    await f.call('POST', '/v2/admin/perms/', { username: 'ann' }, root)
    const both = await Promise.all(
      [root, ann].map((token, index) =>
        f.call('DELETE', `/v2/admin/perms/${index === 0 ? 'ann' : 'root'}`, undefined, token),
      ),
    )
    expect(both.filter(({ status }) => status === 204).length).toBeLessThan(2)
    expect(await f.core.db.user.count({ where: { isSuperuser: true } })).toBeGreaterThan(0)
  })
})
