// Which slug need not be unpacked when a process of its app starts? A build leaves the folder that it packed.
import { lstat, rename } from 'node:fs/promises'
import type { RunAs } from './accounts.ts'

type Copy = { readonly app: string; readonly digest: string; readonly folder: string }

export type Copies = {
  /** All of a slug in a folder of the app's user, which nobody but the platform can reach, on whichever file system. */
  offer(copy: Copy): void
  /** Not to be taken any more: it is about to be deleted. */
  withdraw(folder: string): void
  /** How many can be taken. */
  count(wanted: Omit<Copy, 'folder'>): number
  /** Moves a copy to where an empty folder is; false: there is none, and nothing has changed. */
  take(wanted: Copy, owner: RunAs | null): Promise<boolean>
}

/** They are known as long as the program runs: who made them deletes what is left of them. */
export function openCopies(): Copies {
  const offered = new Map<string, Copy>()
  const find = ({ app, digest }: Omit<Copy, 'folder'>): Copy[] =>
    [...offered.values()].filter((copy) => copy.app === app && copy.digest === digest)
  return {
    offer: (copy) => void offered.set(copy.folder, copy),
    withdraw: (folder) => void offered.delete(folder),
    count: (wanted) => find(wanted).length,
    async take({ folder: target, ...wanted }, owner) {
      for (const { folder } of find(wanted)) {
        if (!offered.delete(folder)) continue
        try {
          const found = await lstat(folder)
          if (owner !== null && found.uid !== owner.uid) continue
          await rename(folder, target)
          return true
        } catch {
          // Deleted meanwhile, or on another file system.
        }
      }
      return false
    },
  }
}
