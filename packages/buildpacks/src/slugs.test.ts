// Are slugs stored whole, refused when they are not, and deleted when nothing needs them?
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { testArchiver } from '@deis/machine/archive-testing'
import { Header } from 'tar'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSlugs, pruneSlugs } from './slugs.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-slugs-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const checking = { archiver: testArchiver, runAs: process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : null }
const { signal } = new AbortController()

/** A tar of one file, gzipped. */
function slugWith(path: string): Buffer {
  const header = new Header({ path, mode: 0o644, size: 5, type: 'File' })
  const block = Buffer.alloc(512)
  header.encode(block, 0)
  return gzipSync(Buffer.concat([block, Buffer.from('hello'), Buffer.alloc(512 - 5 + 1024)]))
}

const slug = slugWith('./hello')
const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const digest = digestOf(slug)
const hex = digest.slice('sha256:'.length)

test('a slug that is put is there to open, and one that is not is null', async () => {
  const file = join(folder, 'incoming')
  await writeFile(file, slug)
  const slugs = openSlugs(folder, checking)
  expect(await slugs.open(digest)).toBeNull()
  await slugs.put(digest, file, signal)
  await rm(file)
  expect(await readdir(folder)).toEqual([`${hex}.tgz`])
  const opened = await slugs.open(digest)
  expect(opened?.size).toBe(slug.length)
  // It stays readable, whatever is deleted.
  await rm(join(folder, `${hex}.tgz`))
  expect(opened && (await buffer(opened.content))).toEqual(slug)
  await expect(slugs.open('../../etc/passwd')).rejects.toThrow('is not a slug digest')
})

test.each([
  ['no archive', Buffer.from('a slug'), 'incorrect header check'],
  ['a file outside', slugWith('../hello'), 'points outside the archive'],
])('a slug from elsewhere with %s is refused, and nothing of it stays', async (_, bytes, said) => {
  const file = join(folder, 'incoming')
  await writeFile(file, bytes)
  await expect(openSlugs(folder, checking).put(digestOf(bytes), file, signal)).rejects.toThrow(said)
  expect(await readdir(folder)).toEqual(['incoming'])
})

test('a slug that is put again is as young as a new one', async () => {
  const file = join(folder, `${hex}.tgz`)
  await writeFile(file, slug)
  const old = new Date(Date.now() - 7_200_000)
  await utimes(file, old, old)
  await openSlugs(folder, checking).put(digest, join(folder, 'not needed'), signal)
  await pruneSlugs(folder, new Set(), signal)
  expect((await stat(file)).mtimeMs).toBeGreaterThan(Date.now() - 60_000)
})
