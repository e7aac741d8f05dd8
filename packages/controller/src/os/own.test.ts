// Does a folder change hands with everything in it, and nothing outside?
import { lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { giveTo } from './own.ts'

test.skipIf(process.getuid?.() !== 0)(
  'links change hands themselves, what they lead to does not (needs root)',
  async () => {
    const parent = await mkdtemp(join(tmpdir(), 'deis-own-'))
    try {
      const folder = join(parent, 'app')
      await mkdir(join(folder, 'sub'), { recursive: true })
      await mkdir(join(parent, 'outside'))
      await writeFile(join(parent, 'outside', 'secret'), '')
      await writeFile(join(folder, 'sub', '-R'), '')
      await symlink('../outside', join(folder, 'link'))
      const uids = async (...paths: string[]): Promise<number[]> =>
        Promise.all(paths.map(async (path) => (await lstat(join(parent, path))).uid))
      await giveTo(null, folder)
      expect(await uids('app')).toEqual([0])
      await giveTo({ uid: 39_001, gid: 39_001 }, folder)
      expect(await uids('app', 'app/sub', 'app/sub/-R', 'app/link')).toEqual([39_001, 39_001, 39_001, 39_001])
      expect(await uids('outside', 'outside/secret')).toEqual([0, 0])
    } finally {
      await rm(parent, { recursive: true })
    }
  },
)
