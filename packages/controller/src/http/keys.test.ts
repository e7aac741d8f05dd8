// Do SSH keys behave as docs/contract/api.md §2.12 says?
import { generateKeyPairSync } from 'node:crypto'
import ssh2 from 'ssh2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'

const publicKey = (type: 'ed25519' | 'ecdsa' | 'rsa', options: object = {}): string =>
  ssh2.utils.generateKeyPairSync(type as 'ed25519', options as never).public

describe('keys', () => {
  let f: Fixture
  let ann: string
  let bob: string
  beforeAll(async () => {
    f = await openFixture()
    ann = await f.user('ann')
    bob = await f.user('bob')
  })
  afterAll(() => f.close())

  it.each([
    ['ed25519', {}],
    ['ecdsa', { bits: 256 }],
    ['rsa', { bits: 2048 }],
  ] as const)('takes %s keys, lists and forgets them', async (type, options) => {
    const key = `${publicKey(type, options)} ann@${type}`
    const added = await f.call('POST', '/v2/keys/', { id: `ann@${type}`, public: `${key}\n` }, ann)
    expect([added.status, added.body]).toEqual([
      201,
      {
        uuid: expect.any(String),
        owner: 'ann',
        id: `ann@${type}`,
        public: key,
        fingerprint: expect.stringMatching(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/),
        created: expect.any(String),
        updated: expect.any(String),
      },
    ])
    expect((await f.call('GET', `/v2/keys/${encodeURIComponent(`ann@${type}`)}`, undefined, ann)).body).toEqual(
      added.body,
    )
    expect((await f.call('GET', '/v2/keys/', undefined, ann)).body).toMatchObject({ count: 1, results: [added.body] })
    expect((await f.call('GET', '/v2/keys/', undefined, bob)).body).toMatchObject({ count: 0, results: [] })
    expect((await f.call('DELETE', `/v2/keys/ann@${type}`, undefined, bob)).body).toBe(
      'No Key matches the given query.',
    )
    expect((await f.call('DELETE', `/v2/keys/ann@${type}`, undefined, ann)).status).toBe(204)
  })

  it.each([
    ['ssh-rsa foo_bar', 'Key contains invalid base64 chars'],
    ['ssh-rsa', 'Key contains invalid base64 chars'],
    ['', 'This field may not be blank.'],
    ['ssh-ed25519 AAAA', 'Key contains invalid base64 chars'],
    [`ssh-rsa ${Buffer.from('\0\0\0\x0bssh-ed25519').toString('base64')}`, 'Key contains invalid base64 chars'],
    [
      generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      'Key contains invalid base64 chars',
    ],
  ])('refuses %j', async (text, message) => {
    const answer = await f.call('POST', '/v2/keys/', { id: 'bad', public: text }, ann)
    expect([answer.status, answer.body]).toEqual([400, { public: [message] }])
  })

  it('keeps names and key material unique', async () => {
    const key = publicKey('ed25519')
    await f.call('POST', '/v2/keys/', { id: 'one', public: key }, ann)
    expect((await f.call('POST', '/v2/keys/', { id: 'one', public: publicKey('ed25519') }, bob)).body).toEqual({
      id: ['SSH Key with this id already exists.'],
    })
    // The same key under another comment would make it unclear whose push it is.
    expect((await f.call('POST', '/v2/keys/', { id: 'two', public: `${key} other comment` }, bob)).body).toEqual({
      public: ['Public Key is already in use'],
    })
  })
})
