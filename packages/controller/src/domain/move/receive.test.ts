// Is an archive of an app taken whole, however it arrives, and refused when anything of it is wrong?
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Header } from 'tar'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { limits } from './format.ts'
import { archive, file, type File, manifest, parts, tar } from './archive-testing.ts'
import { receive } from './receive.ts'
import { tarHeader } from './tar.ts'
import { appRecord, buildRecord as build, created, emptyMaps } from './records-testing.ts'

const now = new Date('2026-01-02T03:04:05Z')
const app = { ...appRecord, structure: { web: 2 } }
const maps = { ...emptyMaps, values: { A: '1' } }
const config = { kind: 'config', index: 0, owner: 'ann', created, ...maps }
const release = {
  kind: 'release',
  version: 1,
  owner: 'ann',
  created,
  summary: 'ann created initial release',
  state: 'deployed',
  exception: null,
  config: 0,
  build: null,
}
const text = (...lines: readonly unknown[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')
const good = text(app, config, release)

const records = file('records.jsonl', good)
const bundle = file('history.bundle', 'b'.repeat(700))
const slug = file('slug.tgz', 's'.repeat(1024))

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-receive-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const bounds = { 'records.jsonl': limits.recordBytes, 'history.bundle': 5_000, 'slug.tgz': 5_000, image: 5_000 }

const read = (bytes: Buffer, size = 64 * 1024, accept = async (): Promise<boolean> => true) =>
  receive(parts(bytes, size), folder, bounds, accept)

test.each([1, 511, 512, 513, 100_000])('a whole archive is received in parts of %d bytes', async (size) => {
  const { manifest: found, records: parsed, file: path } = await read(archive([records, bundle, slug]), size)
  expect(found.app).toBe('blog')
  expect(parsed).toMatchObject({
    app: { structure: { web: 2 } },
    configs: [{ values: { A: '1' } }],
    releases: [{ version: 1 }],
  })
  expect(await readFile(path('history.bundle') ?? '', 'utf8')).toBe('b'.repeat(700))
  expect(await readFile(path('slug.tgz') ?? '', 'utf8')).toBe('s'.repeat(1024))
})

test('an archive without history or slug has only records, and other tars fill their last record', async () => {
  const { file: path } = await read(tar([manifest([records]), records], Buffer.alloc(8 * 512)))
  expect(path('slug.tgz')).toBeNull()
})

test('the records are judged before large files arrive', async () => {
  const half = archive([records, bundle]).subarray(0, -2_000)
  const refused = read(half, 512, () => Promise.reject(new Error('the name is taken')))
  await expect(refused).rejects.toThrow('the name is taken')
  expect(await readdir(folder)).toEqual(['records.jsonl'])
})

function link(name: string, type: 'SymbolicLink' | 'Link' | 'Directory' | 'ExtendedHeader'): File {
  const header = Buffer.alloc(512)
  new Header({ path: name, type, linkpath: '/etc/passwd', size: 0, mtime: now, mode: 0o777 }).encode(header)
  return { name, content: Buffer.alloc(0), header }
}

const named = (name: string, content: Buffer): File => ({
  name: 'slug.tgz',
  content,
  header: tarHeader(name, content.length, now),
})
const shorter = (bytes: Buffer): Buffer => {
  const damaged = Buffer.from(bytes)
  damaged[damaged.indexOf('bbb') + 10] = 0x63
  return damaged
}

test.each<[string, () => Buffer, string | RegExp]>([
  ['nothing', () => Buffer.alloc(0), 'it is cut off'],
  ['text', () => Buffer.from('hello '.repeat(200)), 'it is not a tar'],
  ['zeros', () => Buffer.alloc(4096), 'manifest.json is missing'],
  ['a gzipped tar', () => Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(2_000, 7)]), 'it is not a tar'],
  ['a manifest that is not JSON', () => tar([file('manifest.json', '{')]), 'its manifest is not JSON'],
  ['a manifest that is null', () => tar([file('manifest.json', 'null')]), 'not an archive of deis apps:export'],
  ['another format', () => archive([records], { format: 'zip' }), 'not an archive of deis apps:export'],
  [
    'a later version',
    () => archive([records], { version: 3 }),
    'it has format 3, and this platform knows formats 1 to 2 only',
  ],
  [
    'a manifest that is too long',
    () => tar([file('manifest.json', ' '.repeat(140_000))]),
    'manifest.json in it is larger',
  ],
  ['a name that leads elsewhere', () => archive([file('../../etc/cron.d/x', 'x')]), 'its manifest is invalid'],
  ['an unknown file', () => archive([records, file('more', 'x')]), 'its manifest is invalid'],
  ['a file twice', () => archive([records, bundle, bundle]), 'files twice, or in another order'],
  ['another order', () => archive([records, slug, bundle]), 'files twice, or in another order'],
  ['no records', () => archive([slug]), 'files twice, or in another order'],
  [
    'a size below zero',
    () => archive([records], { files: [{ name: 'records.jsonl', size: -1, sha256: 'a'.repeat(64) }] }),
    'its manifest is invalid',
  ],
  [
    'a file that is too large',
    () => archive([records, file('slug.tgz', 'x'.repeat(6_000))]),
    'slug.tgz in it has 1 MB, and this platform allows 0 MB',
  ],
  [
    'a file that says to be smaller than it is',
    () => tar([manifest([records, { ...slug, content: Buffer.alloc(10) }]), records, slug]),
    'has not the size',
  ],
  ['a damaged file', () => shorter(archive([records, bundle])), 'history.bundle in it has been changed or damaged'],
  [
    'a path for another file',
    () => tar([manifest([records, slug]), records, named('../slug.tgz', slug.content)]),
    '"../slug.tgz" is in it where slug.tgz belongs',
  ],
  [
    'a link',
    () => tar([manifest([records, slug]), records, link('slug.tgz', 'SymbolicLink')]),
    'slug.tgz in it is not a file',
  ],
  [
    'a hard link',
    () => tar([manifest([records, slug]), records, link('slug.tgz', 'Link')]),
    'slug.tgz in it is not a file',
  ],
  [
    'a folder',
    () => tar([manifest([records, slug]), records, link('slug.tgz', 'Directory')]),
    'slug.tgz in it is not a file',
  ],
  [
    'a header of an extension',
    () => tar([manifest([records, slug]), records, link('slug.tgz', 'ExtendedHeader')]),
    'slug.tgz in it is not a file',
  ],
  ['a missing file', () => tar([manifest([records, slug]), records]), 'slug.tgz is missing in it'],
  ['one file more', () => tar([manifest([records]), records, slug]), 'data between its files'],
  [
    'data behind its end',
    () => Buffer.concat([archive([records]), Buffer.alloc(512, 1)]),
    'more than its manifest names',
  ],
  [
    'endless zeros behind its end',
    () => Buffer.concat([archive([records]), Buffer.alloc(100_000)]),
    'more than its manifest names',
  ],
])('%s is refused', async (_, make, message) => {
  await expect(read(make())).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringMatching(message) as string,
  })
})

