// Is a copy taken once, by who it is for, and only while it is there?
import { chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Copies, openCopies } from './copies.ts'

let parent = ''
let copies: Copies
let folder = ''
let home = ''
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'deis-copies-'))
  copies = openCopies()
  folder = join(parent, 'copy')
  home = join(parent, 'home')
  for (const path of [folder, home]) await mkdir(path)
  await writeFile(join(folder, 'file'), 'x')
  copies.offer({ app: 'tea', digest: 'sha256:1', folder })
})
afterEach(() => rm(parent, { recursive: true }))

const wanted = { app: 'tea', digest: 'sha256:1' }

test('once', async () => {
  expect(copies.count(wanted)).toBe(1)
  const taken = await Promise.all([1, 2].map(() => copies.take({ ...wanted, folder: home }, null)))
  expect(taken).toEqual([true, false])
  expect(await readdir(home)).toEqual(['file'])
  expect(await readdir(parent)).toEqual(['home'])
  expect(copies.count(wanted)).toBe(0)
})

test.each([
  ['another app', { ...wanted, app: 'tea-2' }],
  ['another slug', { ...wanted, digest: 'sha256:2' }],
])('not by %s', async (_, other) => {
  expect(await copies.take({ ...other, folder: home }, null)).toBe(false)
  expect(await readdir(home)).toEqual([])
  expect(copies.count(wanted)).toBe(1)
})

test('not when it was withdrawn, or is gone', async () => {
  copies.withdraw(folder)
  expect(await copies.take({ ...wanted, folder: home }, null)).toBe(false)
  copies.offer({ ...wanted, folder })
  await rm(folder, { recursive: true })
  expect(await copies.take({ ...wanted, folder: home }, null)).toBe(false)
  expect(await readdir(home)).toEqual([])
})

test('not over anything', async () => {
  await writeFile(join(home, 'own'), 'y')
  expect(await copies.take({ ...wanted, folder: home }, null)).toBe(false)
  expect(await readdir(home)).toEqual(['own'])
})

test.skipIf(process.getuid?.() !== 0)('not when it belongs to a user that the app had before', async () => {
  await chown(folder, 59_997, 59_997)
  expect(await copies.take({ ...wanted, folder: home }, { uid: 59_998, gid: 59_998 })).toBe(false)
  expect(await readdir(home)).toEqual([])
})
