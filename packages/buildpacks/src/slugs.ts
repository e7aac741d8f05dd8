// Which slugs are deleted, and when?
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { slugFile } from '@deis/machine/slugs'

const hourMs = 3_600_000

/** Deletes slugs that are not to be kept, and what a killed build left half-packed; nothing younger than an hour. */
export async function pruneSlugs(folder: string, keep: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder)) {
    const hex = /^([0-9a-f]{64})\.tgz$/.exec(name)?.[1]
    if (hex ? keep.has(`sha256:${hex}`) : !name.endsWith('.partial')) continue
    const file = join(folder, name)
    const found = await stat(file).catch(() => null)
    if (found && Date.now() - found.mtimeMs > hourMs) await rm(file, { force: true })
  }
}

export async function deleteSlugs(folder: string, digests: readonly string[]): Promise<void> {
  for (const digest of digests) await rm(slugFile(folder, digest), { force: true })
}
