// Do apps without code behave as docs/contract/api.md §2.3, §2.4 and §2.7 say?
import { describe, expect, test } from 'vitest'
import { clientText } from './client-text.ts'
import type { Steps } from './stage.ts'

const noApp = '"No App matches the given query."'

export const apps: Steps = (_, on) => {
  describe('§2.3 apps', () => {
    test('are made with a name or, with an empty body, without', async () => {
      const { ann, name } = on()
      const made = await ann.post('/v2/apps/', { id: name('named') })
      expect(made.json).toMatchObject({ id: name('named'), owner: 'ann', structure: {} })
      // The original client sends no body; others send null.
      for (const body of [undefined, { id: null }]) {
        const { status, json } = await ann.post('/v2/apps/', body)
        const { id } = json as { id: string }
        expect([status, id]).toEqual([201, expect.stringMatching(/^[a-z]+-[a-z]+(-\d+)?$/)])
        expect((await ann.remove(`/v2/apps/${id}/`)).status).toBe(204)
      }
    })

    test.each([
      ['camelCase', 'App name can only contain a-z (lowercase), 0-9 and hyphens'],
      ['1up', 'App name can only contain a-z (lowercase), 0-9 and hyphens'],
      ['end-', 'App name can only contain a-z (lowercase), 0-9 and hyphens'],
      ['under_score', 'App name can only contain a-z (lowercase), 0-9 and hyphens'],
      ['', 'An id is required'],
    ])('are not called %j, and the client says why', async (id, words) => {
      const reply = await on().ann.post('/v2/apps/', { id })
      expect(reply.status).toBe(400)
      expect(clientText(reply)).toBe(words)
    })

    test('are listed by name, to owners and collaborators theirs, to admins all', async () => {
      const { ann, cal, eve, root, create } = on()
      const path = await create('listed')
      const id = path.slice('/v2/apps/'.length)
      const listed = async (who: typeof ann): Promise<string[]> => {
        const { json } = await who.get('/v2/apps/?limit=100')
        return (json as { results: { id: string }[] }).results.map((app) => app.id)
      }
      const mine = await listed(ann)
      expect(mine).toEqual(mine.toSorted())
      expect([mine.includes(id), (await listed(root)).includes(id)]).toEqual([true, true])
      expect([(await listed(cal)).includes(id), await listed(eve)]).toEqual([false, []])
      await ann.post(`${path}/perms/`, { username: 'cal' })
      expect(await listed(cal)).toContain(id)
    })

    test('that are not there, or another’s, are refused the same in every noun', async () => {
      const { ann, eve, create } = on()
      const mine = await create()
      for (const noun of [
        '',
        'config',
        'builds',
        'releases',
        'domains',
        'pods',
        'settings',
        'whitelist',
        'tls',
        'perms',
        'logs',
      ]) {
        const [missing, foreign] = [await ann.get(`/v2/apps/nope/${noun}`), await eve.get(`${mine}/${noun}`)]
        expect([noun, missing.status, missing.text]).toEqual([noun, 404, noApp])
        expect(clientText(missing)).toBe(noApp)
        expect([noun, foreign.status, foreign.json]).toEqual([
          noun,
          403,
          { detail: 'You do not have permission to perform this action.' },
        ])
      }
    })

    test('without code show these things first (§3.2, D9)', async () => {
      const { ann, name, create } = on()
      const path = await create('first')
      const id = name('first')
      expect((await ann.get(`${path}/releases/?limit=100`)).json).toMatchObject({
        count: 1,
        results: [
          { version: 1, summary: 'ann created initial release', failed: false, build: null, owner: 'ann', app: id },
        ],
      })
      const empty = { values: {}, memory: {}, cpu: {}, tags: {}, registry: {}, healthcheck: {} }
      expect((await ann.get(`${path}/config/`)).json).toMatchObject({ ...empty, app: id, owner: 'ann' })
      expect((await ann.get(`${path}/domains/?limit=1`)).json).toMatchObject({
        count: 1,
        results: [{ domain: id, app: id }],
      })
      const settings = { maintenance: false, routable: true, whitelist: [], autoscale: {}, label: {} }
      expect((await ann.get(`${path}/settings/`)).json).toMatchObject(settings)
      expect((await ann.get(`${path}/tls/`)).json).toMatchObject({ https_enforced: null })
      expect((await ann.get(`${path}/whitelist/`)).json).toEqual({ addresses: [] })
      expect((await ann.get(`${path}/perms/`)).json).toEqual({ users: [] })
      expect((await ann.get(`${path}/pods/?limit=100`)).json).toEqual({ results: [], count: 0 })
      for (const part of ['', 'web/', 'web/no-such-pod/'])
        expect((await ann.post(`${path}/pods/${part}restart/`)).json).toEqual([])
    })

    test('refuse what needs code, with these words', async () => {
      const { ann, create } = on()
      const path = await create()
      for (const [noun, body, detail] of [
        ['scale/', { web: 1 }, 'No build associated with this release'],
        ['run', { command: 'ls' }, 'No build associated with this release to run this command'],
        ['run', undefined, 'command is a required field'],
        ['releases/rollback/', undefined, 'version cannot be below 0'],
        ['releases/rollback/', { version: 1 }, 'Cannot roll back to initial release.'],
        ['releases/rollback/', { version: 9 }, 'Release matching query does not exist.'],
        ['releases/rollback/', { version: 'x' }, "invalid literal for int() with base 10: 'x'"],
      ] as const)
        expect([noun, (await ann.post(`${path}/${noun}`, body)).json]).toEqual([noun, { detail }])
      expect(clientText(await ann.post(`${path}/releases/rollback/`))).toBe('Given version is invalid')
    })

    test('releases and builds that are not there', async () => {
      const { ann, create } = on()
      const path = await create()
      for (const version of ['v9', 'v0', '1', 'latest'])
        expect((await ann.get(`${path}/releases/${version}/`)).status).toBe(404)
      expect((await ann.get(`${path}/releases/v9/`)).json).toBe('No Release matches the given query.')
      // §7 #16: the original shows the latest build whatever is asked for.
      expect((await ann.get(`${path}/builds/00000000-0000-4000-8000-000000000000/`)).status).toBe(404)
    })

    test('go to another owner with all that the owner had in them (D7)', async () => {
      const { ann, cal, eve, root, name, create } = on()
      const path = await create('moved')
      await ann.post(`${path}/perms/`, { username: 'cal' })
      expect((await cal.post(`${path}/`, { owner: 'cal' })).status).toBe(403)
      expect(await ann.post(`${path}/`, { owner: 'no-one' })).toMatchObject({
        status: 404,
        text: '"No User matches the given query."',
      })
      expect(await ann.post(`${path}/`)).toMatchObject({ status: 200, text: '' })
      expect(await ann.post(`${path}/`, { owner: 'eve' })).toMatchObject({ status: 200, text: '' })
      expect((await ann.get(`${path}/`)).status).toBe(403)
      for (const noun of ['', 'config/', 'settings/', 'tls/', 'releases/v1/'])
        expect((await eve.get(`${path}/${noun}`)).json).toMatchObject({ owner: 'eve' })
      expect((await eve.get(`${path}/domains/`)).json).toMatchObject({
        results: [{ domain: name('moved'), owner: 'eve' }],
      })
      expect((await root.post(path, { owner: 'ann' })).status).toBe(200)
      expect((await ann.get(`${path}/`)).json).toMatchObject({ owner: 'ann' })
    })

    test('are destroyed by their owners, and what they were called is free at once (§7 #28)', async () => {
      const { ann, cal, create } = on()
      const path = await create('short')
      await ann.post(`${path}/perms/`, { username: 'cal' })
      expect((await cal.remove(`${path}/`)).status).toBe(403)
      expect(await ann.remove(`${path}/`)).toMatchObject({ status: 204, text: '' })
      expect(await ann.get(`${path}/`)).toMatchObject({ status: 404, text: noApp })
      expect((await ann.remove(`${path}/`)).status).toBe(404)
      expect(await create('short')).toBe(path)
    })
  })
}
