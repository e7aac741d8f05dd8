// Do only external builders get what docs/contract/api.md §2.13 says (§8 row 18)?
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fingerprints, keyBlob } from '../domain/accounts/keys.ts'
import { type Fixture, openFixture } from './fixture.ts'

/** A new key as its owner would paste it. */
function publicKey(): string {
  const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const field = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const blob = Buffer.concat([field(Buffer.from('ssh-ed25519')), field(Buffer.from(x, 'base64url'))])
  return `ssh-ed25519 ${blob.toString('base64')}`
}
const md5 = (text: string): string => fingerprints(keyBlob(text)).md5

describe('builder hooks', () => {
  let f: Fixture
  let ann: string
  const [annKey, calKey] = [publicKey(), publicKey()]
  beforeAll(async () => {
    f = await openFixture()
    await f.user('root')
    ann = await f.user('ann')
    const cal = await f.user('cal')
    await f.user('eve')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    await f.call('POST', '/v2/apps/', { id: 'coffee' }, cal)
    await f.call('POST', '/v2/apps/tea/perms/', { username: 'cal' }, ann)
    await f.call('POST', '/v2/keys/', { id: 'ann@laptop', public: annKey }, ann)
    await f.call('POST', '/v2/keys/', { id: 'cal/desk', public: calKey }, cal)
  })
  afterAll(() => f.close())
  const hook = async (method: string, path: string, body?: unknown) => {
    const answer = await f.server.inject({
      method: method as 'GET',
      url: `/v2/hooks/${path}`,
      headers: { 'content-type': 'application/json', 'x-deis-builder-auth': 'b'.repeat(32) },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    })
    return { status: answer.statusCode, text: answer.body, body: answer.body === '' ? null : answer.json<unknown>() }
  }

  it('are for builders only', async () => {
    for (const [method, path] of [
      ['GET', 'key/aa:bb'],
      ['GET', 'keys/tea'],
      ['GET', 'keys/tea/cal'],
      ['POST', 'build/'],
      ['POST', 'config/'],
    ] as const) {
      expect((await f.call(method, `/v2/hooks/${path}`)).status).toBe(401)
      expect((await f.call(method, `/v2/hooks/${path}`, undefined, ann)).status).toBe(403)
      const wrong = await f.server.inject({
        method,
        url: `/v2/hooks/${path}`,
        headers: { 'x-deis-builder-auth': 'b'.repeat(31) },
      })
      expect(wrong.statusCode).toBe(401)
    }
  })

  it('name the user of a key, and only that user’s apps (§7 #30)', async () => {
    expect((await hook('GET', `key/${md5(annKey)}`)).body).toEqual({ username: 'ann', apps: ['tea'] })
    expect((await hook('GET', `key/${md5(calKey)}`)).body).toEqual({ username: 'cal', apps: ['coffee', 'tea'] })
    expect((await hook('GET', 'key/00:11')).text).toBe('"No Key matches the given query."')
  })

  it('list the keys of collaborators, and of one user', async () => {
    const entry = { key: calKey, fingerprint: md5(calKey) }
    expect((await hook('GET', 'keys/tea')).body).toEqual({ cal: [entry] })
    expect((await hook('GET', 'keys/nope')).text).toBe('"No App matches the given query."')
    expect((await hook('GET', 'keys/tea/cal')).body).toEqual({ cal: [entry] })
    expect((await hook('GET', 'keys/tea/ann')).body).toEqual({ ann: [{ key: annKey, fingerprint: md5(annKey) }] })
    expect((await hook('GET', 'keys/tea/nobody')).text).toBe('"No User matches the given query."')
    expect((await hook('GET', 'keys/nope/cal')).text).toBe('"No App matches the given query."')
    expect((await hook('GET', 'keys/tea/eve')).status).toBe(403)
    await f.call('POST', '/v2/apps/tea/perms/', { username: 'eve' }, ann)
    const none = await hook('GET', 'keys/tea/eve')
    expect([none.status, none.body]).toEqual([404, { detail: 'No Keys match the given query.' }])
    await f.call('DELETE', '/v2/apps/tea/perms/eve', undefined, ann)
  })

  it('deploy as the user who pushed, and show the config that is served to users too', async () => {
    const from = (receive_user: string, receive_repo = 'tea') => ({ receive_user, receive_repo })
    const image = { image: 'acme/api:git-1', sha: 'abcdef12', dockerfile: 'true', procfile: { web: 'serve' } }
    const built = await hook('POST', 'build/', { ...from('cal'), ...image })
    expect([built.status, built.body]).toEqual([200, { release: { version: 2 } }])
    expect((await f.call('GET', '/v2/apps/tea/releases/v2/', undefined, ann)).body).toMatchObject({
      owner: 'cal',
      summary: 'cal deployed abcdef1',
    })
    const config = await f.call('GET', '/v2/apps/tea/config/', undefined, ann)
    expect((await hook('POST', 'config', from('ann'))).body).toEqual(config.body)
    for (const path of ['build', 'config']) {
      const more = path === 'build' ? image : {}
      expect((await hook('POST', path, { ...from('eve'), ...more })).status).toBe(403)
      expect((await hook('POST', path, { ...from('nobody'), ...more })).text).toBe('"No User matches the given query."')
      expect((await hook('POST', path, { ...from('ann', 'no'), ...more })).text).toBe(
        '"No App matches the given query."',
      )
    }
    const required = ['This field is required.']
    expect((await hook('POST', 'config')).body).toEqual({ receive_user: required, receive_repo: required })
    expect((await hook('POST', 'build')).body).toEqual({
      receive_user: required,
      receive_repo: required,
      image: required,
    })
    const bad = await hook('POST', 'build', { ...from('ann'), ...image, procfile: { worker__test: 'x' } })
    expect([bad.status, bad.body]).toEqual([
      400,
      {
        procfile: [
          'Process types can only contain letters and digits, with single hyphens or underscores between them, and have at most 63 characters',
        ],
      },
    ])
  })

  it('keys with slashes in their ids are found as clients write them', async () => {
    const { body } = await f.call('POST', '/v2/auth/login/', { username: 'cal', password: 'cal-secret' })
    const { token } = body as { token: string }
    for (const path of ['cal/desk', 'cal%2Fdesk'])
      expect((await f.call('GET', `/v2/keys/${path}`, undefined, token)).body).toMatchObject({ id: 'cal/desk' })
    expect((await f.call('PUT', '/v2/keys/cal/desk', undefined, token)).status).toBe(405)
    expect((await f.call('DELETE', '/v2/keys/cal/desk', undefined, token)).status).toBe(204)
  })
})
