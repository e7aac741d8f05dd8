// How does the platform read an app's files, which are untrusted and may change at any time?
import { mostBytes } from '@deis/machine/archive/order'
import type { Paths } from '@deis/machine/folder'
import { BuildFailure } from '@deis/ports/builder'

/** Everything is read as the app's user, see machine/src/folder.ts. */
export type AppFiles = {
  /** Whether a file (or link) of this name is there; below the app, or at a whole path. */
  has(path: string): Promise<boolean>
  /** The text of a file at the root of the app, null when there is none. Links are not followed: they could lead anywhere. */
  read(name: string): Promise<string | null>
  /** The same of its first bytes only, for files of any size. */
  head(name: string, bytes: number): Promise<string | null>
  /** The one folder that is all there is at a whole path; null: there is something else. */
  onlyFolder(path: string): Promise<string | null>
}

/** `most`: a larger file is refused; without it only the first `bytes` count. */
async function readStart(paths: Paths, name: string, bytes: number, most: number | null): Promise<string | null> {
  const file = await paths.start(name, bytes)
  if (file.found === 'nothing') return null
  if (file.found === 'link') throw new BuildFailure(`${name} must be a file, not a link.`)
  if (file.found === 'unreadable') throw new BuildFailure(`${name} cannot be read: ${file.why}.`)
  if (file.found === 'other') throw new BuildFailure(`${name} must be a file.`)
  if (most !== null && file.size > most) throw new BuildFailure(`${name} is larger than ${most} bytes.`)
  return Buffer.from(file.start, 'base64').toString('utf8')
}

export function appFiles(paths: Paths): AppFiles {
  return {
    has: (path) => paths.has(path),
    read: (name) => readStart(paths, name, mostBytes, mostBytes),
    head: (name, bytes) => readStart(paths, name, bytes, null),
    async onlyFolder(path) {
      const entries = await paths.list(path, 2)
      const [only] = entries
      return entries.length === 1 && only?.folder ? only.name : null
    },
  }
}
