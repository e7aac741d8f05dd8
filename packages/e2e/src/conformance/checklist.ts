// Do the rows of docs/contract/api.md §8 hold that no other part of the suite has in full?
import { describe, expect, test } from 'vitest'
import { clientText } from './client-text.ts'
import type { Steps } from './stage.ts'

export const checklist: Steps = (backend, on) => {
  describe('§8 the checklist', () => {
    test('row 1: GET /v2/ with a token is 200, without one 401', async () => {
      expect((await on().ann.get('/v2/')).status).toBe(200)
      expect((await on().nobody.get('/v2/')).status).toBe(401)
    })

    test('row 2: the first who registers is admin, the second is none', async () => {
      const [first, second] = on().registered
      expect(first).toMatchObject({ status: 201, json: { username: 'root', is_superuser: true, is_staff: true } })
      expect(second).toMatchObject({ status: 201, json: { username: 'ann', is_superuser: false, is_staff: false } })
    })

    test('row 3: a login gives a token of 40 hex digits', async () => {
      const { tokens } = on()
      for (const token of Object.values(tokens)) expect(token).toMatch(/^[0-9a-f]{40}$/)
    })

    test('row 4: names of apps that are too long, taken or reserved', async () => {
      const { ann, create } = on()
      const taken = (await create()).slice('/v2/apps/'.length)
      for (const [id, message] of [
        ['a'.repeat(64), 'Ensure this field has no more than 63 characters.'],
        [taken, 'Application with this id already exists.'],
        ['deis', 'deis is a reserved name.'],
      ] as const) {
        const reply = await ann.post('/v2/apps/', { id })
        expect([reply.status, reply.json]).toEqual([400, { id: expect.arrayContaining([message]) as unknown }])
      }
      expect(clientText(await ann.post('/v2/apps/', { id: taken }))).toBe('Application with this id already exists.')
    })

    test('row 5: an app that is not there is a bare string with its quotes, another’s is 403', async () => {
      const { ann, eve, create } = on()
      expect((await ann.get('/v2/apps/nope/')).text).toBe('"No App matches the given query."')
      expect((await eve.get(await create())).status).toBe(403)
    })

    test('row 6: before the first build', async () => {
      const { ann, create } = on()
      const app = await create()
      expect((await ann.get(`${app}/pods/`)).json).toEqual({ results: [], count: 0 })
      expect((await ann.get(`${app}/builds/`)).json).toMatchObject({ count: 0 })
      expect((await ann.get(`${app}/releases/`)).json).toMatchObject({ results: [{ version: 1 }] })
      // Ours say at once that the app was made: there is never nothing.
      expect((await ann.get(`${app}/logs`)).text).toContain('ann created initial release\n')
    })

    test('row 7: numbers of config come back as text, and other letters as they were', async () => {
      const { ann, create } = on()
      const app = await create()
      const { json } = await ann.post(`${app}/config/`, { values: { PORT: 5000, NAME: '讠譏跣鏪' } })
      expect(json).toMatchObject({ values: { PORT: '5000', NAME: '讠譏跣鏪' } })
      expect((await ann.get(`${app}/config/`)).json).toEqual(json)
    })

    test('row 20: times have whole seconds, everywhere (every answer of the suite is held against it)', async () => {
      const { ann, create } = on()
      const before = Date.now()
      const { json } = await ann.get(await create())
      const { created, updated } = json as { created: string; updated: string }
      for (const time of [created, updated]) {
        expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
        expect(Date.parse(time)).toBeGreaterThan(before - 1000)
        expect(Date.parse(time)).toBeLessThanOrEqual(Date.now())
      }
    })

    describe.runIf(backend !== 'process')('images, where they run', () => {
      test('row 8: an image is v2, {cmd:1}; with a Procfile the types of that; a bad one changes nothing', async () => {
        const { ann, create, idleImage } = on()
        const app = await create('imaged')
        // It listens nowhere, so nothing may be routed to it.
        await ann.post(`${app}/settings/`, { routable: false })
        const build = (body: object) => ann.post(`${app}/builds/`, body)
        expect((await build({ image: idleImage })).json).toMatchObject({
          image: idleImage,
          sha: '',
          procfile: {},
          dockerfile: '',
        })
        expect((await ann.get(`${app}/releases/v2/`)).json).toMatchObject({ summary: `ann deployed ${idleImage}` })
        expect((await ann.get(`${app}/`)).json).toMatchObject({ structure: { cmd: 1 }, procfile_structure: {} })
        const missing = await build({ image: idleImage.replace('pause:1', 'no-such-image:7'), procfile: null })
        expect([missing.status, missing.json]).toEqual([
          400,
          { detail: expect.stringContaining('no-such-image') as string },
        ])
        expect((await ann.get(`${app}/releases/`)).json).toMatchObject({ count: 2 })
        await ann.remove(`${app}/`)
      })

      test('row 8: code of a commit without web in its Procfile runs nothing, and is 201 all the same', async () => {
        const { ann, create, idleImage } = on()
        const app = await create('workers')
        const body = { image: idleImage, sha: '0123456789', procfile: { worker: 'sleep 1000' } }
        expect(await ann.post(`${app}/builds/`, body)).toMatchObject({ status: 201, json: { sha: '01234567' } })
        expect((await ann.get(`${app}/`)).json).toMatchObject({ structure: {}, procfile_structure: body.procfile })
        await ann.remove(`${app}/`)
      })

      test.runIf(backend === 'kubernetes')(
        '§7 #22: a name that the cluster has is refused, and leaves nothing behind',
        async () => {
          const { ann } = on()
          for (let tries = 0; tries < 2; tries++)
            expect(await ann.post('/v2/apps/', { id: 'default' })).toMatchObject({
              status: 409,
              json: { detail: 'default already exists as a namespace in this kuberenetes setup' },
            })
          expect((await ann.get('/v2/apps/default/')).status).toBe(404)
        },
      )
    })
  })
}
