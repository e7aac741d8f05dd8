// Is everything deleted, whatever its modes, and nothing that a link leads to?
import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { discard } from './discard.ts'
import { killAll, withVariable } from './pid.ts'

const root = process.getuid?.() === 0
const user = { uid: 39_200, gid: 39_200 }

let parent = ''
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'deis-discard-'))
  await chmod(parent, 0o755)
})
afterEach(async () => {
  await rm(parent, { recursive: true, force: true })
})

/** What a tool leaves that makes its own folders read-only, with a link out of it. */
async function readOnlyTree(): Promise<{ readonly folder: string; readonly outside: string }> {
  const folder = join(parent, 'tree')
  const outside = join(parent, 'outside')
  await mkdir(outside)
  await writeFile(join(outside, 'kept'), 'kept')
  await mkdir(join(folder, 'a/b/c'), { recursive: true })
  await writeFile(join(folder, 'a/b/c/file'), '')
  await writeFile(join(folder, '-rf'), '')
  await writeFile(join(folder, '.hidden'), '')
  await writeFile(Buffer.concat([Buffer.from(`${folder}/odd-`), Buffer.from([0xff, 0xfe])]), '')
  await symlink(outside, join(folder, 'a/b/link'))
  await symlink(outside, join(folder, 'link'))
  if (root) await promisify(execFile)('chown', ['-hR', `${user.uid}:${user.gid}`, folder])
  await chmod(outside, 0o500)
  for (const path of ['a/b/c', 'a/b', 'a', '.']) await chmod(join(folder, path), 0o500)
  return { folder, outside }
}

test('folders that nobody may write to, and links out of them', async () => {
  const { folder, outside } = await readOnlyTree()
  await discard(folder)
  expect(await readdir(parent)).toEqual(['outside'])
  expect(await readFile(join(outside, 'kept'), 'utf8')).toBe('kept')
  expect((await stat(outside)).mode & 0o777).toBe(0o500)
  await chmod(outside, 0o700)
})

test('names that are not text, in a folder of one’s own', async () => {
  await mkdir(join(parent, 'own'))
  await writeFile(Buffer.concat([Buffer.from(`${parent}/own/odd-`), Buffer.from([0xff, 0xfe])]), '')
  await discard(join(parent, 'own'))
  expect(await readdir(parent)).toEqual([])
})

test('files, links, and what is not there', async () => {
  const file = join(parent, 'file')
  await writeFile(file, '')
  await symlink(file, join(parent, 'link'))
  await discard(join(parent, 'link'))
  expect(await readdir(parent)).toEqual(['file'])
  await discard(file)
  await discard(file)
  expect(await readdir(parent)).toEqual([])
})

test.skipIf(!root)(
  'while another process of that user flips folders with links, nothing outside goes (needs root)',
  async () => {
    const secret = join(parent, 'secret')
    await mkdir(secret, { mode: 0o700 })
    for (let time = 0; time < 20; time++) {
      const folder = join(parent, 'tree')
      await mkdir(folder)
      await chown(folder, user.uid, user.gid)
      for (const name of ['one', 'two', 'three']) await writeFile(join(secret, name), name)
      const mark = `flip-${process.pid}-${time}`
      // Eight folders that are folders at one moment and links to another user's at the next.
      const flip = `for i in 1 2 3 4 5 6 7 8; do mkdir -p "d$i/x"; done; echo ready
      while :; do for i in 1 2 3 4 5 6 7 8; do mv "d$i" "e$i"; ln -s "$SECRET" "d$i"; rm -f "d$i"; mkdir -p "d$i/x"; rm -rf "e$i"; done; done`
      const env = { PATH: '/usr/bin:/bin', SECRET: secret, TEST_FLIP: mark }
      const flipping = execFile('/bin/sh', ['-c', flip], { cwd: folder, env, ...user })
      flipping.on('error', () => {})
      await new Promise((resolve) => flipping.stdout?.once('data', resolve))
      // It may fail, since another process goes on writing there; what it must not do is to touch anything else.
      await discard(folder).catch(() => {})
      await killAll(() => withVariable('TEST_FLIP', mark))
      await discard(folder)
      expect((await readdir(secret)).toSorted()).toEqual(['one', 'three', 'two'])
      expect((await stat(secret)).mode & 0o777).toBe(0o700)
      expect((await stat(secret)).uid).toBe(0)
    }
  },
)
