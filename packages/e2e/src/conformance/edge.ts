// Do domains, settings, whitelist and TLS behave as docs/contract/api.md §2.8 and §2.9 say?
import { describe, expect, test } from 'vitest'
import { clientText } from './client-text.ts'
import type { Steps } from './stage.ts'

const ace = (name: string): unknown =>
  expect.stringContaining(`Hostname does not look valid, could not convert to ACE ${name}: `)

export const edge: Steps = (backend, on) => {
  describe('§2.8 domains', () => {
    /** An app that takes nothing. */
    let refusing: Promise<string> | undefined
    test('valid names are taken, stored in ASCII and lower case, and removed under any spelling', async () => {
      const { ann, create, name } = on()
      const app = await create('names')
      const suffix = `${name('names')}.example`
      for (const [written, stored, removed] of [
        ['test-domain', 'test-domain', 'test-domain'],
        ['3com', '3com', '3com'],
        ['MYDOMAIN', 'mydomain', 'MyDomain'],
        ['*.wild', '*.wild', '*.wild'],
        ['a'.repeat(63), 'a'.repeat(63), 'a'.repeat(63)],
        ['münchen', 'xn--mnchen-3ya', encodeURIComponent('münchen')],
        ['xn--mnchen-3ya', 'xn--mnchen-3ya', 'xn--mnchen-3ya'],
      ] as const) {
        const { status, json } = await ann.post(`${app}/domains/`, { domain: `${written}.${suffix}` })
        expect([status, json]).toEqual([
          201,
          expect.objectContaining({ domain: `${stored}.${suffix}`, app: name('names'), owner: 'ann' }),
        ])
        expect((await ann.remove(`${app}/domains/${removed}.${suffix}`)).status).toBe(204)
      }
      const dotted = await ann.post(`${app}/domains/`, { domain: ` dot.${suffix}. ` })
      expect(dotted.json).toMatchObject({ domain: `dot.${suffix}` })
    })

    test.each([
      ['', ['This field may not be blank.']],
      ['*', ["Hostname can't only be a wildcard"]],
      ['this-is-an.invalid.1', ['Hostname does not look valid.']],
      ['this_is_an.invalid.domain', [ace('this_is_an.invalid.domain')]],
      ['-a.example', [ace('-a.example')]],
      ['django.pa--assandbox', [ace('django.pa--assandbox')]],
      [`${'a'.repeat(64)}.example`, [ace(`${'a'.repeat(64)}.example`)]],
      ['foo.*.bar.com', [ace('foo.*.bar.com')]],
      ['a..b', [ace('a..b')]],
      [Array.from({ length: 128 }, () => 'a').join('.'), ['Hostname must be 253 characters or less.']],
    ])('%s is not a name', async (domain, words) => {
      const { ann, create } = on()
      const app = await (refusing ??= create())
      expect(await ann.post(`${app}/domains/`, { domain })).toMatchObject({ status: 400, json: { domain: words } })
    })

    test('a name is one app’s only, whatever its spelling (§7 #35), and the client says so', async () => {
      const { ann, create } = on()
      const [mine, other] = [await create(), await create()]
      const domain = `taken.${mine.slice('/v2/apps/'.length)}.example`
      await ann.post(`${mine}/domains/`, { domain })
      const reply = await ann.post(`${other}/domains/`, { domain })
      expect(reply.json).toEqual({ domain: ['Domain is already in use by another application'] })
      expect(clientText(reply)).toBe('Domain is already in use by another application')
      expect((await ann.post(`${other}/domains/`, { domain: domain.toUpperCase() })).json).toEqual({
        domain: [`The domain ${domain} is already in use by another app`],
      })
      const gone = await ann.remove(`${other}/domains/${domain}`)
      expect([gone.status, gone.text]).toEqual([404, '"No Domain matches the given query."'])
      expect((await ann.remove(`${other}/domains/%20`)).status).toBe(404)
    })

    test('are listed by name', async () => {
      const { ann, create } = on()
      const app = await create()
      const suffix = `${app.slice('/v2/apps/'.length)}.example`
      for (const label of ['zz', 'aa', 'mm']) await ann.post(`${app}/domains/`, { domain: `${label}.${suffix}` })
      const { json } = await ann.get(`${app}/domains/?limit=100`)
      const names = (json as { results: { domain: string }[] }).results.map(({ domain }) => domain)
      expect(names).toEqual(names.toSorted())
    })
  })

  describe('§2.9 settings', () => {
    /** An app that takes nothing. */
    let refusing: Promise<string> | undefined
    test('row 14: booleans, labels and whitelist are each kept when others change', async () => {
      const { ann, create } = on()
      const app = await create()
      const set = (body: unknown) => ann.post(`${app}/settings/`, body)
      expect(await set({ maintenance: true })).toMatchObject({
        status: 201,
        json: { maintenance: true, routable: true },
      })
      expect(await set({ maintenance: true })).toMatchObject({ status: 409, json: { detail: 'ann changed nothing' } })
      expect(await set({ maintenance: 'test' })).toMatchObject({
        status: 400,
        json: { maintenance: ['"test" is not a valid boolean.'] },
      })
      expect(await set({ routable: 'f' })).toMatchObject({ status: 201, json: { maintenance: true, routable: false } })
      expect((await set({ whitelist: ['10.0.0.0/8'], maintenance: null })).json).toMatchObject({
        maintenance: true,
        whitelist: ['10.0.0.0/8'],
      })
      expect((await set({ label: { team: 'core', n: 5, on: true } })).json).toMatchObject({
        routable: false,
        whitelist: ['10.0.0.0/8'],
        label: { team: 'core', n: 5, on: true },
      })
      const { json } = await set({ label: { n: null, team: 'web' } })
      expect(json).toMatchObject({ label: { team: 'web', on: true } })
      expect(await set({ label: { n: null } })).toMatchObject({
        status: 422,
        json: { detail: 'n does not exist under label' },
      })
      expect((await ann.get(`${app}/settings/`)).json).toEqual(json)
      expect(await set(undefined)).toMatchObject({ status: 409 })
      expect((await ann.get(`${app}/releases/`)).json).toMatchObject({ count: 1 })
    })

    test.each([
      [{ whitelist: ['x'] }, { whitelist: ['The address x is not valid'] }],
      [{ whitelist: ['1.2.3.4/33', '1.2.3.4'] }, { whitelist: ['The address 1.2.3.4/33 is not valid'] }],
      [{ whitelist: '1.2.3.4' }, { whitelist: ['Expected a list of items but got type "str".'] }],
      [{ whitelist: [`1${'.2'.repeat(30)}`] }, { whitelist: ['Ensure this field has no more than 50 characters.'] }],
      [{ autoscale: { web: { min: 1, max: 2 } } }, { autoscale: [expect.stringMatching(/^could not validate .+: ./)] }],
      [
        { autoscale: { web: { min: 'a', max: 2, cpu_percent: 5 } } },
        { autoscale: [expect.stringMatching(/^could not validate .+: ./)] },
      ],
      [{ autoscale: { web: { min: 0, max: 2, cpu_percent: 5 } } }, { detail: 'min replicas needs to be 1 or higher' }],
      [
        { autoscale: { web: { min: 3, max: 2, cpu_percent: 5 } } },
        { detail: 'max replicas can not be smaller than min replicas' },
      ],
      [{ label: [] }, { label: [expect.any(String)] }],
    ])('%j is refused', async (body, words) => {
      const { ann, create } = on()
      const app = await (refusing ??= create())
      const { status, json } = await ann.post(`${app}/settings/`, body)
      expect([status, json]).toEqual([400, words])
    })

    test('row 14: autoscale is merged by type, or refused where no backend would follow it', async () => {
      const { ann, create } = on()
      const app = await create()
      const rule = { min: 1, max: 4, cpu_percent: 70 }
      const reply = await ann.post(`${app}/settings/`, { autoscale: { web: rule } })
      if (backend !== 'kubernetes')
        expect(reply).toMatchObject({
          status: 400,
          json: { detail: expect.stringContaining('cannot autoscale') as string },
        })
      else {
        expect(reply.json).toMatchObject({ autoscale: { web: rule } })
        expect((await ann.post(`${app}/settings/`, { autoscale: { worker: rule, web: null } })).json).toMatchObject({
          autoscale: { worker: rule },
        })
      }
      expect(await ann.post(`${app}/settings/`, { autoscale: { nope: null } })).toMatchObject({
        status: 422,
        json: { detail: 'nope does not exist under autoscale' },
      })
    })
  })

  describe('§2.9 whitelist and TLS', () => {
    test('row 15, §7 #39: addresses and networks of both kinds come and go, with a body on DELETE', async () => {
      const { ann, create } = on()
      const path = `${await create()}/whitelist/`
      expect(await ann.post(path, { addresses: ['1.2.3.4', '10.0.0.0/8'] })).toMatchObject({ status: 201 })
      const { json } = await ann.post(path, { addresses: ['2001:db8::/32', '1.2.3.4'] })
      expect((json as { addresses: string[] }).addresses.toSorted()).toEqual(['1.2.3.4', '10.0.0.0/8', '2001:db8::/32'])
      expect(await ann.post(path, { addresses: ['1.2.3.4'] })).toMatchObject({
        status: 409,
        json: { detail: 'ann changed nothing' },
      })
      for (const bad of ['nope', '1.2.3', '10.0.0.0/99']) {
        expect(await ann.post(path, { addresses: [bad] })).toMatchObject({
          status: 400,
          json: [`The address ${bad} is not valid`],
        })
        expect(await ann.remove(path, { addresses: [bad] })).toMatchObject({
          status: 400,
          json: [`The address ${bad} is not valid`],
        })
      }
      expect(await ann.remove(path, { addresses: ['1.2.3.4', '9.9.9.9'] })).toMatchObject({
        status: 422,
        json: { detail: "addresses {'9.9.9.9'} does not exist in whitelist" },
      })
      expect((await ann.remove(path, { addresses: ['1.2.3.4', '2001:db8::/32'] })).status).toBe(204)
      expect((await ann.get(path)).json).toEqual({ addresses: ['10.0.0.0/8'] })
      // §7 #37
      for (const reply of [await ann.post(path), await ann.remove(path)])
        expect(reply).toMatchObject({ status: 400, json: { addresses: ['This field is required.'] } })
    })

    test('row 15: TLS is null at first, true, the same is a conflict, and false is not null', async () => {
      const { ann, create } = on()
      const path = `${await create()}/tls/`
      const set = (https_enforced: unknown) => ann.post(path, { https_enforced })
      expect((await ann.get(path)).json).toMatchObject({ https_enforced: null })
      expect(await set(true)).toMatchObject({ status: 201, json: { https_enforced: true } })
      expect(await set('true')).toMatchObject({ status: 409, json: { detail: 'ann changed nothing' } })
      expect(await set('maybe')).toMatchObject({
        status: 400,
        json: { https_enforced: ['"maybe" is not a valid boolean.'] },
      })
      expect(await set(false)).toMatchObject({ status: 201, json: { https_enforced: false } })
      expect((await ann.get(path)).json).toMatchObject({ https_enforced: false, owner: 'ann' })
    })
  })
}
