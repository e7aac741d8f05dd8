// How does a folder with everything in it become another user's?
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { RunAs } from './accounts.ts'

const run = promisify(execFile)

/** Symbolic links change hands themselves and are never followed. Nothing of that user may run in the folder meanwhile. */
export async function giveTo(owner: RunAs | null, folder: string, signal?: AbortSignal): Promise<void> {
  // The system's own command: some 20 times faster than a call per file from here.
  if (owner) await run('chown', ['-R', '-h', '-P', '--', `${owner.uid}:${owner.gid}`, folder], { signal })
}
