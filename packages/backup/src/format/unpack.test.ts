// Does a backup come out as it went in, and does a file that is damaged or hostile write nothing else?
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { Header } from 'tar'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Encryption, Opening } from './encryption.ts'
import type { Manifest } from './manifest.ts'
import { unpack } from './unpack.ts'
import { backupStream } from './write.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-unpack-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const shut: Opening = { identities: [], passphrase: null }
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const slug = `slugs/${'a'.repeat(64)}.tgz`
const contents: Record<string, string> = {
  'database.sqlite': 'rows',
  'keys/secret.key': 'key',
  'repos/shop.bundle': randomBytes(100_000).toString('hex'),
  [slug]: '',
}
const manifestOf = (files: Record<string, string>): Manifest => ({
  format: 1,
  platform: '1',
  createdAt: '2026-11-29T03:10:00.000Z',
  host: 'here',
  scheduler: 'process',
  database: 'sqlite',
  schema: ['0001_first'],
  tables: { App: 1 },
  apps: [],
  files: Object.entries(files).map(([path, text]) => ({ path, sha256: sha256(text), bytes: text.length })),
  leftOut: [],
})

/** A backup as this program writes it. */
async function backup(encryption: Encryption): Promise<Buffer> {
  const from = join(folder, 'from')
  const manifest = manifestOf(contents)
  for (const [path, text] of [...Object.entries(contents), ['manifest.json', JSON.stringify(manifest)] as const]) {
    await mkdir(dirname(join(from, path)), { recursive: true })
    await writeFile(join(from, path), text)
  }
  return buffer(await backupStream(from, manifest, encryption))
}

type Entry = { path: string; text: string; type?: 'File' | 'SymbolicLink' | 'Directory'; linkpath?: string }