test('an archive that is cut anywhere is refused', async () => {
  const whole = archive([records, bundle])
  for (let at = 0; at < whole.length - 1_024; at += 97) {
    await expect(read(whole.subarray(0, at)), `cut at ${at}`).rejects.toMatchObject({ code: 'invalid' })
    await rm(folder, { recursive: true })
    folder = await mkdtemp(join(tmpdir(), 'deis-receive-'))
  }
})

const second = { ...release, version: 2, build: 0 }

test.each<[string, string, string | RegExp]>([
  ['nothing', '', 'no release that could be run'],
  ['no JSON', 'x\n', /line 1 of its records is refused: JSON parse error/],
  ['too deep', `${'['.repeat(100)}\n`, 'nested more than 64 levels'],
  ['another record first', text(config), 'the app is not its first record'],
  ['an unknown kind', text(app, { kind: '__proto__' }), 'line 2 of its records is refused: it has no known kind'],
  ['the app twice', text(app, app), 'twice'],
  ['a type that is not one', text({ ...app, structure: { '../x': 1 } }), '"../x" is not a process type'],
  ['a count below zero', text({ ...app, structure: { web: -1 } }), 'app/structure/web'],
  ['HSTS for too long', text({ ...app, hsts: 63_072_001 }), 'app/hsts'],
  ['a NUL', text({ ...app, label: { a: 'x\0' } }), 'NUL'],
  ['a variable that could not be set', text(app, { ...config, values: { '1=2': 'x' } }), 'Config keys must start'],
  ['a value that is not text', text(app, { ...config, values: { A: {} } }), 'values.A is not what a config has there'],
  ['a port that is not one', text(app, { ...config, values: { PORT: 'x' } }), 'PORT can only be a numeric value'],
  ['a limit that is not one', text(app, { ...config, memory: { web: 'lots' } }), 'Memory limit format'],
  ['a tag that is not one', text(app, { ...config, tags: { 'a b': 'c' } }), 'Tag keys'],
  ['a health check that is not one', text(app, { ...config, healthcheck: { web: { x: {} } } }), 'Healthcheck keys'],
  ['configs in disorder', text(app, { ...config, index: 1 }), 'not in their order'],
  ['a command that is empty', text(app, config, { ...build, procfile: { web: ' ' } }), "Command can't be empty"],
  ['a release without its config', text(app, release), 'v1 names a config that is not there'],
  ['a release without its build', text(app, config, second), 'v2 names a build that is not there'],
  ['a gap', text(app, config, release, { ...release, version: 3 }), 'v3 does not follow v1'],
  ['a number twice', text(app, config, release, release), 'v1 does not follow v1'],
  ['nothing but failures', text(app, config, { ...release, state: 'failed' }), 'no release that could be run'],
  ['a release that goes on', text(app, config, { ...release, state: 'pending' }), 'release/state'],
  [
    'a certificate twice',
    text(app, ...[0, 1].map(() => ({ kind: 'certificate', name: 'x', certificate: 'x', key: 'y' }))),
    'twice',
  ],
  ['a line without an end', `${text(app)}${'x'.repeat(limits.lineBytes + 10)}`, 'a line is longer'],
])('records with %s are refused', async (_, content, message) => {
  const refused = read(archive([file('records.jsonl', content)]))
  await expect(refused).rejects.toThrow(message)
  await expect(refused).rejects.toMatchObject({ code: 'invalid' })
})

test('probes that came from HEALTHCHECK_URL are stored without a port, and accepted so', async () => {
  const probe = { livenessProbe: { httpGet: { path: '/' }, timeoutSeconds: 50 } }
  const own = { ...config, healthcheck: { 'web/cmd': probe } }
  const { records: parsed } = await read(archive([file('records.jsonl', text(app, own, release))]))
  expect(parsed.configs[0]?.healthcheck).toEqual({ 'web/cmd': probe })
})
