// Are the defects of docs/contract/api.md §7 mended that can be seen over HTTP and that no other part of the suite has?
import { describe, expect, test } from 'vitest'
import { signUp, type Steps } from './stage.ts'
import { withToken } from './wire.ts'

type Release = { version: number; summary: string }

export const defects: Steps = (_, on) => {
  describe('§7 mended', () => {
    test('#19, #20, #21: changes made at once lose no value and no number, and none is refused', async () => {
      const { ann, create } = on()
      const app = await create()
      const names = Array.from({ length: 12 }, (_, index) => `V${index}`)
      const answers = await Promise.all(names.map((name) => ann.post(`${app}/config/`, { values: { [name]: name } })))
      expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201))
      const { json } = await ann.get(`${app}/config/`)
      expect((json as { values: object }).values).toEqual(Object.fromEntries(names.map((name) => [name, name])))
      const releases = (await ann.get(`${app}/releases/`)).json as { results: Release[] }
      expect(releases.results.map(({ version }) => version)).toEqual(names.map((_, index) => 13 - index).concat(1))
    })

    test('#20: so do settings, whitelist, domains and TLS', async () => {
      const { ann, create } = on()
      const app = await create()
      const suffix = `${app.slice('/v2/apps/'.length)}.example`
      const parts = Array.from({ length: 5 }, (_, index) => index)
      const answers = await Promise.all([
        ...parts.map((index) => ann.post(`${app}/settings/`, { label: { [`l${index}`]: 'x' } })),
        ...parts.map((index) => ann.post(`${app}/whitelist/`, { addresses: [`10.0.0.${index}`] })),
        ...parts.map((index) => ann.post(`${app}/domains/`, { domain: `d${index}.${suffix}` })),
        ann.post(`${app}/tls/`, { https_enforced: true }),
      ])
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
      const { json } = await ann.get(`${app}/settings/`)
      const { label, whitelist } = json as { label: object; whitelist: string[] }
      expect([Object.keys(label).length, whitelist.length]).toEqual([5, 5])
      expect((await ann.get(`${app}/domains/`)).json).toMatchObject({ count: 6 })
      expect((await ann.get(`${app}/tls/`)).json).toMatchObject({ https_enforced: true })
    })

    test('#22: of many who ask for one name at once, one gets it', async () => {
      const { ann, eve, name } = on()
      const id = name('wanted')
      const asked = await Promise.all([ann, eve, ann, eve].map((who) => who.post('/v2/apps/', { id })))
      expect(asked.map(({ status }) => status).filter((status) => status !== 400)).toEqual([201])
      const owner = asked[0]?.status === 201 || asked[2]?.status === 201 ? ann : eve
      expect((await owner.remove(`/v2/apps/${id}/`)).status).toBe(204)
    })

    test('#29: no limit is too much to ask', async () => {
      expect((await on().root.get('/v2/apps/?limit=999999999')).status).toBe(200)
    })

    test('#33: passwords cannot be tried without end', async () => {
      const { nobody } = on()
      const guess = () => nobody.post('/v2/auth/login/', { username: 'somebody-guessed', password: 'x' })
      const answers = []
      for (let tries = 0; tries < 11; tries++) answers.push((await guess()).status)
      expect(answers).toEqual([...Array.from({ length: 10 }, () => 400), 429])
      const { headers, json } = await guess()
      expect(Number(headers['retry-after'])).toBeGreaterThan(0)
      expect(json).toEqual({ detail: expect.stringMatching(/^Too many failed logins/) as string })
    })

    test('#34: the last admin stays one', async () => {
      const { root } = on()
      const { status, json } = await root.remove('/v2/admin/perms/root')
      expect([status, json]).toEqual([409, { detail: expect.stringContaining('last admin') as string }])
      expect((await root.get('/v2/users/')).status).toBe(200)
    })

    test('#36: an account that is gone leaves what it did in other people’s apps', async () => {
      const { api, ann, create } = on()
      const app = await create()
      const gil = withToken(api, (await signUp(api, 'gil')).token)
      await ann.post(`${app}/perms/`, { username: 'gil' })
      await gil.post(`${app}/domains/`, { domain: `gil.${app.slice('/v2/apps/'.length)}.example` })
      await gil.post(`${app}/settings/`, { label: { by: 'gil' } })
      expect((await gil.remove('/v2/auth/cancel/')).status).toBe(204)
      expect((await ann.get(`${app}/settings/`)).json).toMatchObject({ owner: 'gil', label: { by: 'gil' } })
      expect((await ann.get(`${app}/domains/`)).json).toMatchObject({ count: 2 })
      expect((await ann.get(`${app}/perms/`)).json).toEqual({ users: [] })
    })
  })
}
