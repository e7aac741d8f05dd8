// Do keys, and the hooks that builders ask with them, behave as docs/contract/api.md §2.12 and §2.13 say?
import { createHash, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { clientText } from './client-text.ts'
import type { Steps } from './stage.ts'

/** What ssh-keygen writes: each part of the blob behind its length. */
function sshKey(type: string, parts: readonly Buffer[]): string {
  const fields = [Buffer.from(type), ...parts].map((bytes) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  })
  return `${type} ${Buffer.concat(fields).toString('base64')}`
}

function newKey(kind: 'rsa' | 'ecdsa' | 'ed25519'): string {
  const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url')
  if (kind === 'rsa') {
    const { n, e } = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
    return sshKey('ssh-rsa', [bytes(e), Buffer.concat([Buffer.alloc(1), bytes(n)])])
  }
  if (kind === 'ecdsa') {
    const { x, y } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
    const point = Buffer.concat([Buffer.from([4]), bytes(x), bytes(y)])
    return sshKey('ecdsa-sha2-nistp256', [Buffer.from('nistp256'), point])
  }
  const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  return sshKey('ssh-ed25519', [bytes(x)])
}

function md5(key: string): string {
  const blob = Buffer.from(key.split(' ')[1] ?? '', 'base64')
  return createHash('md5')
    .update(blob)
    .digest('hex')
    .replace(/..(?!$)/g, '$&:')
}

