// Is the version of the machine's Node.js known without starting it, and only when it is ours?
import { chmod, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AppFiles } from './files.ts'
import { ownNodeVersion } from './own-node.ts'

const own = process.platform === 'linux' ? process.version : null
const files = {
  has: (path: string) =>
    lstat(path).then(
      (found) => !found.isDirectory(),
      () => false,
    ),
} as AppFiles

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-own-node-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('the first program of that name on PATH counts, under any name of its file', async () => {
  const versionOn = (...path: string[]) => ownNodeVersion({ files, env: { PATH: path.join(':') } })
  const [link, other, none] = ['link', 'other', 'none'].map((name) => join(folder, name)) as [string, string, string]
  for (const path of [link, other, none]) await mkdir(path)
  await symlink(process.execPath, join(link, 'node'))
  await writeFile(join(other, 'node'), '#!/bin/sh\necho v1.2.3\n')
  await chmod(join(other, 'node'), 0o755)
  expect(await versionOn(none, dirname(process.execPath), other)).toBe(own)
  expect(await versionOn(join(folder, 'missing'), link, other)).toBe(own)
  expect(await versionOn(other, link)).toBeNull()
  expect(await versionOn(none)).toBeNull()
  expect(await versionOn('', link)).toBeNull()
})
