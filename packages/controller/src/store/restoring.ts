// Is this data folder half restored from a backup? Then nothing may start on it.
import { access } from 'node:fs/promises'
import { join } from 'node:path'

/** Where a restore works; it is there from before the first change of the data folder until after the last. */
export const restoringFolder = (dataDir: string): string => join(dataDir, '.restoring')

/** @throws when a restore was killed, or still runs. */
export async function refuseHalfRestored(dataDir: string): Promise<void> {
  const found = await access(restoringFolder(dataDir)).then(
    () => true,
    () => false,
  )
  if (found)
    throw new Error(
      `a restore into "${dataDir}" has not ended, so nothing is started on it\n` +
        'Run the same deis-server restore again: it finishes what was begun, or begins again.',
    )
}
