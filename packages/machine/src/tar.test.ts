// Does the tar of the machine make of a slug what our own program makes, and nothing outside of the folder?
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createArchiver } from './archive.ts'
import { tarOf, testArchiver, testProgram } from './archive-testing.ts'
import { discard } from './discard.ts'
import { findTar } from './tar.ts'

const tar = await findTar()
const isRoot = process.getuid?.() === 0
const runAs = isRoot ? { uid: 59_998, gid: 59_998 } : null

let parent = ''
let slug = ''
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'deis-tar-'))
  await chmod(parent, 0o711)
  slug = join(parent, 'slug.tgz')
})
afterEach(() => discard(parent))

async function homeOf(name: string): Promise<string> {
  const home = join(parent, name)
  await mkdir(home, { mode: 0o700 })
  if (runAs) await chown(home, runAs.uid, runAs.gid)
  return home
}

/** All that is there, with what counts of it. Folders have no times: ours gets none from a slug. */
async function listing(folder: string, below = '.'): Promise<object[]> {
  const found = await lstat(join(folder, below))
  const { uid, gid } = found
  const facts = { below, uid, gid, mode: found.mode.toString(8) }
  if (found.isSymbolicLink()) return [{ ...facts, to: await readlink(join(folder, below)) }]
  if (!found.isDirectory()) {
    const text = await readFile(join(folder, below), 'latin1')
    return [{ ...facts, names: found.nlink, time: found.mtimeMs, text }]
  }
  const names = (await readdir(join(folder, below))).toSorted()
  return [facts, ...(await Promise.all(names.map((name) => listing(folder, `${below}/${name}`)))).flat()]
}

/** A slug of entries exactly as given, however wrong. */
const slugOf = (...entries: Parameters<typeof tarOf>): Promise<void> => writeFile(slug, gzipSync(tarOf(...entries)))

async function packSomething(): Promise<void> {
  const source = join(parent, 'source')
  await mkdir(join(source, 'bin', 'd'.repeat(120), 'e'.repeat(120)), { recursive: true })
  await mkdir(join(source, 'empty'), { mode: 0o500 })
  await writeFile(join(source, 'bin/run'), '#!/bin/sh\n', { mode: 0o755 })
  await writeFile(join(source, 'bin', 'd'.repeat(120), 'e'.repeat(120), 'long'), 'long')
  await writeFile(join(source, 'shared'), 'x', { mode: 0o666 })
  await link(join(source, 'shared'), join(source, 'shared too'))
  await symlink('/etc/passwd', join(source, 'away'))
  await symlink('bin/run', join(source, 'start'))
  await symlink('nowhere', join(source, 'dangling'))
  await writeFile(join(source, '-rf'), 'a name like an option')
  await writeFile(join(source, 'ünï\nline'), 'x')
  await writeFile(join(source, 'large'), Buffer.alloc(3_000_000, 'abc'))
  await testArchiver.pack(source, slug)
}