export const keys: Steps = (backend, on) => {
  describe('§2.12 keys', () => {
    test.each(['rsa', 'ecdsa', 'ed25519'] as const)('row 17: %s keys come trimmed, are shown and go', async (kind) => {
      const { ann, eve } = on()
      const id = `ann@${kind} box/1`
      const key = newKey(kind)
      const { status, json } = await ann.post('/v2/keys/', { id, public: ` ${key} ann@box\n` })
      expect([status, json]).toMatchObject([201, { id, owner: 'ann', public: `${key} ann@box`, fingerprint: md5(key) }])
      // As the Go client writes it, and as ours does.
      const path = `/v2/keys/ann@${kind}%20box/1`
      expect((await ann.get(path)).json).toEqual(json)
      expect((await ann.get(`/v2/keys/${encodeURIComponent(id)}`)).json).toEqual(json)
      expect(await eve.remove(path)).toMatchObject({ status: 404, json: 'No Key matches the given query.' })
      expect(await ann.remove(path)).toMatchObject({ status: 204, text: '' })
      expect((await ann.remove(path)).status).toBe(404)
    })

    test.each([
      [{ id: 'bad', public: 'ssh-rsa foo_bar' }, { public: ['Key contains invalid base64 chars'] }],
      [{ id: 'bad', public: 'ssh-rsa' }, { public: ['Key contains invalid base64 chars'] }],
      [{ id: 'bad', public: '' }, { public: ['This field may not be blank.'] }],
      [{ id: '', public: 'ssh-rsa AAAA' }, { id: ['This field may not be blank.'] }],
      [{ id: 'x'.repeat(129), public: 'ssh-rsa AAAA' }, { id: ['Ensure this field has no more than 128 characters.'] }],
      [undefined, { id: ['This field is required.'], public: ['This field is required.'] }],
    ])('row 17: %j is refused', async (body, words) => {
      expect(await on().ann.post('/v2/keys/', body)).toMatchObject({ status: 400, json: words })
    })

    test('are listed by their text, each once (§7 #35)', async () => {
      const { ann, eve, annKey } = on()
      const reply = await ann.get('/v2/keys/?limit=100')
      expect(reply.json).toMatchObject({ count: 1, results: [{ id: 'ann@laptop', public: annKey }] })
      const [type, blob] = annKey.split(' ')
      for (const who of [ann, eve])
        expect((await who.post('/v2/keys/', { id: 'again', public: `${type} ${blob} other` })).json).toEqual({
          public: ['Public Key is already in use'],
        })
      const taken = await eve.post('/v2/keys/', { id: 'ann@laptop', public: newKey('ed25519') })
      expect(taken.json).toEqual({ id: ['SSH Key with this id already exists.'] })
      expect(clientText(await eve.post('/v2/keys/', { id: 'x', public: 'x' }))).toBe('A key is required')
      expect((await eve.get('/v2/keys/')).json).toMatchObject({ count: 0, results: [] })
    })
  })

  describe('§2.13 hooks', () => {
    test('row 18: are for requests with the builder’s key, and for no user', async () => {
      const { nobody, root, builder } = on()
      for (const [method, path] of [
        ['GET', '/v2/hooks/key/aa:bb'],
        ['GET', '/v2/hooks/keys/nope'],
        ['POST', '/v2/hooks/build/'],
        ['POST', '/v2/hooks/config/'],
      ] as const) {
        expect((await nobody.send(method, path)).status).toBe(401)
        expect((await root.send(method, path)).status).toBe(403)
        expect((await nobody.send(method, path, undefined, { 'X-Deis-Builder-Auth': 'x'.repeat(32) })).status).toBe(401)
        expect([400, 404]).toContain((await builder.send(method, path)).status)
      }
    })

    test('row 18, §7 #30: a key’s fingerprint tells its user and the apps that this user may use', async () => {
      const { ann, cal, builder, annKey, name, create } = on()
      const calKey = newKey('ed25519')
      await cal.post('/v2/keys/', { id: 'cal@desk', public: calKey })
      const app = await create('hooked')
      await ann.post(`${app}/perms/`, { username: 'cal' })
      await cal.post('/v2/apps/', { id: name('cals') })
      const apps = async (key: string): Promise<string[]> => {
        const { json } = await builder.get(`/v2/hooks/key/${md5(key)}`)
        return (json as { apps: string[] }).apps
      }
      expect(await apps(calKey)).toEqual(expect.arrayContaining([name('hooked'), name('cals')]))
      expect(await apps(annKey)).toContain(name('hooked'))
      expect(await apps(annKey)).not.toContain(name('cals'))
      expect((await builder.get('/v2/hooks/key/00:11')).text).toBe('"No Key matches the given query."')
      const entry = { key: calKey, fingerprint: md5(calKey) }
      expect((await builder.get(`/v2/hooks/keys/${name('hooked')}`)).json).toEqual({ cal: [entry] })
      expect((await builder.get(`/v2/hooks/keys/${name('hooked')}/cal`)).json).toEqual({ cal: [entry] })
      expect((await builder.get(`/v2/hooks/keys/${name('hooked')}/eve`)).status).toBe(403)
      expect((await builder.get(`/v2/hooks/keys/${name('hooked')}/no-one`)).text).toBe(
        '"No User matches the given query."',
      )
      expect((await builder.get('/v2/hooks/keys/nope/cal')).text).toBe('"No App matches the given query."')
      await ann.post(`${app}/perms/`, { username: 'eve' })
      expect(await builder.get(`/v2/hooks/keys/${name('hooked')}/eve`)).toMatchObject({
        status: 404,
        json: { detail: 'No Keys match the given query.' },
      })
      await cal.remove(`/v2/apps/${name('cals')}/`)
    })

    test('row 18: the config hook shows what users see, to whom may see it', async () => {
      const { ann, builder, name, create } = on()
      const app = await create('hook-config')
      await ann.post(`${app}/config/`, { values: { BUILDPACK_URL: 'https://example.com/x.git', SSH_KEY: 'a\nb' } })
      const ask = (receive_user: string, receive_repo: string) =>
        builder.post('/v2/hooks/config/', { receive_user, receive_repo })
      expect((await ask('ann', name('hook-config'))).json).toEqual((await ann.get(`${app}/config/`)).json)
      expect((await ask('eve', name('hook-config'))).status).toBe(403)
      expect((await ask('no-one', name('hook-config'))).text).toBe('"No User matches the given query."')
      expect((await ask('ann', 'nope')).text).toBe('"No App matches the given query."')
    })

    test('§7 #37: missing keys of a body are named', async () => {
      const required = ['This field is required.']
      const { builder } = on()
      expect(await builder.post('/v2/hooks/config/')).toMatchObject({
        status: 400,
        json: { receive_user: required, receive_repo: required },
      })
      expect(await builder.post('/v2/hooks/build/')).toMatchObject({
        status: 400,
        json: { receive_user: required, receive_repo: required, image: required },
      })
    })

    test.runIf(backend !== 'process')(
      'row 18: the build hook deploys as the user who pushed, and tells the version',
      async () => {
        const { ann, eve, builder, name, create, idleImage } = on()
        const app = await create('hook-build')
        await ann.post(`${app}/settings/`, { routable: false })
        const body = {
          receive_repo: name('hook-build'),
          image: idleImage,
          sha: '0123abcd',
          procfile: {},
          dockerfile: 'true',
        }
        expect((await builder.post('/v2/hooks/build/', { ...body, receive_user: 'eve' })).status).toBe(403)
        expect(await builder.post('/v2/hooks/build/', { ...body, receive_user: 'ann' })).toMatchObject({
          status: 200,
          json: { release: { version: 2 } },
        })
        expect((await ann.get(`${app}/releases/v2/`)).json).toMatchObject({
          summary: 'ann deployed 0123abc',
          owner: 'ann',
        })
        expect((await ann.get(`${app}/builds/`)).json).toMatchObject({
          results: [{ sha: '0123abcd', dockerfile: 'true' }],
        })
        expect((await ann.get(`${app}/`)).json).toMatchObject({ structure: { cmd: 1 } })
        expect((await eve.get(`${app}/`)).status).toBe(403)
        await ann.remove(`${app}/`)
      },
    )
  })
}
