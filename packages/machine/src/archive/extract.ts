// How are the entries of an archive written to disk quickly, and never through a link?
import {
  closeSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { join, posix } from 'node:path'

export type Extraction = {
  folder(path: string, mode: number): void
  file(path: string, mode: number, modified: Date | undefined): OpenFile
  /** A further name of a file that is already there. */
  hardLink(path: string, target: string): void
  symbolicLink(path: string, target: string): void
}

export type OpenFile = { write(chunk: Buffer): void; close(): void }

/** An entry that conflicts with another one. */
class EntryConflict extends Error {}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

/**
 * Writes below `folder`, where nothing else writes meanwhile. Every folder on the path of an entry is created or checked once,
 * and none of them may be a link.
 *
 * Synchronous calls: several times faster than promises for the many small files of an app, and no more is written at once
 * than one chunk of an archive contains.
 */
export function extraction(folder: string): Extraction {
  const entered = new Set(['.'])
  const enter = (path: string, mode = 0o777): void => {
    if (entered.has(path)) return
    enter(posix.dirname(path))
    try {
      mkdirSync(join(folder, path), { mode })
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (!lstatSync(join(folder, path)).isDirectory())
        throw new EntryConflict(`${JSON.stringify(path)} is both a folder and something else`)
    }
    entered.add(path)
  }
  /** Where an entry goes; the folder it is in exists afterwards. */
  const targetOf = (path: string): string => {
    const clean = posix.normalize(path).replace(/(?<!\/)\/+$/, '')
    if (clean === '.' || clean === '' || entered.has(clean))
      throw new EntryConflict(`${JSON.stringify(path)} is both a folder and something else`)
    enter(posix.dirname(clean))
    return join(folder, clean)
  }
  /** The later of two entries with the same name wins, as in tar itself. */
  const replacing = <T>(target: string, make: () => T): T => {
    try {
      return make()
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      rmSync(target)
      return make()
    }
  }
  return {
    folder: (path, mode) => enter(posix.normalize(path).replace(/(.)\/$/, '$1'), (mode | 0o700) & 0o777),
    file(path, mode, modified) {
      const target = targetOf(path)
      const descriptor = replacing(target, () => openSync(target, 'wx', mode & 0o777))
      return {
        write(chunk) {
          for (let from = 0; from < chunk.length;) from += writeSync(descriptor, chunk, from)
        },
        close() {
          if (modified) futimesSync(descriptor, modified, modified)
          closeSync(descriptor)
        },
      }
    },
    hardLink(path, target) {
      const source = targetOf(target)
      if (!lstatSync(source).isFile())
        throw new EntryConflict(`${JSON.stringify(path)} links to something that is not a file`)
      const link = targetOf(path)
      replacing(link, () => linkSync(source, link))
    },
    symbolicLink(path, target) {
      const link = targetOf(path)
      replacing(link, () => symlinkSync(target, link))
    },
  }
}
