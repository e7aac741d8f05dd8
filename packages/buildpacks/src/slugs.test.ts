import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSlugs, pruneSlugs } from './slugs.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-slugs-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const hex = createHash('sha256').update('a slug').digest('hex')
const digest = `sha256:${hex}`

test('a slug that is put is there to open, and one that is not is null', async () => {
  const file = join(folder, 'incoming')
  await writeFile(file, 'a slug')
  const slugs = openSlugs(folder)
  expect(await slugs.open(digest)).toBeNull()
  await slugs.put(digest, file)
  await rm(file)
  expect(await readdir(folder)).toEqual([`${hex}.tgz`])
  const opened = await slugs.open(digest)
  expect(opened?.size).toBe(6)
  // It stays readable, whatever is deleted.
  await rm(join(folder, `${hex}.tgz`))
  expect(opened && (await text(opened.content))).toBe('a slug')
  await expect(slugs.open('../../etc/passwd')).rejects.toThrow('is not a slug digest')
})

test('a slug that is put again is as young as a new one', async () => {
  const slug = join(folder, `${hex}.tgz`)
  await writeFile(slug, 'a slug')
  const old = new Date(Date.now() - 7_200_000)
  await utimes(slug, old, old)
  await openSlugs(folder).put(digest, join(folder, 'not needed'))
  await pruneSlugs(folder, new Set())
  expect((await stat(slug)).mtimeMs).toBeGreaterThan(Date.now() - 60_000)
})
