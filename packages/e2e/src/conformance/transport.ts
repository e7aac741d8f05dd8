// How does every request have to be sent, and what does every answer carry (docs/contract/api.md §1, docs/contract/cli.md §5)?
import { describe, expect, test } from 'vitest'
import { pathsOfContract } from './successes.ts'
import type { Steps } from './stage.ts'
import { bareHeaders, exchange, speaker, withToken } from './wire.ts'

export const transport: Steps = (_, on) => {
  describe('§1 transport', () => {
    const probe = async (path: string): Promise<void> => {
      const reply = await exchange(on().api, { method: 'GET', path, headers: bareHeaders })
      expect(reply).toMatchObject({
        status: 401,
        headers: { deis_api_version: '2.3', deis_platform_version: '2.3.0', 'www-authenticate': 'Token' },
        json: { detail: 'Authentication credentials were not provided.' },
      })
    }

    test('§1.2 the connection check gets 401 with both versions', () => probe('/v2/'))

    // Profiles keep the slash with which people end an address (docs/contract/cli.md §4.1).
    test('§1.2 so does one that asks //v2/', () => probe('//v2/'))

    test('§1.1 JSON is said without a charset', async () => {
      const { headers } = await on().ann.get('/v2/auth/whoami/')
      expect(headers['content-type']).toBe('application/json')
    })

    test('pages of other origins may not ask: we differ from §1.1, since tokens are worth stealing', async () => {
      const { headers } = await on().ann.send('GET', '/v2/', undefined, { Origin: 'https://dashboard.example' })
      expect(headers).not.toHaveProperty('access-control-allow-origin')
    })

    test('§1.4 a path that cannot be decoded is refused as everything else is', async () => {
      for (const path of ['/v2/apps/%ff/', '/v2/keys/%', '/v2/admin/perms/%ed%a0%80'])
        expect([400, 404]).toContain((await on().ann.get(path)).status)
    })

    test('§2.1 health takes no other method', async () => {
      expect(await on().nobody.post('/healthz')).toMatchObject({ status: 405, text: '' })
    })

    test('§1.1 the headers are written with their underscores, also where no route is', async () => {
      for (const path of ['/healthz', '/readiness', '/v2/nothing/', '/nothing']) {
        const response = await fetch(`${on().api}${path}`)
        await response.text()
        expect(response.headers.get('DEIS_API_VERSION')).toBe('2.3')
        expect(response.headers.get('DEIS_PLATFORM_VERSION')).toBe('2.3.0')
        expect(response.headers.get('Deis-Version')).toMatch(/^\d+\.\d+\.\d+$/)
      }
    })

    test('§2.1 health is told to anybody, to GET and HEAD, without a slash', async () => {
      for (const path of ['/healthz', '/readiness']) {
        expect(await on().nobody.get(path)).toMatchObject({ status: 200, text: 'OK' })
        expect(await on().nobody.send('HEAD', path)).toMatchObject({ status: 200, text: '' })
      }
    })

    test.each([
      [undefined, 'Authentication credentials were not provided.'],
      ['Bearer abc', 'Authentication credentials were not provided.'],
      ['Basic YTpi', 'Authentication credentials were not provided.'],
      ['token', 'Invalid token header. No credentials provided.'],
      ['Token a b', 'Invalid token header. Token string should not contain spaces.'],
      [`token ${'0'.repeat(40)}`, 'Invalid token.'],
    ])('§1.3 %s is not a token', async (authorization, detail) => {
      const caller = speaker(on().api, authorization === undefined ? {} : { Authorization: authorization })
      expect(await caller.get('/v2/apps/')).toMatchObject({ status: 401, json: { detail } })
    })

    test('§1.3 the word token is written in any case', async () => {
      const { api, tokens } = on()
      for (const word of ['token', 'Token', 'TOKEN'])
        expect((await speaker(api, { Authorization: `${word} ${tokens.ann}` }).get('/v2/')).status).toBe(200)
    })

    test('§1.3 a wrong token is refused also by login, and taken for none by registration', async () => {
      const wrong = withToken(on().api, 'f'.repeat(40))
      expect((await wrong.post('/v2/auth/login/', { username: 'ann', password: 'x' })).status).toBe(401)
      expect((await wrong.post('/v2/auth/register/', {})).status).toBe(400)
    })

    test('§1.3 the order of the checks: who, whether, what, which app, whose app, which body', async () => {
      const { nobody, ann, eve } = on()
      const mine = await on().create()
      expect((await nobody.send('PUT', mine)).status).toBe(401)
      expect((await ann.send('PUT', '/v2/apps/nope/')).status).toBe(405)
      expect((await eve.get('/v2/apps/nope/config/')).status).toBe(404)
      expect((await eve.post('/v2/apps/nope/config/', { values: 5 })).status).toBe(404)
      expect((await eve.post(`${mine}/config/`, { values: 5 })).status).toBe(403)
      expect((await eve.get('/v2/users/')).status).toBe(403)
      expect((await eve.post('/v2/admin/perms/', {})).status).toBe(403)
    })

    test('§1.4 what is refused by field names all fields at once', async () => {
      expect(await on().nobody.post('/v2/auth/register/')).toMatchObject({
        status: 400,
        json: { username: ['This field is required.'], password: ['This field is required.'] },
      })
    })

    test.each(['{', '{"id":}', 'nothing'])('§1.4 %s is not JSON', async (body) => {
      const { status, json } = await on().ann.post('/v2/apps/', body)
      expect([status, json]).toEqual([400, { detail: expect.stringMatching(/^JSON parse error - /) as string }])
    })

    test('§1.1 the content type may name its charset', async () => {
      const more = { 'Content-Type': 'Application/JSON; charset=utf-8' }
      expect((await on().ann.send('POST', '/v2/apps/', { id: 'UP' }, more)).json).toHaveProperty('id')
    })

    test('§1.4 another content type is refused by its name', async () => {
      const more = { 'Content-Type': 'application/x-www-form-urlencoded' }
      expect(await on().ann.send('POST', '/v2/apps/', 'id=tea', more)).toMatchObject({
        status: 415,
        json: { detail: 'Unsupported media type "application/x-www-form-urlencoded" in request.' },
      })
    })

    test('§1.7 an empty body of JSON is an empty object, with and without a length', async () => {
      const { ann, create, api, tokens } = on()
      const app = await create()
      for (const [method, path] of [
        ['GET', `${app}/`],
        ['DELETE', `${app}/domains/nope`],
        ['POST', `${app}/pods/restart/`],
        ['POST', `${app}/`],
      ] as const)
        for (const body of [undefined, '', ' \n'])
          expect([path, (await ann.send(method, path, body)).json]).not.toEqual([
            path,
            { detail: expect.anything() as string },
          ])
      const response = await fetch(`${api}${app}/`, {
        method: 'POST',
        headers: { authorization: `token ${tokens.ann}` },
      })
      expect([response.status, await response.text()]).toEqual([200, ''])
    })

    test('§1.8 both slash forms of everything that can be read', async () => {
      const { root, ann, create } = on()
      const app = (await create()).slice('/v2/apps/'.length)
      const readable = [...pathsOfContract]
        .filter(([path, methods]) => methods.includes('GET') && !path.startsWith('/v2/hooks/'))
        .map(([path]) => path.replace(':app', app).replace(':version', 'v1').replace(/:\w+/g, 'web'))
        .filter((path) => path !== '/v2/')
      expect(readable.length).toBeGreaterThan(20)
      for (const path of readable) {
        const bare = path.replace(/\/$/, '')
        const who = /users|admin/.test(path) ? root : ann
        const [without, slashed] = [await who.get(bare), await who.get(`${bare}/`)]
        expect([path, slashed.status, slashed.json]).toEqual([path, without.status, without.json])
      }
    })

    test('§1.7 percent signs are decoded: wildcards, other letters, colons', async () => {
      const { ann, create } = on()
      const app = await create()
      const name = `${app.slice('/v2/apps/'.length)}.example.com`
      for (const [domain, path] of [
        [`*.${name}`, `%2A.${name}`],
        [`bücher.${name}`, `b%C3%BCcher.${name}`],
      ] as const) {
        expect((await ann.post(`${app}/domains/`, { domain })).status).toBe(201)
        expect((await ann.remove(`${app}/domains/${path}`)).status).toBe(204)
      }
    })

    test('§1.10 pages: limit, offset, absolute links that keep the rest', async () => {
      const { ann, api, create } = on()
      const app = await create()
      const domains = `${app}/domains/`
      for (const label of ['b', 'c']) await ann.post(domains, { domain: `zz-${label}.${app.slice(9)}.example` })
      const page = async (query: string): Promise<Record<string, unknown>> => {
        const { json } = await ann.get(`${domains}${query}`)
        return json as Record<string, unknown>
      }
      expect(await page('?limit=1')).toMatchObject({
        count: 3,
        next: `${api}${domains}?limit=1&offset=1`,
        previous: null,
        results: [expect.anything()],
      })
      expect(await page('?limit=1&offset=1')).toMatchObject({
        next: `${api}${domains}?limit=1&offset=2`,
        previous: `${api}${domains}?limit=1`,
      })
      expect(await page('?offset=2&limit=1&of=me')).toMatchObject({
        next: null,
        previous: `${api}${domains}?offset=1&limit=1&of=me`,
      })
      expect(await page('?offset=7')).toMatchObject({ count: 3, results: [], next: null })
      for (const limit of ['0', '-1', 'x', '', '1e2', '99999999999999999999'])
        expect([limit, await page(`?limit=${limit}`)]).toMatchObject([limit, { count: 3, next: null }])
      expect(((await page('?limit=100000')).results as unknown[]).length).toBe(3)
    })

    test('§1.1 links begin with https where a proxy says that the client came so', async () => {
      const { ann, api } = on()
      const { json } = await ann.send('GET', '/v2/apps/?limit=1', undefined, { 'X-Forwarded-Proto': 'https' })
      expect(json).toMatchObject({ next: `https://${new URL(api).host}/v2/apps/?limit=1&offset=1` })
    })

    test('§8 row 19: no collection takes PUT or PATCH, and 405 says what it does take', async () => {
      const { ann, create } = on()
      const app = (await create()).slice('/v2/apps/'.length)
      for (const [pattern, methods] of pathsOfContract) {
        const path = pattern.replace(':app', app).replace(/:\w+/g, 'web')
        for (const method of ['PUT', 'PATCH', ...(methods.includes('DELETE') ? [] : ['DELETE'])]) {
          const reply = await ann.send(method, path, {})
          expect([path, reply.status, reply.json]).toEqual([path, 405, { detail: `Method "${method}" not allowed.` }])
          // Paths with a word in the place of a parameter have what both have.
          if (!/restart|rollback|:/.test(pattern))
            expect([path, reply.headers.allow?.split(', ').toSorted()]).toEqual([path, [...methods].toSorted()])
        }
      }
    })
  })
}
