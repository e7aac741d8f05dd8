// Does the tar of the machine make of a slug what our own program makes, and nothing outside of the folder?
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { execFile as execFileWithCallback } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createArchiver } from './archive.ts'
import { isRoot, runAs, tarOf, testArchiver, testProgram } from './archive-testing.ts'
import { defaultLimits } from './archive/order.ts'
import { discard } from './discard.ts'
import { findTar } from './tar.ts'

const execFile = promisify(execFileWithCallback)
const tar = await findTar()

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

/** How many processes there are in a folder. Linux only. */
async function runningIn(folder: string): Promise<number> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const folders = await Promise.all(processes.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
  return folders.filter((one) => one === folder).length
}

describe.skipIf(tar === null)('the tar of this machine', () => {
  const unpack = (folder: string, signal?: AbortSignal) => tar!.unpack(slug, [folder], { runAs, signal })

  test('unpacks a slug as our program does', async () => {
    await packSomething()
    const [ours = '', alone = '', ...several] = await Promise.all(
      ['ours', 'alone', 'first', 'second', '-third'].map(homeOf),
    )
    await createArchiver(testProgram).unpackSlug(slug, [ours], { runAs })
    await unpack(alone)
    await createArchiver(['/bin/false'], tar).unpackSlug(slug, several, { runAs })
    const expected = await listing(ours)
    expect(expected.length).toBeGreaterThan(14)
    for (const theirs of [alone, ...several]) {
      expect(await listing(theirs)).toEqual(expected)
      // Whatever the archive says of its top folder.
      expect((await stat(theirs)).mode & 0o777).toBe(0o700)
    }
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

  test('is not content with what it could not copy', async () => {
    await packSomething()
    const homes = [await homeOf('home'), join(parent, 'missing', 'folder')] as const
    await expect(tar!.unpack(slug, homes, { runAs })).rejects.toThrow('missing/folder')
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
    const unpacking = tar!.unpackPlain(endless, home, defaultLimits, { runAs, signal: over.signal })
    over.abort(new Error('enough'))
    await expect(unpacking).rejects.toThrow('enough')
    const broken = new Readable({ read: () => void broken.destroy(new Error('the source broke')) })
    await expect(tar!.unpackPlain(broken, home, defaultLimits, { runAs })).rejects.toThrow()
    const late = new AbortController()
    // A pipe that nobody writes to: the first of its programs waits in it.
    await execFile('mkfifo', [join(parent, 'pipe')])
    const waiting = tar!.unpack(join(parent, 'pipe'), [home, await homeOf('other')], { runAs, signal: late.signal })
    const pipe = await open(join(parent, 'pipe'), 'w')
    await expect.poll(() => runningIn(home)).toBeGreaterThan(1)
    late.abort(new Error('too late'))
    await expect(waiting).rejects.toThrow('too late')
    await pipe.close()
    expect(await runningIn(home)).toBe(0)
  })
})

test.each([
  ['is missing', null],
  [
    'fails',
    {
      unpack: async (_: unknown, [folder]: readonly [string, ...string[]]) =>
        writeFile(join(folder, 'half'), 'of it').then(() => Promise.reject(new Error('broken'))),
      unpackPlain: () => Promise.reject(new Error('broken')),
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

/** What git makes of a commit with such files. */
async function treeOf(
  files: Record<string, string | { readonly to: string }>,
  repository = join(parent, 'repository'),
): Promise<Buffer> {
  await mkdir(repository, { recursive: true })
  const run = (...args: string[]) =>
    execFile('git', args, {
      cwd: repository,
      encoding: 'buffer',
      maxBuffer: 2 ** 26,
      env: { PATH: process.env['PATH'] },
    })
  for (const [name, what] of Object.entries(files)) {
    await mkdir(dirname(join(repository, name)), { recursive: true })
    if (typeof what === 'string') await writeFile(join(repository, name), what, { mode: 0o755 })
    else await symlink(what.to, join(repository, name))
  }
  await run('init', '-q')
  await run('add', '.')
  await run('-c', 'user.name=x', '-c', 'user.email=x@example.com', 'commit', '-q', '-m', 'x')
  return (await run('archive', '--format=tar', 'HEAD')).stdout
}

/** In pieces that end anywhere. */
const pieces = (bytes: Buffer, size = 1000): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size)),
  )

const deep = Array.from({ length: 12 }, (_, n) => `folder-${n}-of-a-long-path`).join('/')

test('a tree of git is the same by tar and by our program', async () => {
  const tree = await treeOf({
    'a/b': 'b',
    [`${deep}/file`]: 'deep',
    link: { to: 'a/b' },
    away: { to: '/etc/passwd' },
    empty: '',
    large: 'x'.repeat(600_000),
  })
  const listings = await Promise.all(
    [null, tar].map(async (one, n) => {
      const home = await homeOf(`home-${n}`)
      const folder = createArchiver(testProgram, one).open(home, { runAs })
      expect(await folder.unpackTree(() => pieces(tree), defaultLimits)).toEqual([])
      expect((await folder.start('a/b', 10)).found).toBe('file')
      await folder.close()
      return listing(home)
    }),
  )
  expect(listings[0]?.length).toBe(20)
  expect(listings[1]).toEqual(listings[0])
})

const hardNames = [
  Buffer.from(`${'long '.repeat(30)}\nwith a line break`),
  Buffer.concat([Buffer.from('caf'), Buffer.of(0xe9)]),
  Buffer.concat([Buffer.from('long '.repeat(30)), Buffer.of(0xe9)]),
]

test.skipIf(tar === null).each([
  ['small', 10],
  ['large', 600_000],
])('a %s tree of git has all names that git has', async (_, size) => {
  const repository = join(parent, 'hard')
  await mkdir(repository)
  for (const name of hardNames) await writeFile(Buffer.concat([Buffer.from(`${repository}/`), name]), name)
  await symlink(hardNames[1] ?? '', join(repository, 'link'))
  const tree = await treeOf({ [`short\nwith a line break`]: 'x', filling: 'x'.repeat(size) }, repository)
  const home = await homeOf('home')
  const folder = createArchiver(testProgram, tar).open(home, { runAs })
  expect(await folder.unpackTree(() => pieces(tree), defaultLimits)).toEqual([])
  await folder.close()
  const names = await readdir(Buffer.from(home), { encoding: 'buffer' })
  const expected = [...hardNames, ...['short\nwith a line break', 'filling', 'link'].map((name) => Buffer.from(name))]
  expect(names.toSorted(Buffer.compare)).toEqual(expected.toSorted(Buffer.compare))
  expect(await readlink(join(home, 'link'), { encoding: 'buffer' })).toEqual(hardNames[1])
})

test('without the tar of the machine names have line breaks, too, and what is not UTF-8 is named and left out', async () => {
  const repository = join(parent, 'hard')
  await mkdir(repository)
  for (const name of hardNames) await writeFile(Buffer.concat([Buffer.from(`${repository}/`), name]), name)
  const [broken = ''] = hardNames.map(String)
  const tree = await treeOf({ 'short\nwith a line break': 'x', link: { to: broken } }, repository)
  const home = await homeOf('home')
  const folder = createArchiver(testProgram, null).open(home, { runAs })
  const left = await folder.unpackTree(() => pieces(tree), defaultLimits)
  await folder.close()
  expect(left.map(({ path }) => path).toSorted()).toEqual(['caf\uFFFD', `${'long '.repeat(30)}\uFFFD`])
  expect((await readdir(home)).toSorted()).toEqual(['link', broken, 'short\nwith a line break'].toSorted())
  expect(await readFile(join(home, broken), 'utf8')).toBe(broken)
  expect(await readlink(join(home, 'link'))).toBe(broken)
})

const [file, many] = [{ path: 'file', content: 'x' }, 600_000]
const longer = '19 size=9999999999\n'
const large = (...entries: Parameters<typeof tarOf>) => tarOf({ path: 'large', content: 'x'.repeat(many) }, ...entries)
test.each([
  ['a pipe', large({ path: 'pipe', type: 'FIFO' }), 'pipe'],
  ['a name from the root', large({ path: '/root', content: 'x' }), 'points outside'],
  ['a name above', large(file, { path: '../above', content: 'x' }), 'points outside'],
  ['more files than allowed', large(...[1, 2, 3, 4, 5].map((n) => ({ path: `f${n}` }))), 'more than 5 entries'],
  ['more bytes than allowed', large({ path: 'more', content: 'x'.repeat(2000) }), `more than ${many + 1000} bytes`],
  ['another size than its header has', large({ path: 'x', type: 'ExtendedHeader', content: longer }, file), /./],
  ['half of a file', large({ path: 'half', content: 'x'.repeat(900) }).subarray(0, -1500), /./],
  ['something after its end', Buffer.concat([large(), tarOf(file)]), null],
] as const)('a source with %s is for our program to judge', async (_, tree, why) => {
  const home = await homeOf('home')
  let asked = 0
  const folder = createArchiver(testProgram, tar).open(home, { runAs })
  const source = (): Readable => {
    asked++
    return pieces(tree, 10_000)
  }
  const unpacked = folder.unpackTree(source, { entries: 5, bytes: many + 1000 })
  if (why === null) expect(await unpacked).toEqual([])
  else await expect(unpacked).rejects.toThrow(why)
  expect(asked).toBe(tar === null ? 1 : 2)
  await folder.close()
})

/** As `listing`, with the times of all. */
async function whole(folder: string): Promise<object[]> {
  const names = ['.', ...(await readdir(folder, { recursive: true }))].toSorted()
  const times = await Promise.all(
    names.map(async (name) => ({ name, time: (await lstat(join(folder, name))).mtimeMs })),
  )
  return [...times, ...(await listing(folder))]
}

test.skipIf(tar === null).each([
  ['by our program', 0],
  ['by tar', 1100],
])('a folder that was packed %s to be used is what unpacking makes', async (_, more) => {
  await packSomething()
  const source = join(parent, 'source')
  for (let one = 0; one < more; one++) await writeFile(join(source, 'bin', `${one}`), 'x', { mode: 0o666 })
  await chmod(join(source, 'large'), 0o4640)
  await chmod(join(source, 'bin'), 0o777)
  const packed = await testArchiver.pack(source, slug, { settle: true })
  expect(packed.settled).toBe(true)
  const home = join(parent, 'plain')
  await mkdir(home, { mode: 0o700 })
  await tar!.unpack(slug, [home], {})
  expect(await whole(source)).toEqual(await whole(home))
})

test.each([
  ['what is left out', (source: string) => writeFile(join(source, 'skipped'), 'x')],
  ['a pipe', (source: string) => execFile('mkfifo', [join(source, 'pipe')])],
  [
    'a file that has another name elsewhere',
    (source: string) => link(join(source, 'shared'), join(parent, 'elsewhere')),
  ],
])('a folder with %s is not what unpacking makes', async (_, add) => {
  await packSomething()
  const source = join(parent, 'source')
  await add(source)
  expect((await testArchiver.pack(source, slug, { settle: true, skip: ['skipped'] })).settled).toBe(false)
})
