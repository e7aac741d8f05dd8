// Do archives come back as they were, and does a hostile one write nothing outside its folder?
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { Header, type HeaderData } from 'tar'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BadArchive, pack, unpack, unpackFile } from './archive.ts'

let parent = ''
let folder = ''
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'deis-archive-'))
  folder = join(parent, 'into')
  await mkdir(folder)
})
afterEach(async () => {
  await rm(parent, { recursive: true })
})

/** A tar of entries exactly as given, however wrong. */
function tar(...entries: (HeaderData & { content?: string })[]): Buffer {
  const blocks = entries.flatMap(({ content = '', ...entry }) => {
    const header = new Header({ mode: 0o644, mtime: new Date(0), ...entry, size: Buffer.byteLength(content) })
    header.encode()
    const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512)
    body.write(content)
    return [header.block as Buffer, body]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

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
  const attempt = (bytes: Buffer) => unpack(Readable.from([bytes]), folder, undefined, limits)
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
  await expect(unpack(source, folder, abort.signal)).rejects.toThrow()
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
  const skip = (path: string): boolean => path === '.git'
  const one = await pack(await make('one', ['a', 'b.sh', 'sub/c']), join(parent, 'one.tgz'), skip)
  const two = await pack(await make('two', ['sub/c', 'b.sh', 'a']), join(parent, 'two.tgz'), skip)
  expect(one).toEqual(two)
  expect(one.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(one.size).toBe((await stat(join(parent, 'one.tgz'))).size)
  await unpackFile(join(parent, 'one.tgz'), folder)
  expect((await readdir(folder, { recursive: true })).toSorted()).toEqual(['a', 'b.sh', 'sub', 'sub/c', 'sub/link'])
  expect((await stat(join(folder, 'b.sh'))).mode & 0o777).toBe(0o755)
  expect(await readlink(join(folder, 'sub/link'))).toBe('b.sh')
  await writeFile(join(parent, 'two', 'a'), 'changed')
  expect((await pack(join(parent, 'two'), join(parent, 'two.tgz'), skip)).digest).not.toBe(one.digest)
})
