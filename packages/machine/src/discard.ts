// How is a folder deleted that an unprivileged user has filled, without root touching anything in it?
import { execFile } from 'node:child_process'
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { RunAs } from './accounts.ts'

const run = promisify(execFile)
const attempts = 3

// Tools create folders that their owner may not write to, but seldom; `find` never follows a link.
const emptyText = `chmod u+rwx .
find . -xdev -mindepth 1 -delete 2>/dev/null && exit
find . -xdev -type d ! -perm -0700 -exec chmod u+rwx {} \\;
find . -xdev -mindepth 1 -delete`

/** Deletes the content of a folder, as its owner: a link leads only where that user may go. */
async function empty(folder: string, owner: RunAs | null): Promise<void> {
  // The folder is entered first: its parent is writable by the platform only.
  const options = { cwd: folder, env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' }, maxBuffer: 2 ** 20, ...owner }
  await run('/bin/sh', ['-c', emptyText], options)
}

/** False: there is something in it. */
async function removeEmpty(folder: string | Buffer): Promise<boolean> {
  try {
    await rmdir(folder)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTEMPTY') return false
    throw error
  }
}

const gone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

/**
 * Deletes a file or folder whose parent only the platform may write to. What belongs to another user is deleted as that user;
 * none of their processes may use it any more.
 */
export async function discard(path: string | Buffer): Promise<void> {
  const own = process.getuid?.()
  for (let attempt = 1; ; attempt++)
    try {
      const found = await lstat(path)
      if (!found.isDirectory()) return await unlink(path)
      if (await removeEmpty(path)) return
      if (found.uid !== own && own === 0) await empty(String(path), { uid: found.uid, gid: found.gid })
      else if (own === 0)
        await Promise.all(
          // Not every name is valid UTF-8.
          (await readdir(path, 'buffer')).map((name) =>
            discard(Buffer.concat([Buffer.from(path), Buffer.from('/'), name])),
          ),
        )
      else await empty(String(path), null)
      return await rmdir(path)
    } catch (error) {
      // Another call deletes it at the same time.
      if (gone(error)) return
      if (attempt === attempts) throw error
    }
}
