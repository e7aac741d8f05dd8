// How are files read and written, with clear errors and never half-written?
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open, readFile, realpath, rename, rm } from 'node:fs/promises'
import { DeisError, messageOf } from '@deis/types'

/** The wording that scripts match (docs/contract/cli.md §9 note 13). */
const reasons: Record<string, string> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  EROFS: 'read-only file system',
  ENOSPC: 'no space left on device',
}

export function fileError(verb: string, path: string, error: unknown): DeisError {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return new DeisError('usage', `${verb} ${path}: ${reasons[code] ?? messageOf(error)}`, { cause: error })
}

/** The text of a file; `shown` is the path as typed. */
export async function readText(path: string, shown = path): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw fileError('open', shown, error)
  }
}

/** As `readText`, but null if there is no such file; at once, since most commands begin with it. */
export function readTextIfAny(path: string, shown = path): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw fileError('open', shown, error)
  }
}

/** Readable by the owner only; the old content stays until the new content is completely on disk. */
export async function writePrivately(path: string, content: string): Promise<void> {
  let target = path
  try {
    // A symbolic link to the file (dotfile managers) is kept.
    target = await realpath(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fileError('open', path, error)
  }
  const fresh = `${target}.${randomUUID()}`
  try {
    const handle = await open(fresh, 'wx', 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, target)
  } catch (error) {
    await rm(fresh, { force: true })
    throw fileError('write', path, error)
  }
}
