// Which operating-system user does an app run as (one per app when the controller is root)?
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

export type RunAs = { readonly uid: number; readonly gid: number }

export type Accounts = {
  /** False: apps run as the controller's own user, for the reason given. */
  readonly isolated: boolean
  readonly reason: string
  /** The app's user, created on first use; null when not isolated. */
  of(app: string): Promise<RunAs | null>
  release(app: string): Promise<void>
}

// Below 65536, so that they exist in user namespaces too; above the range that distributions use for people and services.
const firstUid = 40_000
const lastUid = 59_999

/** Belongs to no app: for a trial, whose processes can all be ended by it. */
export const trialUser: RunAs = { uid: firstUid, gid: firstUid }

/** Several platforms on one machine start at different numbers: their apps would share users otherwise. */
function startOf(folder: string): number {
  const hash = createHash('sha256').update(resolve(folder)).digest().readUInt32BE()
  return firstUid + 1 + (hash % (lastUid - firstUid))
}

async function canRunThere(folder: string): Promise<boolean> {
  const child = spawn(process.execPath, ['-e', 'process.chdir(process.argv[1])', folder], {
    uid: firstUid,
    gid: firstUid,
    stdio: 'ignore',
    env: {},
    cwd: '/',
  })
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code === 0
  } catch {
    // It cannot even be started as another user.
    return false
  }
}

/** `folder` holds `users.json` and everything that app users must reach; they must be able to enter its parents. */
export async function openAccounts(folder: string): Promise<Accounts> {
  const shared = { of: async () => null, release: async () => {} }
  if (process.getuid?.() !== 0)
    return { ...shared, isolated: false, reason: 'the platform does not run as root, so all apps share its user' }
  await mkdir(folder, { recursive: true, mode: 0o755 })
  if (!(await canRunThere(folder)))
    return {
      ...shared,
      isolated: false,
      reason: `"${folder}" or the node program is not accessible to other users, so apps run as root: set DEIS_DATA_DIR to a folder that other users can enter`,
    }
  const file = join(folder, 'users.json')
  let known: Record<string, number> = {}
  try {
    known = JSON.parse(await readFile(file, 'utf8')) as Record<string, number>
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // Round robin, so that it takes as long as possible before another app gets the same user.
  let next = startOf(folder)
  let saving = Promise.resolve()
  const save = (): Promise<void> => {
    const result = saving.then(async () => {
      await writeFile(`${file}.new`, JSON.stringify(known), { mode: 0o600 })
      await rename(`${file}.new`, file)
    })
    // Each caller gets its own failure; the next one tries again.
    saving = result.catch(() => {})
    return result
  }
  return {
    isolated: true,
    reason: 'each app runs as its own user',
    async of(app) {
      let uid = known[app]
      if (uid === undefined) {
        const taken = new Set(Object.values(known))
        if (taken.size >= lastUid - firstUid) throw new Error(`no free user id between ${firstUid} and ${lastUid}`)
        do {
          uid = next
          next = next === lastUid ? firstUid + 1 : next + 1
        } while (taken.has(uid))
        known[app] = uid
        try {
          await save()
        } catch (error) {
          delete known[app]
          throw error
        }
      }
      return { uid, gid: uid }
    },
    async release(app) {
      if (known[app] === undefined) return
      delete known[app]
      await save()
    },
  }
}
