// Do archives come back as they were, and does a hostile one write nothing outside its folder?
import {
  chmod,
  link as hardLink,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ArchiveFailure, BadArchive, BadFolder, createArchiver } from './archive.ts'
import { discard } from './discard.ts'
import { runAs, tarOf as tar, testArchiver, testProgram } from './archive-testing.ts'

const { pack, unpack, unpackFile } = testArchiver

let parent = ''
let folder = ''
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'deis-archive-'))
  folder = join(parent, 'into')
  await mkdir(folder)
})
afterEach(async () => {
  await discard(parent)
})

const file = (path: string, content = 'x') => ({ path, type: 'File', content }) as const
const link = (path: string, linkpath: string) => ({ path, linkpath, type: 'SymbolicLink' }) as const

test('files, folders and modes, gzipped or not', async () => {
  const bytes = tar({ path: 'bin/', type: 'Directory', mode: 0o755 }, { ...file('bin/run', 'go'), mode: 0o755 })
  for (const one of [bytes, gzipSync(bytes)]) {
    await unpack(Readable.from([one]), folder)
    expect(await readFile(join(folder, 'bin/run'), 'utf8')).toBe('go')
    expect((await stat(join(folder, 'bin/run'))).mode & 0o777).toBe(0o755)
  }
})

test('symbolic links of any kind are kept as they are', async () => {
  const links = { one: '../outside', two: '/usr/bin/env', three: 'there/file', four: 'nowhere' }
  await unpack(
    Readable.from([tar(...Object.entries(links).map(([path, target]) => link(path, target)), file('there/file'))]),
    folder,
  )
  for (const [path, target] of Object.entries(links)) expect(await readlink(join(folder, path))).toBe(target)
})

test('the names of a layer of an image are below its root, with a slash or without', async () => {
  const entries = [
    { path: '/', type: 'Directory' } as const,
    { path: '/layers/', type: 'Directory' } as const,
    file('/layers/one', '1'),
    file('layers/two', '2'),
    { path: '/layers/three', linkpath: '/layers/one', type: 'Link' } as const,
  ]
  await unpack(Readable.from([tar(...entries)]), folder, { rooted: true })
  const names = ['one', 'two', 'three']
  expect(await Promise.all(names.map((name) => readFile(join(folder, 'layers', name), 'utf8')))).toEqual([
    '1',
    '2',
    '1',
  ])
})

test.each([
  ['a path upwards', [file('//../escaped')]],
  ['a path through a link', [link('/out', '/etc'), file('/out/passwd')]],
  ['a hard link outside', [{ path: '/link', linkpath: '/../secret', type: 'Link' } as const]],
  ['no name', [file('/')]],
])('of a layer, %s is refused', async (_, entries) => {
  await expect(unpack(Readable.from([tar(...entries)]), folder, { rooted: true })).rejects.toThrow(BadArchive)
})

test.each([
  ['an absolute path', [file('/tmp/deis-escaped')]],
  ['a path upwards', [file('../escaped')]],
  ['a path that goes down and up', [file('a/../../escaped')]],
  ['a hard link outside', [{ path: 'link', linkpath: '../secret', type: 'Link' } as const]],
  ['a device', [{ path: 'null', type: 'CharacterDevice', devmaj: 1, devmin: 3 } as const]],
  ['a pipe', [{ path: 'pipe', type: 'FIFO' } as const]],
  ['a link upwards', [link('../escaped', 'x')]],
])('%s is refused', async (_title, entries) => {
  await writeFile(join(parent, 'secret'), 'secret')
  await expect(unpack(Readable.from([tar(...entries)]), folder)).rejects.toThrow(BadArchive)
  expect((await readdir(parent)).toSorted()).toEqual(['into', 'secret'])
  expect(await readdir(folder)).toEqual([])
})

