// What can still be done with an app whose stored data cannot be read?
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resumeApps } from '../domain/releases/start.ts'
import { type Answer, type Fixture, openFixture } from './fixture.ts'

// PostgreSQL stores no JSON that is none.
describe.skipIf(process.env.DATABASE_URL?.startsWith('postgres'))('an app with stored texts that are not JSON', () => {
  let f: Fixture
  let ann: string
  const get = (path: string): Promise<Answer> => f.call('GET', `/v2/apps/${path}`, undefined, ann)
  const post = (path: string, body: unknown): Promise<Answer> => f.call('POST', `/v2/apps/${path}`, body, ann)
  const damage = (table: string, column: string, text: string): Promise<number> =>
    f.core.db.$executeRawUnsafe(`UPDATE "${table}" SET "${column}" = ?`, text)
  beforeEach(async () => {
    f = await openFixture()
    ann = await f.user('ann')
    await post('', { id: 'tea' })
    expect((await post('tea/builds/', { image: 'acme/tea:1', procfile: { web: 'serve' } })).status).toBe(201)
  })
  afterEach(() => f.close())

  it.each(['{"web":', '', 'web=1', '{"web":1}}', '['.repeat(99)])(
    'as its counts, such as %j, is shown and read, and says how it comes back',
    async (text) => {
      await damage('App', 'structure', text)
      await damage('App', 'removed', text)
      expect(await get('')).toMatchObject({ status: 200, body: { count: 1, results: [{ id: 'tea', structure: {} }] } })
      expect(await get('tea/')).toMatchObject({ status: 200, body: { id: 'tea', structure: {} } })
      for (const path of ['config/', 'releases/', 'builds/', 'domains/', 'pods/', 'settings/'])
        expect([path, (await get(`tea/${path}`)).status]).toEqual([path, 200])
      const changed = await post('tea/config/', { values: { A: 'b' } })
      expect([changed.status, changed.text]).toEqual([
        400,
        expect.stringContaining('process counts cannot be read: set them again with deis scale'),
      ])
      expect((await post('tea/scale/', { web: 2 })).status).toBe(204)
      expect((await get('tea/')).body).toMatchObject({ structure: { web: 2 } })
      expect((await post('tea/config/', { values: { A: 'b' } })).status).toBe(201)
      expect((await f.memory.observe('tea')).filter(({ state }) => state === 'up')).toHaveLength(2)
    },
  )

  it('as its counts is reported at the start', async () => {
    await damage('App', 'structure', '{"web":')
    await resumeApps(f.core)
    expect((await get('tea/logs')).text).toContain('ERROR The app cannot be started: its stored process counts')
    expect((await f.call('GET', '/v2/doctor/', undefined, ann)).text).toContain('tea (The app cannot be started')
  })

  it.each([
    ['Settings', 'whitelist', 'settings/'],
    ['Config', 'memory', 'config/'],
    ['Build', 'procfile', ''],
    ['Release', 'before', 'releases/'],
  ])('in %s.%s is named, with the way out', async (table, column, path) => {
    await damage(table, column, '{"web":')
    expect(await get('')).toMatchObject({ status: 200, body: { count: 1 } })
    const answer = await get(`tea/${path}`)
    expect([answer.status, answer.body]).toEqual([
      409,
      { detail: expect.stringMatching(/^Stored data of "tea" cannot be read \(.*\), so .*deis destroy/) },
    ])
    expect((await f.call('DELETE', '/v2/apps/tea/', undefined, ann)).status).toBe(204)
    expect(await get('')).toMatchObject({ status: 200, body: { count: 0 } })
  })
})
