// How is what project.toml or a .dockerignore leaves out removed from unpacked source?
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as others } from 'node:timers/promises'

/** Rules may be many: so long they keep everything else waiting. */
const turnMs = 20

/** Where nothing else writes meanwhile. Links are not followed. */
export async function leaveOut(root: string, keeps: (path: string) => boolean, signal?: AbortSignal): Promise<void> {
  let turn = Date.now()
  /** Returns whether anything is left. */
  const removeBelow = async (folder: string): Promise<boolean> => {
    let left = false
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      const stays = entry.isDirectory() ? await removeBelow(path) : keeps(path)
      if (!stays) await rm(join(root, path), { recursive: true })
      left ||= stays
      if (Date.now() - turn < turnMs) continue
      await others(undefined, { signal })
      turn = Date.now()
    }
    return left
  }
  await removeBelow('')
}