test.each([
  ['a file through a link', [link('out', '..'), file('out/escaped')]],
  ['a file through a link that comes later', [file('out/escaped'), link('out', '..')]],
  ['a link through a link', [link('out', '..'), link('out/escaped', 'x')]],
  ['a hard link to a link', [link('out', '../secret'), { path: 'hard', linkpath: 'out', type: 'Link' } as const]],
])('%s writes nothing outside', async (_title, entries) => {
  await writeFile(join(parent, 'secret'), 'secret')
  await unpack(Readable.from([tar(...entries)]), folder).catch((error: unknown) => {
    expect(error).toBeInstanceOf(BadArchive)
  })
  expect((await readdir(parent)).toSorted()).toEqual(['into', 'secret'])
  expect(await readFile(join(parent, 'secret'), 'utf8')).toBe('secret')
  expect((await lstat(join(parent, 'secret'))).nlink).toBe(1)
})

test('too many entries, too many bytes, and no archive at all', async () => {
  const limits = { entries: 2, bytes: 4 }
  const attempt = (bytes: Buffer) => unpack(Readable.from([bytes]), folder, { limits })
  await expect(attempt(tar(file('a'), file('b'), file('c')))).rejects.toThrow('more than 2 entries')
  await expect(attempt(tar(file('a', 'abc'), file('b', 'de')))).rejects.toThrow('more than 4 bytes')
  await expect(attempt(Buffer.alloc(4096, 'nonsense'))).rejects.toThrow(BadArchive)
  await expect(attempt(gzipSync(tar(file('a'))).subarray(0, 40))).rejects.toThrow(BadArchive)
})

test('cancelled in the middle', async () => {
  const abort = new AbortController()
  const source = new Readable({
    read() {
      this.push(tar(file('a', 'x'.repeat(2000))).subarray(0, 1024))
      abort.abort(new Error('enough'))
    },
  })
  await expect(unpack(source, folder, { signal: abort.signal })).rejects.toThrow()
  expect(source.destroyed).toBe(true)
})

test('what is packed comes back, and the same content gives the same digest', async () => {
  const make = async (name: string, order: readonly string[]): Promise<string> => {
    const source = join(parent, name)
    await mkdir(join(source, 'sub'), { recursive: true })
    for (const one of order) await writeFile(join(source, one), one)
    await chmod(join(source, 'b.sh'), 0o755)
    await symlink('b.sh', join(source, 'sub/link'))
    await mkdir(join(source, '.git'))
    return source
  }
  const skip = { skip: ['.git'] }
  const one = await pack(await make('one', ['a', 'b.sh', 'sub/c']), join(parent, 'one.tgz'), skip)
  const two = await pack(await make('two', ['sub/c', 'b.sh', 'a']), join(parent, 'two.tgz'), skip)
  expect(one).toEqual(two)
  expect(one.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(one.size).toBe((await stat(join(parent, 'one.tgz'))).size)
  await unpackFile(join(parent, 'one.tgz'), [folder])
  expect((await readdir(folder, { recursive: true })).toSorted()).toEqual(['a', 'b.sh', 'sub', 'sub/c', 'sub/link'])
  expect((await stat(join(folder, 'b.sh'))).mode & 0o777).toBe(0o755)
  expect(await readlink(join(folder, 'sub/link'))).toBe('b.sh')
  await writeFile(join(parent, 'two', 'a'), 'changed')
  expect((await pack(join(parent, 'two'), join(parent, 'two.tgz'), skip)).digest).not.toBe(one.digest)
})

test('a file goes whole into each of several folders; one that is not there fails all', async () => {
  const archive = join(parent, 'app.tgz')
  await writeFile(archive, gzipSync(tar(file('a', 'one'), link('sub', 'a'), file('b'.repeat(90), 'x'.repeat(100_000)))))
  const folders = ['one', 'two', 'three'].map((name) => join(parent, name)) as [string, string, string]
  for (const one of folders) await mkdir(one)
  const result = await unpackFile(archive, folders)
  expect(result.entries).toBe(3)
  for (const one of folders) {
    expect((await readdir(one)).toSorted()).toEqual(['a', 'b'.repeat(90), 'sub'])
    expect((await readFile(join(one, 'b'.repeat(90)), 'utf8')).length).toBe(100_000)
  }
  await expect(unpackFile(archive, [folder, join(parent, 'missing')])).rejects.toThrow(/ENOENT.*missing/)
})

const execute = promisify(execFile)

/** What a listing by another program says of an archive: names, and the links behind them. */
async function listed(archive: string): Promise<string[]> {
  const { stdout } = await execute('tar', ['-tvzf', archive, '--full-time'], {
    env: { LANG: 'C', PATH: process.env.PATH },
  })
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.replace(/^.*00:00:00 /, ''))
}

