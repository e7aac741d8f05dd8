// Does only a valid signature of a usable key prove who connects?
import { generateKeyPairSync } from 'node:crypto'
import type { AuthContext, ParsedKey } from 'ssh2'
import ssh2 from 'ssh2'
import { expect, test } from 'vitest'
import { fingerprint, verify, usableKey } from './auth.ts'

function made(type: 'ed25519' | 'ecdsa' | 'rsa', bits?: number): ParsedKey {
  for (;;) {
    const options = bits ? { bits } : {}
    const text = ssh2.utils.generateKeyPairSync(type as 'rsa', options as { bits: number }).private
    const key = ssh2.utils.parseKey(text)
    // ssh2 makes an unreadable key now and then.
    if (!(key instanceof Error)) return key
  }
}

const ed25519 = made('ed25519')
const stranger = made('ed25519')
const ecdsa = made('ecdsa', 521)
const rsa = made('rsa', 2048)
const blob = Buffer.from('what the client has to sign')

type Attempt = {
  key?: ParsedKey
  algo?: string
  data?: Buffer
  hashAlgo?: string
  signature?: unknown
  method?: string
}

function attempt({ key = ed25519, method = 'publickey', ...rest }: Attempt): AuthContext {
  const hashAlgo = rest.hashAlgo ?? (key.type === 'ssh-rsa' ? 'sha512' : undefined)
  return {
    method,
    key: { algo: rest.algo ?? key.type, data: rest.data ?? key.getPublicSSH() },
    hashAlgo,
    signature: 'signature' in rest ? rest.signature : key.sign(blob, hashAlgo),
    blob: 'signature' in rest && rest.signature === undefined ? undefined : blob,
  } as unknown as AuthContext
}

const known = new Map([ed25519, ecdsa, rsa].map((key) => [fingerprint(key.getPublicSSH()), `owner of ${key.type}`]))
const identify = async (print: string): Promise<{ username: string } | null> => {
  const username = known.get(print)
  return username === undefined ? null : { username }
}

test.each([ed25519, ecdsa, rsa])('a signature proves who owns the key ($type)', async (key) => {
  expect(await verify(attempt({ key }), identify)).toEqual({ kind: 'proven', username: `owner of ${key.type}` })
})

test('a key that is only offered identifies no user', async () => {
  expect(await verify(attempt({ signature: undefined }), identify)).toEqual({ kind: 'acceptable' })
  expect(await verify(attempt({ key: stranger, signature: undefined }), identify)).toEqual({ kind: 'rejected' })
})

const damaged = Buffer.from(ed25519.sign(blob))
damaged[5] = (damaged[5] ?? 0) ^ 1

test.each<[string, Attempt]>([
  ['unknown key', { key: stranger }],
  ['signature of another key', { signature: stranger.sign(blob) }],
  ['damaged signature', { signature: damaged }],
  ['signature of other data', { signature: ed25519.sign(Buffer.from('x')) }],
  ['empty signature', { signature: Buffer.alloc(0) }],
  ['short signature', { signature: Buffer.alloc(3) }],
  ['RSA with SHA-1', { key: rsa, hashAlgo: '', signature: rsa.sign(blob) }],
  ['the algorithm of another key', { algo: 'ssh-rsa', hashAlgo: 'sha512' }],
  ['an unknown algorithm', { algo: 'ssh-dss' }],
  ['a certificate', { algo: 'ssh-ed25519-cert-v01@openssh.com' }],
  ['password', { method: 'password' }],
  ['none', { method: 'none' }],
  ['keyboard-interactive', { method: 'keyboard-interactive' }],
  ['hostbased', { method: 'hostbased' }],
])('rejected: %s', async (_, what) => {
  expect(await verify(attempt(what), identify)).toEqual({ kind: 'rejected' })
})

const text = (data: string): Buffer => Buffer.from(data)
const field = (...parts: Buffer[]): Buffer =>
  Buffer.concat(parts.flatMap((part) => [Buffer.from([0, 0, 0, part.length]), part]))
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
const weakBlob = field(
  text('ssh-rsa'),
  Buffer.from(weak.e ?? '', 'base64url'),
  Buffer.concat([Buffer.alloc(1), Buffer.from(weak.n ?? '', 'base64url')]),
)

// CVE-2020-9283: a key of the wrong size must be no more than refused.
test.each<[string, string, Buffer]>([
  ['empty', 'ssh-ed25519', Buffer.alloc(0)],
  ['a length and nothing', 'ssh-ed25519', Buffer.from([255, 255, 255, 255])],
  ['no key', 'ssh-ed25519', field(text('ssh-ed25519'))],
  ['31 bytes', 'ssh-ed25519', field(text('ssh-ed25519'), Buffer.alloc(31))],
  ['33 bytes', 'ssh-ed25519', field(text('ssh-ed25519'), Buffer.alloc(33))],
  ['more behind it', 'ssh-ed25519', Buffer.concat([ed25519.getPublicSSH(), Buffer.alloc(1)])],
  ['as text', 'ssh-ed25519', text(`ssh-ed25519 ${ed25519.getPublicSSH().toString('base64')}`)],
  ['a private key', 'ssh-ed25519', text(ed25519.getPrivatePEM())],
  ['RSA of zeros', 'ssh-rsa', field(text('ssh-rsa'), Buffer.alloc(3), Buffer.alloc(200))],
  ['RSA without modulus', 'ssh-rsa', field(text('ssh-rsa'), Buffer.from([1, 0, 1]), Buffer.alloc(0))],
  ['RSA of 1024 bits', 'ssh-rsa', weakBlob],
  ['DSA', 'ssh-dss', field(text('ssh-dss'), ...Array.from({ length: 4 }, () => Buffer.alloc(20, 1)))],
  ['another curve', 'ecdsa-sha2-nistp256', field(text('ecdsa-sha2-nistp256'), text('nistp521'), Buffer.alloc(65, 4))],
])('not a usable key: %s', (_, algo, data) => {
  expect(usableKey({ key: { algo, data }, hashAlgo: 'sha512' })).toBeNull()
})

test('an ecdsa key that is not a point of its curve proves nothing', async () => {
  const data = field(text('ecdsa-sha2-nistp256'), text('nistp256'), Buffer.alloc(65, 4))
  const anyUser = async (): Promise<{ username: string }> => ({ username: 'anybody' })
  const what = attempt({ algo: 'ecdsa-sha2-nistp256', data, signature: Buffer.alloc(70, 48) })
  expect(await verify(what, anyUser)).toEqual({ kind: 'rejected' })
})