describe.skipIf(tar === null)('the tar of this machine', () => {
  const unpack = (folder: string, signal?: AbortSignal) => tar!.unpack(slug, folder, { runAs, signal })

  test('unpacks a slug as our program does, from a file and as it arrives', async () => {
    await packSomething()
    const homes = await Promise.all(['ours', 'file', 'stream'].map(homeOf))
    const [ours = '', fromFile = '', fromStream = ''] = homes
    await createArchiver(testProgram).unpackSlug(slug, [ours], { runAs })
    await unpack(fromFile)
    const bytes = await readFile(slug)
    await tar!.unpack(Readable.from([bytes.subarray(0, 100), bytes.subarray(100)]), fromStream, { runAs })
    const expected = await listing(ours)
    expect(expected.length).toBeGreaterThan(14)
    expect(await listing(fromFile)).toEqual(expected)
    expect(await listing(fromStream)).toEqual(expected)
    // Whatever the archive says of its top folder.
    expect((await stat(fromFile)).mode & 0o777).toBe(0o700)
  })

  test.each([
    ['above', [{ path: '../outside', type: 'File', content: 'x' }]],
    ['from the root', [{ path: '/OUTSIDE/outside', type: 'File', content: 'x' }]],
    [
      'through a link',
      [
        { path: 'away', type: 'SymbolicLink', linkpath: 'OUTSIDE' },
        { path: 'away/outside', type: 'File', content: 'x' },
      ],
    ],
    ['into the top folder of another', [{ path: './', type: 'Directory', mode: 0o777 }]],
  ] as const)('leads nowhere: %s', async (_, entries) => {
    const home = await homeOf('home')
    const outside = join(parent, 'elsewhere')
    await mkdir(outside)
    // A folder that the user may write to, so that nothing but tar keeps it from that.
    await chmod(outside, 0o777)
    const there = (text: string): string => text.replace('OUTSIDE', outside)
    await slugOf(
      ...entries.map((entry) => ({
        ...entry,
        path: there(entry.path),
        ...('linkpath' in entry ? { linkpath: there(entry.linkpath) } : {}),
      })),
    )
    await unpack(home).catch(() => {})
    expect(await readdir(outside)).toEqual([])
    expect((await readdir(parent)).toSorted()).toEqual(['elsewhere', 'home', 'slug.tgz'])
    expect((await stat(home)).mode & 0o777).toBe(0o700)
  })

  test.skipIf(!isRoot)('runs as the app’s user, without any group of ours', async () => {
    await packSomething()
    const home = await homeOf('home')
    await chown(home, 59_997, 59_997)
    await expect(unpack(home)).rejects.toThrow(/Permission denied|EACCES/)
    expect(await readdir(home)).toEqual([])
  })

  test('says why it failed, and ends with its signal', async () => {
    await packSomething()
    const home = await homeOf('home')
    await writeFile(slug, (await readFile(slug)).subarray(0, 2000))
    await expect(unpack(home)).rejects.toThrow(/^tar ended with 2: .*end of/)
    const over = new AbortController()
    const endless = new Readable({ read() {} })
    const unpacking = tar!.unpack(endless, home, { runAs, signal: over.signal })
    over.abort(new Error('enough'))
    await expect(unpacking).rejects.toThrow('enough')
    const broken = new Readable({ read: () => void broken.destroy(new Error('the source broke')) })
    await expect(tar!.unpack(broken, home, { runAs })).rejects.toThrow()
    const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const folders = await Promise.all(processes.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
    expect(folders.filter((folder) => folder === home)).toEqual([])
  })
})

test.each([
  ['is missing', null],
  [
    'fails',
    {
      unpack: async (_: unknown, folder: string) =>
        writeFile(join(folder, 'half'), 'of it').then(() => Promise.reject(new Error('broken'))),
    },
  ],
])('a slug is unpacked by our program where tar %s', async (_, other) => {
  await packSomething()
  const homes = await Promise.all(['one', 'two'].map(homeOf))
  await createArchiver(testProgram, other).unpackSlug(slug, homes, { runAs })
  for (const home of homes) expect(await readFile(join(home, 'shared'), 'utf8')).toBe('x')
  await writeFile(slug, 'no archive')
  await expect(createArchiver(testProgram, other).unpackSlug(slug, homes, { runAs })).rejects.toThrow()
})

test('a slug is packed whole when its copy fails', async () => {
  await packSomething()
  const source = join(parent, 'source')
  const expected = await testArchiver.pack(source, slug)
  const failing = async (archive: Readable): Promise<void> => {
    for await (const _ of archive) throw new Error('the copy broke')
  }
  const packed = await testArchiver.pack(source, slug, { copy: failing })
  expect(packed).toEqual({ ...expected, notCopied: new Error('the copy broke') })
  const home = await homeOf('home')
  const copying = (archive: Readable): Promise<void> => testArchiver.unpackSlug(archive, [home], { runAs })
  expect(await testArchiver.pack(source, slug, { copy: copying })).toEqual(expected)
  const other = await homeOf('other')
  await testArchiver.unpackSlug(slug, [other], { runAs })
  expect(await listing(home)).toEqual(await listing(other))
})