test('further names of a file are links, also as the last entries, and come back as one file', async () => {
  const source = join(parent, 'source')
  await mkdir(source)
  await writeFile(join(source, 'a'), 'MIT\n')
  await writeFile(join(source, 'b'), 'one\n')
  await hardLink(join(source, 'b'), join(source, 'y'))
  await hardLink(join(source, 'a'), join(source, 'z1'))
  for (let i = 0; i < 20; i++) {
    await mkdir(join(source, `d${i}`))
    await writeFile(join(source, `d${i}/own`), `${i}`)
    if (i < 14) await hardLink(join(source, 'd0/own'), join(source, `d${i}/shared`))
  }
  const started = performance.now()
  await pack(source, join(parent, 'x.tgz'))
  expect(performance.now() - started).toBeLessThan(10_000)
  const lines = await listed(join(parent, 'x.tgz'))
  expect(lines.slice(-2)).toEqual(['./y link to ./b', './z1 link to ./a'])
  expect(lines.filter((line) => line.includes('link to ./d0/own'))).toHaveLength(14)
  await unpackFile(join(parent, 'x.tgz'), [folder])
  expect(await readFile(join(folder, 'z1'), 'utf8')).toBe('MIT\n')
  expect((await stat(join(folder, 'b'))).ino).toBe((await stat(join(folder, 'y'))).ino)
  expect((await stat(join(folder, 'd0/own'))).nlink).toBe(15)
})

test('a link to a file that is not packed is the file itself', async () => {
  const source = join(parent, 'source')
  await mkdir(join(source, 'skipped'), { recursive: true })
  await writeFile(join(source, 'skipped/one'), 'text')
  await hardLink(join(source, 'skipped/one'), join(source, 'two'))
  await hardLink(join(source, 'skipped/one'), join(parent, 'outside'))
  await pack(source, join(parent, 'x.tgz'), { skip: ['skipped/'] })
  await unpackFile(join(parent, 'x.tgz'), [folder])
  expect(await readdir(folder)).toEqual(['two'])
  expect(await readFile(join(folder, 'two'), 'utf8')).toBe('text')
})

test('names of every kind come back; what has no place elsewhere is named', async () => {
  const source = join(parent, 'source')
  const long = `${'d'.repeat(200)}/${'x'.repeat(200)}\nsecond line`
  await mkdir(join(source, 'd'.repeat(200)), { recursive: true })
  const names = ['Icon\r', 'two\nlines', 'ünï', '-dash', ' space', long]
  for (const name of names) await writeFile(join(source, name), name)
  await symlink('t'.repeat(300), join(source, 'long-link'))
  await hardLink(join(source, long), join(source, 'z'))
  await execute('mkfifo', [join(source, 'pipe')])
  await writeFile(Buffer.concat([Buffer.from(`${source}/caf`), Buffer.from([0xe9])]), 'x')
  const { leftOut, entries } = await pack(source, join(parent, 'x.tgz'))
  expect(leftOut).toEqual([
    { path: './caf\uFFFD', why: 'its name is not UTF-8' },
    { path: './pipe', why: 'not a file, a folder or a link' },
  ])
  expect(entries).toBe(names.length + 4)
  await unpackFile(join(parent, 'x.tgz'), [folder])
  for (const name of names) expect(await readFile(join(folder, name), 'utf8')).toBe(name)
  expect(await readlink(join(folder, 'long-link'))).toBe('t'.repeat(300))
  expect((await stat(join(folder, 'z'))).nlink).toBe(2)
  // The same from another program's archive: of two such names one must not become the other.
  await execute('tar', ['-cf', join(parent, 'gnu.tar'), '-C', source, '--exclude=pipe', '.'])
  const other = join(parent, 'other')
  await mkdir(other)
  expect((await unpackFile(join(parent, 'gnu.tar'), [other])).leftOut).toEqual([
    { path: './caf\uFFFD', why: 'its name is not UTF-8' },
  ])
  for (const name of names) expect(await readFile(join(other, name), 'utf8')).toBe(name)
})

