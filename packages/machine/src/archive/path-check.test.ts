// Is an entry of an archive refused if it leads through a link that the archive itself has made?
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { Header, type HeaderData } from 'tar'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testArchiver } from '../archive-testing.ts'
import { createPathCheck } from './path-check.ts'

type Entry = { readonly path: string; readonly type: 'File' | 'Directory' | 'SymbolicLink' | 'Link'; linkpath?: string }
const file = (path: string): Entry => ({ path, type: 'File' })
const folder = (path: string): Entry => ({ path, type: 'Directory' })
const link = (path: string, linkpath = '/'): Entry => ({ path, type: 'SymbolicLink', linkpath })
const hard = (path: string, linkpath: string): Entry => ({ path, type: 'Link', linkpath })

function verdict(entries: readonly Entry[]): string | null {
  const paths = createPathCheck((path) => path)
  return entries.map(paths.check).find((reason) => reason !== null) ?? null
}

test.each([
  ['a file below a link', [link('x'), file('x/etc/passwd')], 'x/etc/passwd leads through the link x'],
  ['however it is written', [link('./x'), file('y/.././x//etc')], 'y/.././x//etc leads through the link x'],
  ['far below', [link('a/x', '..'), file('a/x/b/c/d')], 'a/x/b/c/d leads through the link a/x'],
  ['a folder below a link', [link('x'), folder('x/etc/')], 'x/etc/ leads through the link x'],
  ['a link below a link', [link('x'), link('x/y')], 'x/y leads through the link x'],
  ['a link instead of a folder', [file('x/etc'), link('x')], 'x is both a folder and something else'],
  ['a folder instead of a link', [link('x', '/etc'), folder('x/')], 'x/ is both a folder and something else'],
  ['a link instead of everything', [link('.'), file('etc')], '. is both a folder and something else'],
  ['a hard link to what is below a link', [link('x'), hard('y', 'x/etc/shadow')], 'y leads through the link x'],
  ['a hard link to a link', [link('x', '/etc/shadow'), hard('y', './x')], 'y leads through the link x'],
])('%s is refused', (_, entries, reason) => {
  expect(verdict(entries)).toBe(reason)
})

test('links beside, above and of the same beginning, files twice and folders after their files are accepted', () => {
  const entries = [
    folder('./'),
    file('a/b/c'),
    folder('a/b/'),
    folder('a/'),
    link('a/l', '../..'),
    file('a/lx'),
    file('a/lx'),
  ]
  expect(verdict([...entries, link('l'), link('l', 'x'), hard('h', 'a/lx'), link('a/b/up', '/')])).toBeNull()
})

describe('a layer, a source and an app', () => {
  let parent: string
  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'deis-path-check-'))
  })
  afterAll(() => rm(parent, { recursive: true }))

  function tar(entries: readonly HeaderData[]): Buffer {
    const blocks = entries.map((entry) => {
      const header = new Header({ mode: 0o644, size: 0, mtime: new Date(0), ...entry })
      header.encode()
      return header.block as Buffer
    })
    return Buffer.concat([...blocks, Buffer.alloc(1024)])
  }
  const readers: Readonly<Record<string, (tar: Buffer, entries: number) => Promise<unknown>>> = {
    relay: (bytes, entries) =>
      buffer(
        testArchiver.relay(
          Readable.from([gzipSync(bytes)]),
          { files: [], folder: 'app', user: 1 },
          { limits: { entries } },
        ),
      ),
    async look(bytes, entries) {
      await writeFile(join(parent, 'x.tar'), bytes)
      return testArchiver.look(
        join(parent, 'x.tar'),
        { names: [], read: ['Procfile'], largest: 9 },
        { limits: { entries } },
      )
    },
    unpack: async (bytes, entries) =>
      testArchiver.unpack(Readable.from([bytes]), await mkdtemp(join(parent, 'into-')), { limits: { entries } }),
  }

  test.each(Object.keys(readers))('%s follows none, and counts folders that only a path names', async (name) => {
    const reader = readers[name] as (tar: Buffer, entries: number) => Promise<unknown>
    await expect(reader(tar([link('x', '/'), file('x/deis-escaped')]), 100)).rejects.toThrow('through the link "x"')
    await expect(reader(tar([file(`${'d/'.repeat(45)}f`), file(`${'e/'.repeat(45)}f`)]), 90)).rejects.toThrow(
      'more than 90 entries',
    )
    expect(await readdir('/')).not.toContain('deis-escaped')
  })
})
