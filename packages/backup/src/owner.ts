// As which user does a program work in a data folder that another user's controller uses?
import { stat } from 'node:fs/promises'
import { DeisError } from '@deis/types'
import { unless } from './files.ts'

/**
 * Root becomes the folder's owner: files that root would make beside the database could not be written by the controller.
 * @throws DeisError when there is no data folder.
 */
export async function becomeOwner(dataDir: string): Promise<void> {
  const found = await unless(stat(dataDir), 'ENOENT', null)
  if (found === null)
    throw new DeisError('not_found', `There is no platform in "${dataDir}".`, {
      hint: 'Set DEIS_DATA_DIR to its data folder.',
    })
  if (process.getuid?.() !== 0 || found.uid === 0) return
  process.setgroups?.([found.gid])
  process.setgid?.(found.gid)
  process.setuid?.(found.uid)
}
