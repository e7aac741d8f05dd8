// May an entry of an archive have its path, after the entries before it? Runs in the archive program only.
import { posix } from 'node:path'
import type { ReadEntry } from 'tar'

export type PathCheck = {
  /** Why the entry is refused; null: it is accepted. */
  check(entry: Pick<ReadEntry, 'path' | 'type' | 'linkpath'>): string | null
  /** Folders that are there without an entry of their own. */
  implied(): number
}

const clean = (path: string): string => posix.normalize(path).replace(/(.)\/$/, '$1')

/**
 * A program that unpacks an archive may follow a link that an earlier entry has made: what seems to be below it would be
 * written wherever the link leads. So nothing is below a link, be it there before or after, and no hard link names one.
 */
export function createPathCheck(shown: (path: string) => string): PathCheck {
  const folders = new Set(['.'])
  const links = new Set<string>()
  let implied = 0
  /** Enters a folder and those it is in; each is looked at once. @returns a link on the way */
  const enter = (folder: string): string | null => {
    const fresh: string[] = []
    for (let at = folder; !folders.has(at); at = posix.dirname(at)) {
      if (links.has(at)) return at
      fresh.push(at)
    }
    for (const one of fresh) folders.add(one)
    implied += fresh.length
    return null
  }
  return {
    check({ path: given, type, linkpath = '' }) {
      const path = clean(given)
      const target = clean(linkpath)
      const way = [path, ...(type === 'Link' ? [target] : [])].map((one) => enter(posix.dirname(one)))
      const link = way.find((found) => found !== null) ?? (type === 'Link' && links.has(target) ? target : null)
      if (link !== null) return `${shown(given)} leads through the link ${shown(link)}`
      if (type === 'Directory' ? links.has(path) : folders.has(path))
        return `${shown(given)} is both a folder and something else`
      if (type === 'Directory') folders.add(path)
      if (type === 'SymbolicLink') links.add(path)
      return null
    },
    implied: () => implied,
  }
}
