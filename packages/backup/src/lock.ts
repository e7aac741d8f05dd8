// Is another backup of this platform being made? Where a backup works, one at a time.
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLock } from '@deis/controller/store/lock'
import { DeisError } from '@deis/types'

/** In the data folder, so that slugs can be held there without being copied. */
const workFolder = (dataDir: string): string => join(dataDir, '.backup')
const lockName = 'lock'

/** Deletes what a killed backup left. @throws DeisError when another one runs. */
export async function openWork(dataDir: string): Promise<{ folder: string; close(): Promise<void> }> {
  const folder = workFolder(dataDir)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = await tryLock(join(folder, lockName))
  if (lock === null)
    throw new DeisError('conflict', `Another backup of "${dataDir}" is being made.`, {
      hint: 'Wait until it has ended.',
    })
  const clear = async (): Promise<void> => {
    for (const name of await readdir(folder))
      if (!name.startsWith(lockName)) await rm(join(folder, name), { recursive: true, force: true })
  }
  await clear()
  return {
    folder,
    async close() {
      await clear()
      lock.release()
    },
  }
}
