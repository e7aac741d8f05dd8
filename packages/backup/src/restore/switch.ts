// How does a data folder change from what it was to what was restored, so that a kill at any moment leaves one or the other?
import { chown, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { restoringFolder } from '@deis/controller/store/restoring'
import { namesIn, syncFolder, unless, writeWhole } from '../files.ts'

/** Inside the restoring folder: the data folder to be. */
export const draftIn = (dataDir: string): string => join(restoringFolder(dataDir), 'data')
const readyFile = (dataDir: string): string => join(restoringFolder(dataDir), 'ready.json')

/** What stays where it is: it belongs to the folder, not to the platform in it. */
const stays = (name: string): boolean =>
  name === '.restoring' || name === 'backups' || name === 'lost+found' || name.startsWith('.replaced-')

/** Whether there is nothing of a platform in it, so that nothing can be lost. */
export async function isEmpty(dataDir: string): Promise<boolean> {
  return (await namesIn(dataDir)).every(stays)
}

export type Ready = {
  /** The name of the folder that what was there is moved to. */
  readonly replaced: string
  /** Whether there was anything. */
  readonly kept: boolean
  readonly createdAt: string
  readonly apps: number
  /** Where the database waits on PostgreSQL. */
  readonly schema: string | null
}

/** What a killed restore has to finish; null: nothing was changed yet. */
export async function readyOf(dataDir: string): Promise<Ready | null> {
  const text = await unless(readFile(readyFile(dataDir), 'utf8'), 'ENOENT', null)
  return text === null ? null : (JSON.parse(text) as Ready)
}

export const markReady = (dataDir: string, ready: Ready): Promise<void> =>
  writeWhole(readyFile(dataDir), JSON.stringify(ready))

/** The user of the data folder runs the controller, whoever restores. */
export async function giveTo(folder: string, owner: { readonly uid: number; readonly gid: number }): Promise<void> {
  if (process.getuid?.() !== 0 || owner.uid === 0) return
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    await chown(join(entry.parentPath, entry.name), owner.uid, owner.gid)
  await chown(folder, owner.uid, owner.gid)
}

/**
 * Moves away what was there, then moves in what was restored. Each step can be repeated: until the restoring folder is gone, no
 * controller starts on this data folder.
 */
export async function switchOver(dataDir: string, { replaced }: Ready): Promise<void> {
  const draft = draftIn(dataDir)
  const moved = join(restoringFolder(dataDir), 'moved')
  if ((await unless(stat(moved), 'ENOENT', null)) === null) {
    const away = join(dataDir, replaced)
    for (const name of await namesIn(dataDir)) {
      if (stays(name)) continue
      await mkdir(away, { recursive: true, mode: 0o700 })
      await rename(join(dataDir, name), join(away, name))
    }
    await syncFolder(dataDir)
    // From here on, what is in the data folder is what was restored.
    await writeWhole(moved, '')
  }
  for (const name of await namesIn(draft)) await rename(join(draft, name), join(dataDir, name))
  await syncFolder(dataDir)
  // In one step: a folder that is half deleted would still refuse every start.
  const gone = join(dataDir, `.replaced-restoring-${process.pid}`)
  await rename(restoringFolder(dataDir), gone)
  await syncFolder(dataDir)
  await rm(gone, { recursive: true, force: true })
}
