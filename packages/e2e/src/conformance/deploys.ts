// Do builds, releases and processes of an app with code behave as docs/contract/api.md §2.3, §2.4, §2.6 and §2.7 say?
import { beforeAll, describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import { clientText } from './client-text.ts'
import type { Steps } from './stage.ts'

type Release = { version: number; summary: string; failed: boolean; build: string | null; config: string }
type Pod = { name: string; type: string; state: string; release: string }

const failedDeploy = /^\(app::deploy\): /

export const deploys: Steps = (backend, on) => {
  describe('§2.6, §2.7 an app with code', () => {
    let app: string
    let id: string
    beforeAll(async () => {
      app = await on().create('coded')
      id = on().name('coded')
      await on().deploy(id)
    })
    const newest = async (): Promise<Release> => {
      const { json } = await on().ann.get(`${app}/releases/?limit=1`)
      const [first] = (json as { results: Release[] }).results
      if (!first) throw new Error('there is no release')
      return first
    }
    const pods = async (part = ''): Promise<Pod[]> => {
      const { json } = await on().ann.get(`${app}/pods/${part}`)
      return (json as { results: Pod[] }).results
    }
    const isUp = async (count: number): Promise<Pod[]> =>
      until({ what: `${count} processes are up and no other is there`, seconds: 60 }, async () => {
        const found = await pods()
        return found.length === count && found.every(({ state }) => state === 'up') && found
      })

    test('row 8: a Procfile with web and worker runs one web process', async () => {
      const { ann } = on()
      expect((await ann.get(`${app}/`)).json).toMatchObject({
        structure: { web: 1 },
        procfile_structure: { web: expect.any(String) as string, worker: expect.any(String) as string },
      })
      const { version, summary, failed } = await newest()
      expect({ version, failed }).toEqual({ version: backend === 'process' ? 2 : 3, failed: false })
      expect(summary).toMatch(/^ann deployed \S+$/)
    })

    test('the build is shown by its own uuid (§7 #16)', async () => {
      const { ann } = on()
      const { json } = await ann.get(`${app}/builds/?limit=100`)
      const { count, results } = json as {
        count: number
        results: { uuid: string; app: string; sha: string; dockerfile: string }[]
      }
      expect(count).toBe(1)
      expect(results[0]).toMatchObject({
        app: id,
        dockerfile: '',
        sha: expect.stringMatching(backend === 'process' ? /^[0-9a-f]{8}$/ : /^$/) as string,
      })
      expect((await newest()).build).toBe(results[0]?.uuid)
      expect((await ann.get(`${app}/builds/${results[0]?.uuid}/`)).json).toEqual(results[0])
    })

    test('§2.4 pods: all, by type, by name whatever the type', async () => {
      const [pod] = await isUp(1)
      expect(pod).toMatchObject({ type: 'web', state: 'up', release: `v${(await newest()).version}` })
      expect(await pods('web/')).toEqual([pod])
      expect(await pods('worker/')).toEqual([])
      expect(await pods(`web/${pod?.name}/`)).toEqual([pod])
      expect(await pods(`2147483647/${pod?.name}/`)).toEqual([pod])
      expect(await pods('?limit=0')).toEqual([pod])
    })

    test.each([
      [{ web: 'not_an_int' }, 400, "Invalid scaling format: invalid literal for int() with base 10: 'not_an_int'"],
      [{ web: -1 }, 400, "Invalid scaling format: ['Must be greater than or equal to zero']"],
      [{ nope: 1 }, 404, 'Container type nope does not exist in application'],
      [{ web: 1, nope: 1 }, 404, 'Container type nope does not exist in application'],
    ])('row 12: scale %j is refused', async (body, status, text) => {
      const { ann } = on()
      const detail = expect.stringContaining(text) as string
      expect(await ann.post(`${app}/scale/`, body)).toMatchObject({ status, json: { detail } })
      expect((await ann.get(`${app}/`)).json).toMatchObject({ structure: { web: 1 } })
    })

    test('row 12: scale answers when the processes run, and merges', async () => {
      const { ann } = on()
      expect(await ann.post(`${app}/scale/`, { worker: '1' })).toMatchObject({ status: 204, text: '' })
      expect((await ann.get(`${app}/`)).json).toMatchObject({ structure: { web: 1, worker: 1 } })
      expect((await isUp(2)).map(({ type }) => type).toSorted()).toEqual(['web', 'worker'])
      for (const body of [{ worker: 1 }, { worker: 1.9, web: true }])
        expect((await ann.post(`${app}/scale`, body)).status).toBe(204)
      await ann.post(`${app}/scale/`, { worker: 0 })
      expect((await ann.get(`${app}/`)).json).toMatchObject({ structure: { web: 1, worker: 0 } })
      await isUp(1)
    })

    test('§2.3 run gives output and exit code, and 200 whatever the code', async () => {
      const { ann } = on()
      const run = async (command: string): Promise<unknown> => (await ann.post(`${app}/run`, { command })).json
      const good = await run('echo "$DEIS_APP in $WORKFLOW_RELEASE"')
      expect(good).toEqual({ exit_code: 0, output: `${id} in v${(await newest()).version}\n` })
      expect(await run('echo gone; exit 3')).toEqual({ exit_code: 3, output: 'gone\n' })
      expect(await ann.post(`${app}/run/`, { command: 5 })).toMatchObject({
        status: 400,
        json: { detail: 'command is a required field' },
      })
    })

    test('§2.4 restart answers with the new pods; nothing found is an empty list', async () => {
      const { ann } = on()
      const restart = async (part: string): Promise<Pod[]> =>
        (await ann.post(`${app}/pods/${part}restart/`)).json as Pod[]
      const [first] = await isUp(1)
      expect((await restart('')).map(({ type, state }) => [type, state])).toContainEqual(['web', 'up'])
      const [second] = await isUp(1)
      expect(second?.name).not.toBe(first?.name)
      expect(await restart('worker/')).toEqual([])
      expect(await restart('web/no-such-pod/')).toEqual([])
    })

    test('§7 #9: a pod is restarted by its name, whatever stands in the place of its type', async () => {
      const [before] = await isUp(1)
      // The original client takes part of today's names for the type.
      const [, part] = /-([a-z0-9]+)-[a-z0-9]+$/.exec(before?.name ?? '') ?? []
      const { status } = await on().ann.post(`${app}/pods/${part ?? 'x'}/${before?.name}/restart/`)
      expect(status).toBe(200)
      const [after] = await isUp(1)
      expect(after?.name).not.toBe(before?.name)
      expect((await on().ann.send('GET', `${app}/pods/restart/`)).status).toBe(405)
    })

    test('row 9: config and rollback each make a release; a rollback has build and config of the old one', async () => {
      const { ann } = on()
      const first = await newest()
      const { json } = await ann.post(`${app}/config/`, { values: { A: '1' } })
      expect(json).toMatchObject({ values: { A: '1' } })
      const second = await newest()
      expect(second).toMatchObject({ version: first.version + 1, summary: 'ann added A', build: first.build })
      const back = await ann.post(`${app}/releases/rollback/`)
      expect(back.json).toEqual({ version: first.version + 2 })
      expect(await newest()).toMatchObject({
        version: first.version + 2,
        summary: `ann rolled back to v${first.version}`,
        build: first.build,
        config: first.config,
      })
      expect((await ann.get(`${app}/config/`)).json).not.toMatchObject({ values: { A: '1' } })
      expect((await ann.post(`${app}/releases/rollback/`, { version: second.version })).status).toBe(201)
      expect((await ann.get(`${app}/config/`)).json).toMatchObject({ values: { A: '1' } })
      expect((await ann.post(`${app}/releases/rollback/`, { version: 1 })).json).toEqual({
        detail: 'Cannot roll back to initial release.',
      })
      if (backend !== 'process')
        expect((await ann.post(`${app}/releases/rollback/`, { version: 2 })).json).toEqual({
          detail: 'No build associated with this release',
        })
    })

    test('row 10, §7 #1, D2, D3: a failed deploy is told, kept as failed, and skipped by what comes next', async () => {
      const { ann } = on()
      const before = await newest()
      const [pod] = await isUp(1)
      const failed = await ann.post(`${app}/config/`, { values: { BOOT: 'crash' } })
      expect([failed.status, failed.json]).toEqual([400, { detail: expect.stringMatching(failedDeploy) as string }])
      expect((failed.json as { detail: string }).detail).toContain(`v${before.version + 1}`)
      expect(await newest()).toMatchObject({
        version: before.version + 1,
        failed: true,
        summary: 'ann deployed a config that failed',
        exception: expect.stringMatching(/^error: /) as string,
      })
      expect((await ann.get(`${app}/config/`)).json).not.toMatchObject({ values: { BOOT: 'crash' } })
      expect(await isUp(1)).toMatchObject([{ name: pod?.name }])
      expect((await ann.post(`${app}/releases/rollback/`, { version: before.version + 1 })).json).toEqual({
        detail: 'Cannot roll back to failed release.',
      })
      await ann.post(`${app}/config/`, { values: { B: '2' } })
      expect(await newest()).toMatchObject({
        version: before.version + 2,
        failed: false,
        summary: 'ann added B',
        build: before.build,
      })
      expect((await ann.get(`${app}/releases/?limit=2`)).json).toMatchObject({
        results: [{ failed: false }, { failed: true }],
      })
    })

    test('§2.3 logs are lines of app and controller, ended by newlines, as many as asked for', async () => {
      const { ann } = on()
      const lines = async (query: string): Promise<string[]> => {
        const { text } = await ann.get(`${app}/logs${query}`)
        expect(text.endsWith('\n')).toBe(true)
        return text.slice(0, -1).split('\n')
      }
      const all = await lines('?log_lines=1000')
      expect(all.every((line) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z) \S+\[\S+\]: /.test(line))).toBe(true)
      expect(all.some((line) => / deis\[controller\]: INFO config \S+-[0-9a-f]{7} updated$/.test(line))).toBe(true)
      expect(all.some((line) => line.includes(' deis[controller]: INFO ann scaled pods worker=1'))).toBe(true)
      expect((await lines('?log_lines=3')).length).toBe(3)
      // §7 #35: whatever is asked is a number or nothing.
      for (const odd of ['x', '-1', '1%26since=1']) expect((await lines(`?log_lines=${odd}`)).length).toBeGreaterThan(3)
      expect(await ann.get(`${app}/logs?log_lines=0`)).toMatchObject({ status: 204, text: '' })
    })

    test('§7 #14: a command that was run, which may hold secrets, is in no log', async () => {
      const { ann } = on()
      await ann.post(`${app}/run`, { command: ': hush-7f3a' })
      const { text } = await ann.get(`${app}/logs?log_lines=1000`)
      expect(text).toContain(' deis[controller]: INFO ann runs a command in v')
      expect(text).not.toContain('hush-7f3a')
    })

    // On Kubernetes the image may have a command of its own.
    test.runIf(backend === 'process')('§7 #11: a scale that fails is not kept', async () => {
      const { ann } = on()
      const { status, json } = await ann.post(`${app}/scale/`, { worker: 1, cmd: 1 })
      expect([status, json]).toEqual([
        400,
        { detail: expect.stringContaining('No command for process type cmd') as string },
      ])
      const { structure } = (await ann.get(`${app}/`)).json as { structure: object }
      expect(structure).toEqual({ web: 1, worker: 0 })
      await isUp(1)
    })

    test.runIf(backend === 'process')(
      'images are refused where nothing would run them, and nothing is kept',
      async () => {
        const { ann, builder } = on()
        const before = await newest()
        for (const reply of [
          await ann.post(`${app}/builds/`, { image: 'nginx' }),
          await builder.post('/v2/hooks/build/', {
            receive_user: 'ann',
            receive_repo: id,
            image: 'nginx',
            sha: 'abc',
            procfile: {},
            dockerfile: '',
          }),
        ])
          expect(reply).toMatchObject({
            status: 400,
            json: { detail: expect.stringContaining('cannot run container images') as string },
          })
        expect(await newest()).toEqual(before)
      },
    )

    test('rows 8 and 11: types and commands of a Procfile', async () => {
      const { ann, create } = on()
      const path = await create()
      const build = (procfile: unknown) => ann.post(`${path}/builds/`, { image: 'x', procfile })
      for (const type of ['worker__test', 'Worker-_test1', '-', 'worker-', '-worker'])
        expect([type, (await build({ [type]: 'work' })).json]).toEqual([
          type,
          {
            procfile: [
              'Process types can only contain letters and digits, with single hyphens or underscores between them, and have at most 63 characters',
            ],
          },
        ])
      for (const command of ['', ' ', null])
        expect((await build({ worker: command })).json).toEqual({
          procfile: ["Command can't be empty for process type"],
        })
      const blank = await ann.post(`${path}/builds/`, { image: '' })
      expect(blank.json).toEqual({ image: ['This field may not be blank.'] })
      expect(clientText(blank)).toBe('The given image is invalid')
      expect((await ann.post(`${path}/builds/`, { image: 'x', sha: 'a'.repeat(41) })).json).toEqual({
        sha: ['Ensure this field has no more than 40 characters.'],
      })
      expect((await ann.post(`${path}/builds/`)).json).toEqual({ image: ['This field is required.'] })
    })
  })
}