test('rights: nothing is setuid, and what its owner may not read is packed all the same', async () => {
  const source = join(parent, 'source')
  await mkdir(join(source, 'shut'), { recursive: true })
  await writeFile(join(source, 'shut/file'), 'x')
  await writeFile(join(source, 'suid'), 'x')
  await chmod(join(source, 'suid'), 0o4755)
  await chmod(join(source, 'shut/file'), 0)
  await chmod(join(source, 'shut'), 0)

  if (runAs) {
    await execute('chown', ['-R', '59998:59998', source])
    await chmod(parent, 0o755)
  }
  await pack(source, join(parent, 'x.tgz'), { runAs })
  await unpackFile(join(parent, 'x.tgz'), [folder])
  expect((await stat(join(folder, 'suid'))).mode & 0o7777).toBe(0o755)
  expect(await readFile(join(folder, 'shut/file'), 'utf8')).toBe('x')
})

test.skipIf(process.getuid?.() !== 0)(
  'both ways as another user, who reads and writes no more than that user may',
  async () => {
    const runAs = { uid: 59_998, gid: 59_998 }
    const source = join(parent, 'source')
    await mkdir(join(source, 'private'), { recursive: true, mode: 0o755 })
    await writeFile(join(source, 'private/key'), 'secret')
    await chmod(join(source, 'private'), 0o700)
    await expect(pack(source, join(parent, 'x.tgz'), { runAs })).rejects.toThrow(BadFolder)
    const bytes = tar(file('a'))
    await expect(unpack(Readable.from([bytes]), folder, { runAs })).rejects.toThrow('EACCES')
    await execute('chown', ['59998:59998', folder])
    await unpack(Readable.from([bytes]), folder, { runAs })
    expect((await stat(join(folder, 'a'))).uid).toBe(59_998)
  },
)

test('limits while packing name the file that is too much', async () => {
  const source = join(parent, 'source')
  await mkdir(source)
  await writeFile(join(source, 'big'), '')
  await truncate(join(source, 'big'), 2 ** 40)
  const started = performance.now()
  await expect(pack(source, join(parent, 'x.tgz'))).rejects.toThrow('"./big" (1048576 MB) does not fit')
  expect(performance.now() - started).toBeLessThan(10_000)
  await expect(pack(source, join(parent, 'x.tgz'), { limits: { entries: 1 } })).rejects.toThrow('more than 1 files')
  await writeFile(join(source, 'big'), randomBytes(3 * 2 ** 20))
  const attempt = pack(source, join(parent, 'x.tgz'), { archiveBytes: 2 ** 20 })
  await expect(attempt).rejects.toThrow('larger than 1 MB when compressed')
})

test('compressed twice, or in another way, is refused rather than half unpacked', async () => {
  const twice = gzipSync(gzipSync(tar(file('a'))))
  await expect(unpack(Readable.from([twice]), folder)).rejects.toThrow('use gzip, once')
  expect(await readdir(folder)).toEqual([])
})

test('a program that dies, does not start or says nonsense is a failure', async () => {
  const dying = (code: string) => createArchiver([process.execPath, '-e', code])
  for (const code of ['process.kill(process.pid, "SIGKILL")', 'process.exit(3)', 'throw new Error("no")'])
    await expect(dying(code).unpack(Readable.from([tar(file('a'))]), folder)).rejects.toThrow(ArchiveFailure)
  await expect(dying('process.abort()').pack(folder, join(parent, 'x.tgz'))).rejects.toThrow(/ended without a result/)
  await expect(createArchiver(['/nowhere']).pack(folder, join(parent, 'x.tgz'))).rejects.toThrow('ENOENT')
  const starved = createArchiver(testProgram.toSpliced(1, 0, '--max-old-space-size=8'))
  const many = Readable.from(manyLinks(300_000))
  await expect(starved.unpack(many, folder)).rejects.toThrow(ArchiveFailure)
})

function* manyLinks(count: number): Generator<Buffer> {
  for (let i = 0; i < count; i += 1000)
    yield tar(...Array.from({ length: 1000 }, (_, n) => link(`l${i + n}${'x'.repeat(60)}`, 't'.repeat(90)))).subarray(
      0,
      -1024,
    )
}
