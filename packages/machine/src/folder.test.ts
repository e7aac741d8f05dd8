// Is a folder looked into and changed as its user, within bounds, and does nothing wait for ever?
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createArchiver } from './archive.ts'
import { testArchiver, testProgram } from './archive-testing.ts'

const root = process.getuid?.() === 0
const runAs = root ? { uid: 65_534, gid: 65_534 } : null
let parent: string
let folder: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'deis-inspect-'))
  folder = join(parent, 'app')
  await mkdir(folder)
  await chmod(parent, 0o755)
})
afterEach(() => rm(parent, { recursive: true, force: true }))

const textOf = (start: string): string => Buffer.from(start, 'base64').toString()

test('files, links, pipes and folders', async () => {
  await writeFile(join(folder, 'file'), 'hello')
  await symlink('/etc/passwd', join(folder, 'link'))
  await symlink('nowhere', join(folder, 'dangling'))
  await mkdir(join(folder, 'sub'))
  execFileSync('mkfifo', ['--', join(folder, 'pipe')])
  const there = testArchiver.open(folder, { runAs })
  const names = ['file', 'link', 'dangling', 'sub', 'pipe', 'none', 'file/none', join(folder, 'file')]
  const has = await Promise.all(names.map((name) => there.has(name)))
  expect(has).toEqual([true, true, true, false, true, false, false, true])
  const file = await there.start('file', 4)
  expect(file).toMatchObject({ found: 'file', size: 5 })
  expect('start' in file && textOf(file.start)).toBe('hell')
  expect(await there.start('link', 10)).toEqual({ found: 'link' })
  expect(await there.start('sub', 10)).toEqual({ found: 'other' })
  expect(await there.start('pipe', 10)).toEqual({ found: 'other' })
  expect(await there.start('none', 10)).toEqual({ found: 'nothing' })
  expect(await there.list('sub', 2)).toEqual([])
  expect(await there.list('.', 2)).toHaveLength(2)
  await expect(there.list('none', 2)).rejects.toThrow('ENOENT')
  expect(await there.has('file')).toBe(true)
  await there.close()
  await expect(there.has('file')).rejects.toThrow('the folder was closed')
})

test('a file of the largest size, and no more than that of a larger one', async () => {
  await writeFile(join(folder, 'large'), Buffer.alloc(5 * 2 ** 20, 'x'))
  const there = testArchiver.open(folder, { runAs })
  const large = await there.start('large', 2 ** 30)
  expect('start' in large && textOf(large.start).length).toBe(4 * 2 ** 20)
  await there.close()
})

test.skipIf(!root)('links lead no further than its user may go', async () => {
  await mkdir(join(parent, 'secret'), { mode: 0o700 })
  await writeFile(join(parent, 'secret/file'), 'root')
  await symlink(join(parent, 'secret'), join(folder, 'inner'))
  const there = testArchiver.open(folder, { runAs })
  expect(await there.has('inner/file')).toBe(false)
  expect(await there.start('inner/file', 10)).toMatchObject({ found: 'unreadable' })
  await expect(there.list('inner', 10)).rejects.toThrow('EACCES')
  await there.close()
})

test('a file is written into new folders, over another one, and not into a pipe; what is removed may be a folder', async () => {
  const there = testArchiver.open(folder, { runAs })
  await chmod(folder, 0o777)
  for (const text of ['a longer text', 'short']) await there.write('sub/deeper/file', text)
  expect(await readFile(join(folder, 'sub/deeper/file'), 'utf8')).toBe('short')
  await there.write('sub/deeper/file', 'new', 'executable')
  expect((await stat(join(folder, 'sub/deeper/file'))).mode & 0o777).toBe(0o750)
  execFileSync('mkfifo', ['--mode=666', '--', join(folder, 'pipe')])
  await expect(there.write('pipe', 'x')).rejects.toThrow('ENXIO')
  for (const name of ['sub', 'pipe', 'none']) await there.remove(name)
  expect(await readdir(folder)).toEqual([])
  await there.close()
})

test.skipIf(!root)('what is written or removed through a link is what its user may change', async () => {
  await mkdir(join(parent, 'secret'), { mode: 0o755 })
  await writeFile(join(parent, 'secret/file'), 'root', { mode: 0o644 })
  await chmod(folder, 0o777)
  await symlink(join(parent, 'secret'), join(folder, 'inner'))
  await symlink(join(parent, 'secret/file'), join(folder, 'file'))
  const there = testArchiver.open(folder, { runAs })
  for (const path of ['inner/file', 'inner/new', 'file'])
    await expect(there.write(path, 'app')).rejects.toThrow('EACCES')
  await expect(there.remove('inner/file')).rejects.toThrow('EACCES')
  await there.remove('inner')
  await there.close()
  expect(await readdir(join(parent, 'secret'))).toEqual(['file'])
  expect(await readFile(join(parent, 'secret/file'), 'utf8')).toBe('root')
})

test('a program that was started ahead of time does the same as any other, once', async () => {
  const archiver = createArchiver(testProgram)
  archiver.expect(1)
  await mkdir(join(parent, 'other'))
  const folders = [folder, join(parent, 'other')].map((path) => archiver.open(path, { runAs }))
  await writeFile(join(folder, 'file'), 'hello')
  expect(await Promise.all(folders.map((one) => one.has('file')))).toEqual([true, false])
  await Promise.all(folders.map((one) => one.close()))
})

test('the caller gets an error when it is cancelled, is killed, does not start or prints nonsense', async () => {
  const cancel = new AbortController()
  const silent = createArchiver([process.execPath, '-e', 'setTimeout(() => {}, 60_000)'])
  const asked = silent.open(folder, { signal: cancel.signal }).has('x')
  cancel.abort(new Error('enough'))
  await expect(asked).rejects.toThrow('enough')
  const asking = (...program: string[]) => createArchiver(program).open(folder).has('x')
  await expect(asking(process.execPath, '-e', 'process.exit(3)')).rejects.toThrow(
    'ended without a result (exit code 3)',
  )
  await expect(asking('/nowhere')).rejects.toThrow('ENOENT')
  await expect(asking(process.execPath, '-e', 'require("fs").writeSync(4, "{\\n")')).rejects.toThrow()
  const endless = 'for (;;) require("fs").writeSync(4, "x".repeat(65536))'
  await expect(asking(process.execPath, '-e', endless)).rejects.toThrow('more than was asked for')
})
