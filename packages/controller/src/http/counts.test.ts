// Is every stored count one that can run, do counts come back with their types, and is there a notice when nothing answers requests?
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'

describe('counts', () => {
  let f: Fixture
  let ann: string
  const open = async (options: Parameters<typeof openFixture>[0] = {}): Promise<void> => {
    f = await openFixture(options)
    ann = await f.user('ann')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  }
  const pull = (procfile: Record<string, string>) =>
    f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/tea:1', procfile }, ann)
  const scale = (body: unknown) => f.call('POST', '/v2/apps/tea/scale/', body, ann)
  const structure = async (): Promise<unknown> =>
    ((await f.call('GET', '/v2/apps/tea', undefined, ann)).body as { structure: unknown }).structure
  const running = async (): Promise<string[]> =>
    (await f.core.scheduler.observe('tea'))
      .filter(({ state }) => state === 'up')
      .map(({ type }) => type)
      .toSorted()
  const log = async (): Promise<string> => (await f.call('GET', '/v2/apps/tea/logs', undefined, ann)).text
  afterEach(() => f.close())

  describe('that cannot run', () => {
    beforeEach(() => open({ env: { DEIS_MAX_PROCESSES: '7' } }))

    it.each([8, 1_000_000_000, '9007199254740991', 1e15])(
      'of %s are refused before anything is stored',
      async (count) => {
        await pull({ web: 'serve' })
        const answer = await scale({ web: count })
        expect([answer.status, answer.body]).toEqual([
          400,
          {
            detail: `web=${count} is more than the 7 processes that this platform allows per type (DEIS_MAX_PROCESSES), so nothing was changed.`,
          },
        ])
        expect(await structure()).toEqual({ web: 1 })
        expect((await scale({ web: 7 })).status).toBe(204)
      },
    )

    it('are not accepted as a maximum of autoscaling either', async () => {
      const rule = { min: 1, max: 8, cpu_percent: 50 }
      const answer = await f.call('POST', '/v2/apps/tea/settings/', { autoscale: { web: rule } }, ann)
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('DEIS_MAX_PROCESSES')])
      expect(await f.core.db.settings.count()).toBe(1)
    })

    it('come from hooks, templates and stored rows no more than from people', async () => {
      const made = await f.call('POST', '/v2/apps/', { id: 'cup', structure: { web: 1_000_000_000 } }, ann)
      expect(made.body).toMatchObject({ structure: {} })
      await pull({ web: 'serve' })
      await f.core.db.app.updateMany({ where: { id: 'tea' }, data: { structure: { web: 1_000_000_000 } } })
      const refused = await f.call('POST', '/v2/apps/tea/config/', { values: { A: '1' } }, ann)
      expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('deis scale web=1')])
      expect(await running()).toEqual(['web'])
      expect((await scale({ web: 2 })).status).toBe(204)
      expect(await running()).toEqual(['web', 'web'])
    })
  })

  it('beyond what the backend can run are refused before anything is stored', async () => {
    await open({ capabilities: { freeProcesses: 3 } })
    await pull({ web: 'serve' })
    const answer = await scale({ web: 5 })
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('can run 3 more processes, not 4')])
    expect(await structure()).toEqual({ web: 1 })
    expect((await scale({ web: 4 })).status).toBe(204)
    expect((await scale({ web: 1 })).status).toBe(204)
  })

  describe('of types that go', () => {
    beforeEach(() => open())

    it('come back with them, at a build', async () => {
      await pull({ web: 'serve', worker: 'work' })
      await scale({ web: 3, worker: 2 })
      await pull({ worker: 'work' })
      expect(await running()).toEqual(['worker', 'worker'])
      await pull({ web: 'serve', worker: 'work' })
      expect(await running()).toEqual(['web', 'web', 'web', 'worker', 'worker'])
    })

    it('come back with them, at a rollback', async () => {
      await pull({ web: 'serve', worker: 'work' })
      await scale({ web: 2 })
      await pull({ worker: 'work' })
      expect((await f.call('POST', '/v2/apps/tea/releases/rollback/', { version: 2 }, ann)).status).toBe(201)
      expect(await running()).toEqual(['web', 'web'])
    })

    it('come back after a failed deploy in between, and stay at 0 when that was wanted', async () => {
      await pull({ web: 'serve', worker: 'work' })
      await scale({ web: 2, worker: 1 })
      expect((await pull({ worker: 'crash' })).status).toBe(400)
      expect(await running()).toEqual(['web', 'web', 'worker'])
      await scale({ web: 0 })
      await pull({ worker: 'work' })
      await pull({ web: 'serve', worker: 'work' })
      expect(await running()).toEqual(['worker'])
    })
  })

  describe('of 0', () => {
    beforeEach(() => open())

    it.each<[string, Record<string, string>, Record<string, number>, string]>([
      [
        'nothing runs',
        { web: 'serve' },
        { web: 0 },
        'No process of "tea" runs, because every process type is scaled to 0. Start one with: deis scale web=1 -a tea',
      ],
      [
        'only others run',
        { web: 'serve', worker: 'work' },
        { web: 0, worker: 1 },
        'Nothing answers requests to "tea", because no web or cmd process runs. Start one with: deis scale web=1 -a tea',
      ],
    ])('are told at every release: %s', async (_, procfile, counts, notice) => {
      await pull(procfile)
      await scale(counts)
      expect(await log()).not.toContain('Nothing')
      await f.call('POST', '/v2/apps/tea/config/', { values: { A: '1' } }, ann)
      expect(await log()).toContain(`WARN ${notice}\n`)
    })

    it('are right for an app that wants no requests', async () => {
      await pull({ web: 'serve', worker: 'work' })
      await scale({ web: 0, worker: 1 })
      await f.call('POST', '/v2/apps/tea/settings/', { routable: false }, ann)
      await f.call('POST', '/v2/apps/tea/config/', { values: { A: '1' } }, ann)
      expect(await log()).not.toContain('Nothing')
    })
  })
})
