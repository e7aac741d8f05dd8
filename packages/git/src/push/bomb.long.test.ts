// Does a small push that stands for something huge end with a reason, at once, and without memory or processes?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { testArchiver } from '@deis/machine/archive-testing'
import { type Copy, freshCopies, type Platform, remote, remoteLines, type Result, type User } from '../fixture.ts'

let ann: User
let platform: Platform
let copy: Copy
freshCopies((fresh) => ({ ann, platform, copy } = fresh))

/** git with an input, in the copy; what it prints. */
async function make(args: readonly string[], input: string | Buffer): Promise<string> {
  const child = spawn('git', [...args], { cwd: copy.folder, env: ann.env })
  // git may refuse before it has read everything; its words say why.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [out, words] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (out === '') throw new Error(words)
  return out.trim()
}

const blob = (content: string | Buffer): Promise<string> => make(['hash-object', '-w', '--stdin'], content)

const raw = (entries: readonly (readonly [mode: string, name: string | Buffer, id: string])[]): Promise<string> =>
  make(
    ['hash-object', '-t', 'tree', '-w', '--stdin', '--literally'],
    Buffer.concat(
      entries.flatMap(([mode, name, id]) => [
        Buffer.from(`${mode} `),
        Buffer.from(name),
        Buffer.from([0]),
        Buffer.from(id, 'hex'),
      ]),
    ),
  )

/** Folders in folders, all the same. */
async function nested(levels: number, width: number, inner: string): Promise<string> {
  let tree = inner
  for (let level = 0; level < levels; level++)
    tree = await raw(Array.from({ length: width }, (_, i) => ['40000', `d${i}`, tree] as const))
  return tree
}

async function push(tree: string): Promise<Result> {
  const commit = await make(['commit-tree', '-m', 'x', tree], '')
  await copy.git('update-ref', 'refs/heads/main', commit)
  return copy.git('push', remote(platform, 'app'), 'main')
}

const said = ({ stderr }: Result): string => remoteLines(stderr).join('\n')

test('8 levels of 10 folders, all the same, are counted without being walked', async () => {
  const started = performance.now()
  const leaf = await raw([['100644', 'f', await blob('x')]])
  const result = await push(await nested(8, 10, leaf))
  expect(said(result)).toBe(
    'The source has more than 1000 files and folders. Remove what is not needed, or raise DEIS_MAX_SOURCE_FILES.',
  )
  expect(result.code).toBe(1)
  expect(platform.state.deployed).toEqual([])
  expect(performance.now() - started).toBeLessThan(20_000)
  await platform.restart({ sourceLimits: { entries: 1e7, bytes: 10_000_000 } })
  // 60 levels are more than there are numbers.
  expect(said(await push(await nested(60, 10, leaf)))).toContain('has more than 10000000 files')
})

test('one file many times is as large as all of them', async () => {
  const large = await blob(Buffer.alloc(1_000_000))
  const leaf = await raw(Array.from({ length: 10 }, (_, i) => ['100644', `f${i}`, large] as const))
  expect(said(await push(await nested(1, 5, leaf)))).toMatch(/^The source is 48 MB; at most 10 MB/)
  expect(said(await push(await raw([['100644', 'f', await blob(Buffer.alloc(11_000_000))]])))).toMatch(
    /^"f" alone is 10 MB; at most 10 MB are allowed/,
  )
})

test.each([
  ['deep folders', async () => nested(110, 1, await raw([['100644', 'f', await blob('x')]])), 'more than 100 deep'],
  [
    'a long path',
    async () => {
      let tree = await raw([['100644', 'f', await blob('x')]])
      for (let i = 0; i < 25; i++) tree = await raw([['40000', 'n'.repeat(200), tree]])
      return tree
    },
    'a path longer than 4095 bytes',
  ],
  ['a long name', async () => raw([['100644', 'n'.repeat(300), await blob('x')]]), 'a name longer than 255 bytes'],
  [
    'a line break in a name',
    async () => raw([['100644', 'a\nb', await blob('x')]]),
    '"a\\nb" has a line break in its name',
  ],
  [
    'a long link',
    async () => raw([['120000', 'l', await blob('x'.repeat(5000))]]),
    '"l" is a link with a target of 5000 bytes',
  ],
  ['an invalid mode', async () => raw([['60000', 'dev', await blob('x')]]), '"dev" has the mode'],
])('%s: refused by name', async (_title, tree, reason) => {
  const result = await push(await tree())
  expect(result.code).toBe(1)
  expect(said(result)).toContain(reason)
  expect(platform.state.deployed).toEqual([])
})

test('a repository with 50,000 files is taken', async () => {
  await platform.restart({ sourceLimits: { entries: 200_000, bytes: 2 ** 31 } })
  let seen = 0
  platform.state.deploy = async (pushed) => {
    seen = (await buffer(pushed.source())).length
  }
  const ids = await Promise.all(['a', 'b', 'c'].map(blob))
  const inner = await Promise.all(
    Array.from({ length: 10 }, (_, d) =>
      raw(
        Array.from({ length: 5000 }, (_x, i) => `f${d}-${i}`)
          .toSorted()
          .map((name, i) => ['100644', name, ids[i % 3] ?? ''] as const),
      ),
    ),
  )
  const started = performance.now()
  const result = await push(await raw(inner.map((id, d) => ['40000', `d${d}`, id] as const)))
  expect(result.code).toBe(0)
  expect(seen).toBeGreaterThan(50_000 * 1024)
  expect(performance.now() - started).toBeLessThan(25_000)
})

