// Is a hostile or damaged source archive refused before it does anything?
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Header, type HeaderData } from 'tar'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ArchiveResult } from '@deis/machine/archive/order'
import { BadArchive } from '@deis/machine/archive'
import { testArchiver } from '@deis/machine/archive-testing'
import { execute, openTestBuilder, repository, type TestBuilder } from './testing.ts'

let t: TestBuilder
let folder: string

beforeAll(async () => {
  t = await openTestBuilder()
  folder = await mkdtemp(join(tmpdir(), 'deis-hostile-'))
})
afterAll(async () => {
  await t.close()
  await rm(folder, { recursive: true })
})

function tar(...entries: (HeaderData & { readonly text?: string })[]): Buffer {
  const blocks = entries.flatMap(({ text = '', ...data }) => {
    const header = new Header({ mode: 0o644, type: 'File', size: text.length, ...data })
    header.encode()
    const body = Buffer.alloc(Math.ceil(text.length / 512) * 512)
    body.write(text)
    return [header.block ?? Buffer.alloc(0), body]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

test.each<[string, Buffer, string]>([
  ['an absolute path', tar({ path: '/tmp/deis-evil', text: 'x' }), 'points outside the archive'],
  ['a path upwards', tar({ path: '../evil', text: 'x' }), 'points outside the archive'],
  ['a path upwards further in', tar({ path: 'a/../../evil', text: 'x' }), 'points outside the archive'],
  [
    'a file through a link',
    tar({ path: 'l', type: 'SymbolicLink', linkpath: '/tmp' }, { path: 'l/evil', text: 'x' }),
    'leads through the link',
  ],
  [
    'a link through a link',
    tar({ path: 'l', type: 'SymbolicLink', linkpath: '/tmp' }, { path: 'l/evil', type: 'SymbolicLink', linkpath: 'x' }),
    'leads through the link',
  ],
  ['a link upwards', tar({ path: '../evil', type: 'SymbolicLink', linkpath: 'x' }), 'points outside the archive'],
  [
    'a link instead of the root',
    tar({ path: '.', type: 'SymbolicLink', linkpath: '/tmp' }),
    'is both a folder and something else',
  ],
  [
    'a hard link upwards',
    tar({ path: 'h', type: 'Link', linkpath: '../../../etc/passwd' }),
    'links outside the archive',
  ],
  ['an absolute hard link', tar({ path: 'h', type: 'Link', linkpath: '/etc/passwd' }), 'links outside the archive'],
  [
    'a hard link to a link',
    tar({ path: 'l', type: 'SymbolicLink', linkpath: '/etc/passwd' }, { path: 'h', type: 'Link', linkpath: 'l' }),
    'leads through the link',
  ],
  ['a character device', tar({ path: 'd', type: 'CharacterDevice' }), 'is a CharacterDevice'],
  ['a block device', tar({ path: 'd', type: 'BlockDevice' }), 'is a BlockDevice'],
  ['a named pipe', tar({ path: 'd', type: 'FIFO' }), 'is a FIFO'],
  ['a file that ends early', tar({ path: 'f', text: 'x'.repeat(600) }).subarray(0, 700), 'Truncated'],
  ['no archive', Buffer.alloc(2048, 'x'), 'checksum'],
])('%s', async (_name, archive, message) => {
  const failure = await t.build(archive).then(
    () => 'built',
    (error: Error) => error.message,
  )
  expect(failure).toMatch(/^The source cannot be unpacked: /)
  expect(failure).toContain(message)
  expect(existsSync('/tmp/deis-evil') || existsSync('/tmp/evil')).toBe(false)
  expect(await readdir(join(t.folder, 'builder', 'builds'))).toEqual([])
})

test('too many entries and too many bytes', async () => {
  const many = tar(...Array.from({ length: 50 }, (_, i) => ({ path: `f${i}`, text: 'x'.repeat(100) })))
  const limited = (entries: number, bytes: number): Promise<ArchiveResult> =>
    testArchiver.unpack(Readable.from([many]), folder, { limits: { entries, bytes } })
  await expect(limited(49, 10_000)).rejects.toThrow(new BadArchive('the archive has more than 49 entries'))
  await expect(limited(50, 4999)).rejects.toThrow(new BadArchive('the archive unpacks to more than 4999 bytes'))
  await limited(50, 5000)
})

test('what git makes is taken: links anywhere, executables, names of every kind', async () => {
  const source = join(t.folder, 'git-source')
  const git = await repository(source, {
    Procfile: 'web: bin/run',
    'bin/run': '#!/bin/sh\n',
    'docs/über uns.txt': 'x',
    absolute: { link: '/usr/bin/env' },
    'lib/up': { link: '../../up' },
    'lib/chain': { link: 'up' },
    '-dash': '',
  })
  const sha = (await git('rev-parse', 'HEAD')).stdout.trim()
  const { stdout } = await execute('git', ['archive', '--format=tar', sha], { cwd: source, encoding: 'buffer' })
  const { result } = await t.build(stdout, { sha })
  const app = await t.unpack(result)
  expect((await readdir(app, { recursive: true })).toSorted()).toEqual(
    [
      '-dash',
      'Procfile',
      'absolute',
      'bin',
      'bin/run',
      'docs',
      'docs/über uns.txt',
      'lib',
      'lib/chain',
      'lib/up',
    ].toSorted(),
  )
  expect(await readlink(join(app, 'absolute'))).toBe('/usr/bin/env')
  expect(await readlink(join(app, 'lib/up'))).toBe('../../up')
})
