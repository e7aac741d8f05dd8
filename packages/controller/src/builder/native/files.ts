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
}

const maxBytes = 4 * 2 ** 20

export function appFiles(folder: string): AppFiles {
  return {
    async has(path) {
      return lstat(join(folder, path)).then(
        (found) => !found.isDirectory(),
        () => false,
      )
    },
    async read(name) {
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
        if (found.size > maxBytes) throw new BuildFailure(`${name} is larger than ${maxBytes} bytes.`)
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(found.size), 0, found.size, 0)
        return buffer.toString('utf8', 0, bytesRead)
      } finally {
        await handle.close()
      }
    },
  }
}
