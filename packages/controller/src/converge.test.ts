// Does an app reach its desired state after the controller, or the whole machine, went down during a deploy?
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Fixture, openFixture } from './http/fixture.ts'
import { insertBuild } from './domain/builds/build.ts'
import { appRow, converge } from './domain/releases/converge.ts'
import { createRelease, latestGood } from './domain/releases/release.ts'

describe('converge', () => {
  let f: Fixture
  let ann: string
  beforeEach(async () => {
    f = await openFixture({ env: { DEIS_DEPLOY_TIMEOUT: '2' } })
    ann = await f.user('ann')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/tea:1', procfile: { web: 'serve' } }, ann)
  })
  afterEach(() => f.close())

  /** What a controller that was killed right after storing v3 leaves. */
  const leavePending = async (command: string): Promise<void> => {
    const app = await appRow(f.core, 'tea')
    if (!app) throw new Error('no app')
    const build = {
      source: 'pull',
      image: 'acme/tea:2',
      sha: '',
      ref: '',
      dockerfile: '',
      port: 5000,
      reference: null,
    } as const
    const row = await insertBuild(f.core, app, 'ann', build, { web: command }, 'succeeded')
    const { configUuid } = await latestGood(f.core.db, app)
    const counts = { structure: { web: 2 }, before: { web: 1 } }
    await createRelease(f.core, app, {
      owner: 'ann',
      summary: 'ann deployed acme/tea:2',
      config: configUuid,
      buildUuid: row.uuid,
      ...counts,
    })
  }
  const releases = async (): Promise<[number, string][]> =>
    (await f.core.db.release.findMany({ orderBy: { version: 'asc' } })).map(({ version, state }) => [version, state])
  const running = async (): Promise<string[]> =>
    (await f.core.scheduler.observe('tea')).filter(({ state }) => state === 'up').map(({ release }) => `v${release}`)

  it('carries a deploy on', async () => {
    await leavePending('serve')
    await converge(f.core, 'tea')
    expect(await releases()).toEqual([
      [1, 'deployed'],
      [2, 'deployed'],
      [3, 'deployed'],
    ])
    expect(await running()).toEqual(['v3', 'v3'])
  })

  it('goes back when the deploy fails: release, processes and scale', async () => {
    await leavePending('crash')
    await expect(converge(f.core, 'tea')).rejects.toThrow('Rolling back process types to release v2')
    expect(await releases()).toEqual([
      [1, 'deployed'],
      [2, 'deployed'],
      [3, 'failed'],
    ])
    expect(await running()).toEqual(['v2'])
    expect((await f.call('GET', '/v2/apps/tea', undefined, ann)).body).toMatchObject({ structure: { web: 1 } })
  })

  it('serves the last good release while it tries the other, when nothing runs any more', async () => {
    await leavePending('never-ready')
    await f.core.scheduler.remove('tea', new AbortController().signal)
    const converging = converge(f.core, 'tea').then(
      () => 'done',
      () => 'failed',
    )
    await vi.waitFor(async () => expect(await running()).toEqual(['v2']), { timeout: 1500, interval: 20 })
    expect((await releases())[2]).toEqual([3, 'pending'])
    expect(await converging).toBe('failed')
    expect(await running()).toEqual(['v2'])
  })

  it('changes nothing of an app that is as it should be', async () => {
    const before = await f.core.scheduler.observe('tea')
    await converge(f.core, 'tea')
    expect(await f.core.scheduler.observe('tea')).toEqual(before)
  })
})
