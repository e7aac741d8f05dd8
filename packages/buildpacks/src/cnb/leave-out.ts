// How is what project.toml leaves out removed from unpacked source?
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Links are not followed. Returns whether anything is left. */
async function removeBelow(root: string, folder: string, keeps: (path: string) => boolean): Promise<boolean> {
  let left = false
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    const stays = entry.isDirectory() ? await removeBelow(root, path, keeps) : keeps(path)
    if (!stays) await rm(join(root, path), { recursive: true })
    left ||= stays
  }
  return left
}

/** Where nothing else writes meanwhile. */
export async function leaveOut(root: string, keeps: (path: string) => boolean): Promise<void> {
  await removeBelow(root, '', keeps)
}
