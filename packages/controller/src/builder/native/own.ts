// How does a whole folder change hands between the platform and an app's user, without being led astray on the way?
import { chmodSync, lchownSync, lstatSync, readdirSync } from 'node:fs'
import { setImmediate as breathe } from 'node:timers/promises'
import type { RunAs } from '../../os/accounts.ts'

const sliceMs = 10

/**
 * Makes everything below (and including) a folder belong to somebody, folders from the top down: once a folder is the new
 * owner's and nobody else may write to it, no other process can put a link in the way of what follows. Links themselves
 * change hands, never what they point to. The folder's parent must already be closed to the previous owner.
 *
 * Synchronous calls in short slices: ten times faster than one promise per file, and nobody waits long.
 */
export async function own(folder: string, owner: RunAs): Promise<void> {
  const folders = [Buffer.from(folder)]
  let since = Date.now()
  for (let next = folders.pop(); next; next = folders.pop()) {
    lchownSync(next, owner.uid, owner.gid)
    chmodSync(next, (lstatSync(next).mode | 0o700) & 0o7755)
    // Names are bytes: not every name is valid UTF-8.
    for (const entry of readdirSync(next, { withFileTypes: true, encoding: 'buffer' })) {
      const path = Buffer.concat([next, Buffer.from('/'), entry.name])
      if (entry.isDirectory()) folders.push(path)
      else lchownSync(path, owner.uid, owner.gid)
    }
    if (Date.now() - since > sliceMs) {
      await breathe()
      since = Date.now()
    }
  }
}
