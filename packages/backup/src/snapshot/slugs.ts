// How do slugs stay that a snapshot needs, while the controller deletes old ones?
import { copyFile, link, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, namesIn } from '../files.ts'

const pattern = /^[0-9a-f]{64}\.tgz$/

/** A second name, which costs no space, wherever there can be one. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST' || code === 'ENOENT') throw error
    // Another file system, or one without hard links, or a slug of another owner.
    await copyFile(from, to)
  }
}

/**
 * Gives every slug a second name in `folder`, which costs no space: whatever the controller deletes from now on, its content is
 * there. A slug never changes, as it is named by its content.
 */
export async function holdSlugs(slugFolder: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await namesIn(slugFolder)) {
    if (!pattern.test(name)) continue
    const [from, to] = [join(slugFolder, name), join(folder, name)]
    try {
      await linkOrCopy(from, to)
    } catch (error) {
      const code = codeOf(error)
      // Held already, or deleted just now.
      if (code !== 'EEXIST' && code !== 'ENOENT') throw error
    }
  }
}

/** Lets go of all but these. */
export async function releaseSlugs(folder: string, needed: ReadonlySet<string>): Promise<void> {
  for (const name of await namesIn(folder)) if (!needed.has(name)) await rm(join(folder, name), { force: true })
}
