// Does an app reach its desired state after the controller, or the whole machine, went down during a deploy?
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Fixture, openFixture } from './http/fixture.ts'
import { insertBuild } from './domain/builds/build.ts'
import { examine } from './domain/doctor.ts'
import { appRow, converge } from './domain/releases/converge.ts'
import { createRelease, latestGood } from './domain/releases/release.ts'
import { resumeApps } from './domain/releases/start.ts'

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

  describe('after a reboot', () => {
    /** The stored release no longer does what it did when it was deployed. */
    const becomes = (procfile: Record<string, string>) => f.core.db.build.updateMany({ data: { procfile } })
    const reboot = () => f.core.scheduler.remove('tea', new AbortController().signal)
    const apps = async (): Promise<string | undefined> =>
      (await examine(f.core, { isSuperuser: true })).checks.find(({ name }) => name === 'apps')?.detail
    const logged = async (): Promise<string[]> => (await f.core.logs.tail('tea', 20)).map(({ text }) => text)
    const up = async (): Promise<string[]> =>
      (await f.core.scheduler.observe('tea')).filter(({ state }) => state === 'up').map(({ name }) => name)
    beforeEach(async () => {
      const procfile = { web: 'serve', worker: 'sleep' }
      await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/tea:2', procfile }, ann)
      expect((await f.call('POST', '/v2/apps/tea/scale/', { web: 2, worker: 1 }, ann)).status).toBe(204)
    })

    it('runs what can run of the release, names what does not, and forgets that when it does', async () => {
      let routed: readonly string[] = []
      await becomes({ web: 'serve', worker: 'crash' })
      await reboot()
      await resumeApps(f.core)
      const serving = await up()
      expect(serving).toHaveLength(2)
      f.core.routes.subscribe('test', (event) => {
        if (event.type === 'snapshot') routed = event.apps.find(({ app }) => app === 'tea')?.upstreams ?? []
      })()
      expect(routed).toHaveLength(2)
      const why = /worker does not run: process exited with code 1 \(tea-worker-\S+\)/
      expect(await logged()).toContainEqual(expect.stringMatching(why))
      expect(await apps()).toMatch(why)
      const pods = (await f.call('GET', '/v2/apps/tea/pods/', undefined, ann)).body as { results: { state: string }[] }
      expect(pods.results.map(({ state }) => state).toSorted()).toEqual(['error', 'up', 'up'])
      // Another look changes nothing of those that serve.
      expect((await converge(f.core, 'tea')).map(({ type, failed }) => [type, failed])).toEqual([['worker', true]])
      expect(await up()).toEqual(serving)
      const procfile = { web: 'serve', worker: 'sleep' }
      await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/tea:3', procfile }, ann)
      expect(await up()).toHaveLength(3)
      expect(await apps()).toBe('every app runs as configured')
    })
  })

  it('changes nothing of an app that is as it should be', async () => {
    const before = await f.core.scheduler.observe('tea')
    await converge(f.core, 'tea')
    expect(await f.core.scheduler.observe('tea')).toEqual(before)
  })
})
