// How does a folder that is packed become what unpacking its archive would make? Runs in the archive program only.
import { chmodSync, lutimesSync, type Stats } from 'node:fs'
import { epoch } from './header.ts'

// Independent of the umask where it was created; never setuid.
export const fileMode = (mode: number): number => ((mode & 0o777) | 0o600) & ~0o022
export const folderMode = (mode: number): number => ((mode & 0o777) | 0o700) & ~0o022

type Settling = {
  file(path: string, found: Stats): void
  /** Any but the working folder. */
  folder(path: string, found: Stats): void
  link(path: string): void
  /** The folder has more than the archive. */
  fail(): void
  /** The working folder itself, at the end. @returns whether all has the modes and times that it would have when unpacked */
  end(found: Stats): boolean
}

export function openSettling(wanted: boolean): Settling {
  let settled = wanted
  const allowed = ~process.umask()
  const attempt = (work: () => void): void => {
    if (!settled) return
    try {
      work()
    } catch {
      // It belongs to another user: then it is not what unpacking would make.
      settled = false
    }
  }
  const settle = (path: string, { mode }: Stats, final: number): void =>
    attempt(() => {
      if ((mode & 0o7777) !== final) chmodSync(path, final)
      lutimesSync(path, epoch, epoch)
    })
  return {
    file: (path, found) => settle(path, found, fileMode(found.mode) & allowed),
    folder(path, found) {
      if (path !== '.') settle(path, found, folderMode(found.mode) & allowed)
    },
    link: (path) => attempt(() => lutimesSync(path, epoch, epoch)),
    fail: () => void (settled = false),
    end(found) {
      settle('.', found, 0o700)
      return settled
    },
  }
}
