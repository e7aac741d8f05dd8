// How are backups kept in a folder?
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DeisError } from '@deis/types'
import { codeOf, namesIn, syncFolder, unless, writeWhole } from '../files.ts'
import type { Stored, Target } from './target.ts'

const partial = '.partial'
/** Another platform may write to the same folder. */
const abandonedMs = 24 * 3600 * 1000

/** Names are ours: of one part, and not hidden. */
function inside(folder: string, name: string): string {
  if (name !== basename(name) || name.startsWith('.'))
    throw new Error(`${JSON.stringify(name)} is not a name of a backup`)
  return join(folder, name)
}

async function deleteAbandoned(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!name.endsWith(partial)) continue
    const found = await stat(join(folder, name)).catch(() => null)
    if (found && Date.now() - found.mtimeMs > abandonedMs) await rm(join(folder, name), { force: true })
  }
}

/** The folder is made when it is missing, but not its parent: that may be a disk that is not mounted. */
function folderTarget(folder: string): Target {
  return {
    title: folder,
    offSite: false,
    async free() {
      const { bavail, bsize } = await statfs(folder)
      return bavail * bsize
    },
    async write(name, source, signal) {
      const file = inside(folder, name)
      await deleteAbandoned(folder)
      const draft = `${file}${partial}`
      // Nobody else writes under this name: it has the second in it, and this platform makes one at a time.
      await rm(draft, { force: true })
      try {
        const handle = await open(draft, 'wx', 0o600)
        try {
          await writeFile(handle, source, { signal })
          await handle.sync()
        } finally {
          await handle.close()
        }
        if ((await unless(stat(file), 'ENOENT', null)) !== null)
          throw new DeisError('conflict', `There is a backup "${name}" in "${folder}" already.`)
        await rename(draft, file)
        await syncFolder(folder)
      } catch (error) {
        source.destroy()
        await rm(draft, { force: true })
        throw error
      }
    },
    read: async (name) => createReadStream(inside(folder, name)),
    async readText(name, longest) {
      const file = inside(folder, name)
      const found = await unless(stat(file), 'ENOENT', null)
      if (found === null) return null
      if (found.size > longest) throw new DeisError('invalid', `"${file}" has ${found.size} bytes.`)
      return readFile(file, 'utf8')
    },
    writeText: async (name, text) => writeWhole(inside(folder, name), text),
    async list() {
      const stored: Stored[] = []
      for (const name of await namesIn(folder)) {
        const found = await unless(stat(join(folder, name)), 'ENOENT', null)
        if (found?.isFile()) stored.push({ name, bytes: found.size })
      }
      return stored
    },
    remove: async (name) => rm(inside(folder, name), { force: true }),
  }
}

/** @throws DeisError when it cannot be used. */
export async function openFolder(folder: string, make = true): Promise<Target> {
  if (!make && (await unless(stat(folder), 'ENOENT', null)) === null)
    throw new DeisError('not_found', `There is no folder "${folder}".`, { hint: 'Is its disk mounted?' })
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT')
      throw new DeisError('not_found', `There is no folder for "${folder}".`, {
        hint: 'Is its disk mounted? Otherwise make the folder above it.',
        cause: error,
      })
    if (code !== 'EEXIST') throw error
    if (!(await stat(folder)).isDirectory())
      throw new DeisError('invalid', `"${folder}" is not a folder.`, { cause: error })
  }
  return folderTarget(folder)
}