test('attributes in the tree leave nothing out and make nothing grow', async () => {
  const target = join(platform.folder, 'attributes')
  await mkdir(target)
  platform.state.deploy = async (pushed) => void (await testArchiver.unpack(pushed.source(), target))
  await copy.commit({
    '.gitattributes': 'secret export-ignore\nbomb export-subst\n* ident\n',
    secret: 'here',
    bomb: '$Format:%B$'.repeat(10),
    id: '$Id$',
  })
  expect((await copy.git('push', remote(platform, 'app'), 'main')).code).toBe(0)
  expect(await readFile(join(target, 'secret'), 'utf8')).toBe('here')
  expect(await readFile(join(target, 'bomb'), 'utf8')).toBe('$Format:%B$'.repeat(10))
  expect(await readFile(join(target, 'id'), 'utf8')).toBe('$Id$')
})

test('pointers of LFS are refused with the way out, and other small files are not', async () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`
  await copy.commit({ '.gitattributes': '*.png filter=lfs diff=lfs merge=lfs -text\n', 'a.txt': 'x'.repeat(130) })
  expect((await copy.git('push', remote(platform, 'app'), 'main')).code).toBe(0)
  await copy.commit({ 'img/logo.png': pointer })
  const result = await copy.git('push', remote(platform, 'app'), 'main')
  expect(result.code).toBe(1)
  expect(said(result)).toBe(
    'Git LFS is not supported, and "img/logo.png" is only a pointer to a file in LFS.\n' +
      "Commit the files themselves: git lfs untrack and git add them again, or git lfs migrate export --include='*' for all of them.",
  )
})

test('submodules are handed on with their paths', async () => {
  let submodules: unknown
  platform.state.deploy = async (pushed) => void ({ submodules } = pushed)
  const id = '1234567890123456789012345678901234567890'
  const inner = await raw([['160000', 'mod', id]])
  await push(await raw([['40000', 'lib', inner]]))
  expect(submodules).toEqual([{ path: 'lib/mod', sha: id }])
})

/** A delta that says over and over: copy all of the base. */
function deltaBomb(base: number, copies: number): Buffer {
  const size = (value: number): number[] => {
    const bytes = []
    for (let left = value; ; left = Math.floor(left / 128)) {
      bytes.push((left % 128) | (left >= 128 ? 0x80 : 0))
      if (left < 128) return bytes
    }
  }
  const instruction = Buffer.from([0b1111_0000, base & 0xff, (base >> 8) & 0xff, (base >> 16) & 0xff])
  return Buffer.concat([
    Buffer.from([...size(base), ...size(base * copies)]),
    ...Array.from({ length: copies }, () => instruction),
  ])
}

test('a delta of a few bytes that stands for gigabytes ends git, not the machine', async () => {
  const { createHash } = await import('node:crypto')
  const { deflateSync } = await import('node:zlib')
  const base = Buffer.alloc(0x00ff_ffff)
  const head = (type: number, length: number): Buffer => {
    const bytes = [(type << 4) | (length & 15) | (length > 15 ? 0x80 : 0)]
    for (let left = length >> 4; left > 0; left >>= 7) bytes.push((left & 127) | (left > 127 ? 0x80 : 0))
    return Buffer.from(bytes)
  }
  const baseId = createHash('sha1').update(`blob ${base.length}\0`).update(base).digest()
  const delta = deltaBomb(base.length, 2000)
  const body = Buffer.concat([
    Buffer.from('PACK'),
    Buffer.from([0, 0, 0, 2, 0, 0, 0, 2]),
    head(3, base.length),
    deflateSync(base),
    head(7, delta.length),
    baseId,
    deflateSync(delta),
  ])
  const pack = Buffer.concat([body, createHash('sha1').update(body).digest()])
  expect(pack.length).toBeLessThan(60_000)
  const id = 'a'.repeat(40)
  const line = `${'0'.repeat(40)} ${id} refs/heads/main\0 report-status side-band-64k`
  const file = join(platform.folder, 'bomb')
  await writeFile(
    file,
    Buffer.concat([Buffer.from(`${(line.length + 4).toString(16).padStart(4, '0')}${line}0000`), pack]),
  )
  const [program = '', ...flags] = (ann.env['GIT_SSH_COMMAND'] ?? '').split(' ')
  const ssh = spawn(
    program,
    [...flags, '-p', String(platform.server.port), 'git@127.0.0.1', "git-receive-pack 'app.git'"],
    { env: ann.env },
  )
  ssh.stdin.end(await readFile(file))
  const [out] = await Promise.all([text(ssh.stdout), text(ssh.stderr), once(ssh, 'close')])
  expect(out).toMatch(/attempting to allocate .* over limit|unpack (index-pack|unpack-objects) abnormal exit/)
  expect(platform.state.deployed).toEqual([])
})
