// What may collaborators, and what not (docs/contract/api.md §1.12, §2.11)?
import { describe, expect, test } from 'vitest'
import { signUp, type Steps } from './stage.ts'
import { withToken } from './wire.ts'

export const perms: Steps = (_, on) => {
  describe('§2.11 collaborators', () => {
    test('row 13: use the app; they neither destroy, share, nor hand over; and may leave', async () => {
      const { ann, cal, create } = on()
      const app = await create()
      const domain = `${app.slice('/v2/apps/'.length)}.shared.example`
      expect(await ann.post(`${app}/perms/`, { username: 'cal' })).toMatchObject({ status: 201, text: '' })
      expect((await ann.post(`${app}/perms/`, { username: 'cal' })).status).toBe(201)
      expect((await cal.get(`${app}/perms/`)).json).toEqual({ users: ['cal'] })
      for (const noun of [
        '',
        'config/',
        'releases/',
        'builds/',
        'pods/',
        'domains/',
        'settings/',
        'whitelist/',
        'tls/',
      ])
        expect([noun, (await cal.get(`${app}/${noun}`)).status]).toEqual([noun, 200])
      expect((await cal.post(`${app}/config/`, { values: { A: '1' } })).json).toMatchObject({ owner: 'cal' })
      // D8
      expect((await cal.get(`${app}/releases/v2/`)).json).toMatchObject({ owner: 'cal', summary: 'cal added A' })
      expect((await cal.post(`${app}/domains/`, { domain })).status).toBe(201)
      expect((await cal.post(`${app}/whitelist/`, { addresses: ['1.2.3.4'] })).status).toBe(201)
      expect((await cal.post(`${app}/scale/`, { web: 1 })).status).toBe(400)
      expect((await cal.post(`${app}/run`, { command: 'ls' })).status).toBe(400)
      expect((await cal.post(`${app}/pods/restart/`)).status).toBe(200)
      for (const [method, noun, body] of [
        ['DELETE', '', undefined],
        ['DELETE', `domains/${domain}`, undefined],
        ['DELETE', 'whitelist/', { addresses: ['1.2.3.4'] }],
        ['POST', 'perms/', { username: 'eve' }],
        ['POST', '', { owner: 'cal' }],
      ] as const)
        expect([noun, (await cal.send(method, `${app}/${noun}`, body)).status]).toEqual([noun, 403])
      expect((await ann.get(`${app}/whitelist/`)).json).toEqual({ addresses: ['1.2.3.4'] })
      expect(await cal.remove(`${app}/perms/cal`)).toMatchObject({ status: 204, text: '' })
      expect((await cal.get(`${app}/`)).status).toBe(403)
    })

    test('are users that exist; who is none is refused, not missing', async () => {
      const { ann, create } = on()
      const app = await create()
      const none = { status: 404, text: '"No User matches the given query."' }
      expect(await ann.post(`${app}/perms/`, { username: 'no-one' })).toMatchObject(none)
      expect(await ann.remove(`${app}/perms/no-one`)).toMatchObject(none)
      expect((await ann.remove(`${app}/perms/eve`)).status).toBe(403)
      expect(await ann.post(`${app}/perms/`)).toMatchObject({
        status: 400,
        json: { username: ['This field is required.'] },
      })
    })

    test('of any name can be removed, and take nothing with them when they go (§1.9, §7 #36)', async () => {
      const { api, ann, create } = on()
      const app = await create()
      const username = 'odd.name+1@x'
      const { token } = await signUp(api, username)
      const odd = withToken(api, token)
      await ann.post(`${app}/perms/`, { username })
      await odd.post(`${app}/config/`, { values: { BY: 'odd' } })
      expect((await ann.remove(`${app}/perms/${encodeURIComponent(username)}`)).status).toBe(204)
      expect((await ann.get(`${app}/perms/`)).json).toEqual({ users: [] })
      expect((await odd.remove('/v2/auth/cancel/')).status).toBe(204)
      expect((await ann.get(`${app}/config/`)).json).toMatchObject({ values: { BY: 'odd' } })
      expect((await ann.get(`${app}/releases/v2/`)).json).toMatchObject({ summary: `${username} added BY` })
    })
  })
}