/** A backup as nobody's program would write it. */
function forged(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, text, type = 'File', linkpath }) => {
    const header = new Header({ path, size: text.length, mode: 0o600, type, linkpath, mtime: new Date(0) })
    const block = Buffer.alloc(512)
    header.encode(block, 0)
    return [block, Buffer.from(text), Buffer.alloc((512 - (text.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}
const first = (manifest: unknown): Entry => ({ path: 'manifest.json', text: JSON.stringify(manifest) })

async function unpacked(bytes: Buffer, opening = shut): Promise<Manifest> {
  const to = join(folder, 'to')
  await rm(to, { recursive: true, force: true })
  await mkdir(to)
  const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, n) =>
    bytes.subarray(n * 1000, n * 1000 + 1000),
  )
  return unpack(Readable.from(pieces, { objectMode: false }), to, opening, { durable: false })
}

test('all files come back, unencrypted and for a key, in whatever pieces they are read', async () => {
  const identity = await generateX25519Identity()
  const recipients = [await identityToRecipient(await generateX25519Identity()), await identityToRecipient(identity)]
  for (const [encryption, opening] of [
    [{ kind: 'none' }, shut],
    [
      { kind: 'keys', recipients },
      { identities: [identity], passphrase: null },
    ],
  ] as [Encryption, Opening][]) {
    expect((await unpacked(await backup(encryption), opening)).files).toEqual(manifestOf(contents).files)
    for (const [path, text] of Object.entries(contents))
      expect(await readFile(join(folder, 'to', path), 'utf8')).toBe(text)
  }
})

test('every cut and every flipped bit is noticed', async () => {
  const identity = await generateX25519Identity()
  const encryption: Encryption = { kind: 'keys', recipients: [await identityToRecipient(identity)] }
  const opening = { identities: [identity], passphrase: null }
  for (const [bytes, keys] of [
    [await backup({ kind: 'none' }), shut],
    [await backup(encryption), opening],
  ] as const) {
    const step = Math.ceil(bytes.length / 40)
    for (let at = 0; at < bytes.length; at += step) {
      await expect(unpacked(bytes.subarray(0, at), keys), `cut at ${at}`).rejects.toThrow(
        /^(This file is not a backup of Deis|The backup is (cut off|damaged|encrypted))/,
      )
      // Not in the header of gzip, whose time and system say nothing.
      if (keys === shut && at < 10) continue
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 4
      await expect(unpacked(changed, keys), `changed at ${at}`).rejects.toThrow(
        /^(This file is not a backup of Deis|The backup is (cut off|damaged)|The key does not open)/,
      )
    }
  }
})

test('another key, or none, is said to be wrong', async () => {
  const recipients = [await identityToRecipient(await generateX25519Identity())]
  const bytes = await backup({ kind: 'keys', recipients })
  await expect(unpacked(bytes)).rejects.toThrow('The backup is encrypted.')
  const other = { identities: [await generateX25519Identity()], passphrase: null }
  await expect(unpacked(bytes, other)).rejects.toThrow('The key does not open this backup.')
  await expect(unpacked(bytes, { identities: [], passphrase: 'x' })).rejects.toThrow('The passphrase does not open')
})

const good = { 'database.sqlite': 'rows' }
const database: Entry = { path: 'database.sqlite', text: 'rows' }
const listing = (path: string) => manifestOf({ ...good, [path]: 'x' })
test.each([
  ['no manifest', [database], 'it begins with "database.sqlite"'],
  ['a manifest that is not JSON', [{ path: 'manifest.json', text: '{' }], 'manifest.json is not JSON'],
  ['another form', [first({ format: 1 })], 'does not have the form'],
  ['a newer format', [first({ format: 3 })], 'This backup has format 3'],
  ['no database', [first(manifestOf({ 'keys/a': 'x' }))], 'it has no database'],
  [
    'a file that is not listed',
    [first(manifestOf(good)), { path: 'keys/x', text: 'x' }],
    '"keys/x" is not in its list',
  ],
  ['a file twice', [first(manifestOf(good)), database, database], 'comes twice'],
  ['a second manifest', [first(manifestOf(good)), first(manifestOf(good))], '"manifest.json" is not in its list'],
  ['a missing file', [first(manifestOf({ ...good, 'keys/a': 'x' })), database], '"keys/a" is missing'],
  ['another size', [first(manifestOf(good)), { path: 'database.sqlite', text: 'more rows' }], 'has 9 bytes, not 4'],
  ['other content', [first(manifestOf(good)), { path: 'database.sqlite', text: 'ROWS' }], 'the checksum'],
  ['a path outside', [first(listing('../x'))], 'it lists the file "../x"'],
  ['an absolute path', [first(listing('/etc/x'))], 'it lists the file "/etc/x"'],
  ['a path inside a repository', [first(listing('repos/shop.git/hooks/update'))], 'it lists the file'],
  ['a hidden key', [first(listing('keys/.x'))], 'it lists the file'],
  [
    'a link',
    [first(manifestOf(good)), { path: 'database.sqlite', text: '', type: 'SymbolicLink', linkpath: '/etc/passwd' }],
    '"database.sqlite" is a SymbolicLink',
  ],
  ['a folder', [first(manifestOf(good)), { path: 'keys', text: '', type: 'Directory' }], '"keys" is a Directory'],
] as [string, Entry[], string][])('%s is refused', async (_, entries, why) => {
  await expect(unpacked(forged(entries))).rejects.toThrow(why)
  const written = await readdir(join(folder, 'to'), { recursive: true })
  expect(written.filter((name) => name !== 'database.sqlite')).toEqual([])
})

test('a bomb is refused before it fills the disk', async () => {
  const manifest = manifestOf(good)
  const huge = { ...manifest, files: [{ path: 'database.sqlite', sha256: sha256(''), bytes: 2 ** 45 }] }
  await expect(unpacked(forged([first(huge)]))).rejects.toThrow(/^The backup unpacks to 32 TB, and ".*" has .* free\.$/)
  const zeros = gzipSync(Buffer.alloc(50 * 2 ** 20))
  await expect(unpacked(zeros)).rejects.toThrow(/^The backup is damaged/)
})
