// How does the platform read an app's files, which may be anything and change under its hands?
import { constants } from 'node:fs'
import { lstat, open } from 'node:fs/promises'
import { join } from 'node:path'
import { BuildFailure } from '../port.ts'

export type AppFiles = {
  /** Whether a file (or link) of this name is there. */
  has(path: string): Promise<boolean>
  /** The text of a file at the root of the app, null when there is none. Links are not followed: they could lead anywhere. */
  read(name: string): Promise<string | null>
  /** The same of its first bytes only, for files of any size. */
  head(name: string, bytes: number): Promise<string | null>
}

const maxBytes = 4 * 2 ** 20

/** `most`: a larger file is refused; without it only the first `bytes` count. */
async function readStart(folder: string, name: string, bytes: number, most: number | null): Promise<string | null> {
  let handle
  try {
    // Without O_NONBLOCK a named pipe would be waited for.
    handle = await open(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    if (code === 'ELOOP') throw new BuildFailure(`${name} must be a file, not a link.`)
    throw new BuildFailure(`${name} cannot be read: ${(error as Error).message}.`)
  }
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw new BuildFailure(`${name} must be a file.`)
    if (most !== null && found.size > most) throw new BuildFailure(`${name} is larger than ${most} bytes.`)
    const length = Math.min(found.size, bytes)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

export function appFiles(folder: string): AppFiles {
  return {
    async has(path) {
      return lstat(join(folder, path)).then(
        (found) => !found.isDirectory(),
        () => false,
      )
    },
    read: (name) => readStart(folder, name, maxBytes, maxBytes),
    head: (name, bytes) => readStart(folder, name, bytes, null),
  }
}
