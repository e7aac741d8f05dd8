// Do certificates behave as docs/contract/api.md §2.10 says?
import { describe, expect, test } from 'vitest'
import { certificateFor } from '@deis/router/testing-tls'
import { clientText } from './client-text.ts'
import type { Steps } from './stage.ts'

const none = 'No Certificate matches the given query.'

export const certs: Steps = (_, on) => {
  describe('§2.10 certificates', () => {
    const pair = certificateFor('acme.example')
    const other = certificateFor('*.other.example')

    test('row 16: are read, shown without their PEM, attached once, detached, removed', async () => {
      const { ann, eve, root, create } = on()
      const app = await create()
      const domain = `www.${app.slice('/v2/apps/'.length)}.example`
      await ann.post(`${app}/domains/`, { domain })
      const { certificate, key } = pair
      const made = await ann.post('/v2/certs/', { name: 'acme', certificate, key })
      expect([made.status, made.json]).toMatchObject([201, { name: 'acme', owner: 'ann', domains: [] }])
      const { san, common_name } = made.json as { san: string[]; common_name: string | null }
      expect([...san, common_name]).toContain('acme.example')
      const list = await ann.get('/v2/certs/?limit=100')
      expect(list.json).toMatchObject({ count: 1, results: [made.json] })
      expect(made.text + list.text).not.toMatch(/BEGIN|PRIVATE/)
      // Other people's are not there, not even for admins.
      for (const who of [eve, root]) expect((await who.get('/v2/certs/acme')).json).toBe(none)
      const path = '/v2/certs/acme/domain/'
      expect(await ann.post(path)).toMatchObject({ status: 400, json: { detail: 'domain is a required field' } })
      expect((await ann.post(path, { domain: 'no.such.example' })).json).toBe('No Domain matches the given query.')
      expect((await ann.post('/v2/certs/nope/domain/', { domain })).json).toBe(none)
      expect(await ann.post(path, { domain })).toMatchObject({ status: 201, text: '' })
      expect(await ann.post(path, { domain })).toMatchObject({
        status: 409,
        json: { detail: 'Domain already has a certificate attached to it' },
      })
      expect((await ann.get('/v2/certs/acme')).json).toMatchObject({ domains: [domain] })
      expect(await ann.remove(`${path}${domain}`)).toMatchObject({ status: 204, text: '' })
      expect((await ann.remove(`${path}${domain}`)).json).toBe('No Domain matches the given query.')
      // The domain may stand in the path, too.
      expect((await ann.post(`${path}${domain}`)).status).toBe(201)
      expect((await ann.remove('/v2/certs/acme')).status).toBe(204)
      const gone = await ann.get('/v2/certs/acme')
      expect([gone.status, clientText(gone)]).toEqual([404, `"${none}"`])
      expect((await ann.get(`${app}/domains/`)).json).toMatchObject({ count: 2 })
    })

    test.each([
      [{ name: 'A_b' }, 'Name can only contain a-z (lowercase), 0-9 and hyphens'],
      [{ name: '' }, 'Name can only contain a-z (lowercase), 0-9 and hyphens'],
      [{ name: 'x'.repeat(254) }, 'Ensure this field has no more than 253 characters.'],
      [{ certificate: 'nonsense' }, 'Could not load certificate'],
      [{ certificate: '' }, 'Could not load certificate'],
      [{ key: 'nonsense' }, 'Could not load private key: '],
      [{ key: undefined }, 'This field is required.'],
    ])('%j is refused, and the client says why', async (wrong, words) => {
      const { ann } = on()
      const reply = await ann.post('/v2/certs/', { name: 'wrong', ...pair, ...wrong })
      expect([reply.status, clientText(reply)]).toEqual([400, expect.stringContaining(words)])
      expect((await ann.get('/v2/certs/wrong')).status).toBe(404)
    })

    test('§7 #35: a key that is another certificate’s is refused', async () => {
      const body = { name: 'mixed', certificate: pair.certificate, key: other.key }
      expect(await on().ann.post('/v2/certs/', body)).toMatchObject({
        status: 400,
        json: ['Certificate and private key do not match!'],
      })
    })

    test('names are unique across all users', async () => {
      const { ann, eve } = on()
      const body = { name: 'one-of-a-kind', certificate: other.certificate, key: other.key }
      expect((await ann.post('/v2/certs/', body)).status).toBe(201)
      for (const who of [ann, eve])
        expect((await who.post('/v2/certs/', body)).json).toEqual({
          name: ['certificate with this name already exists.'],
        })
      await ann.remove('/v2/certs/one-of-a-kind')
    })

    test('§7 #31: a certificate is attached to no domain of an app that one may not use', async () => {
      const { ann, eve, create } = on()
      const app = await create()
      const domain = app.slice('/v2/apps/'.length)
      await eve.post('/v2/certs/', { name: 'eves', certificate: other.certificate, key: other.key })
      expect((await eve.post('/v2/certs/eves/domain/', { domain })).status).toBe(403)
      await ann.post('/v2/certs/', { name: 'anns', certificate: pair.certificate, key: pair.key })
      expect((await ann.post('/v2/certs/anns/domain/', { domain })).status).toBe(201)
      expect((await eve.remove(`/v2/certs/eves/domain/${domain}`)).status).toBe(404)
      expect((await ann.get('/v2/certs/anns')).json).toMatchObject({ domains: [domain] })
      for (const [who, name] of [
        [eve, 'eves'],
        [ann, 'anns'],
      ] as const)
        expect((await who.remove(`/v2/certs/${name}`)).status).toBe(204)
    })
  })
}
