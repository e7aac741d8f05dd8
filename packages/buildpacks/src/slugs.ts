// Which slugs are kept, for how long, and how do they leave and come?
import { constants, createReadStream } from 'node:fs'
import { copyFile, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { RunAs } from '@deis/machine/accounts'
import type { Archiver } from '@deis/machine/archive'
import { slugFile } from '@deis/machine/slugs'
import type { SlugStore } from '@deis/ports/slugs'

const hourMs = 3_600_000

/** Deletes slugs that are not to be kept, and what a killed build left half-packed; nothing younger than an hour. */
export async function pruneSlugs(folder: string, keep: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  for (const name of await readdir(folder)) {
    signal.throwIfAborted()
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

async function exists(file: string): Promise<boolean> {
  const now = new Date()
  return utimes(file, now, now).then(
    () => true,
    () => false,
  )
}

type Checking = {
  readonly archiver: Pick<Archiver, 'relay'>
  /** Of no app. */
  readonly runAs: RunAs | null
}

/** The tar that unpacks slugs of this platform has no limits, and one that comes from elsewhere can be anything. */
async function check(file: string, { archiver, runAs }: Checking, signal: AbortSignal): Promise<void> {
  const unpacked = archiver.relay(createReadStream(file), { files: [], folder: 'app', user: 0 }, { runAs, signal })
  unpacked.resume()
  await finished(unpacked)
}

export function openSlugs(folder: string, checking: Checking): SlugStore {
  return {
    async open(digest) {
      try {
        const handle = await open(slugFile(folder, digest), 'r')
        const { size } = await handle.stat()
        return { size, content: handle.createReadStream() }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
    async put(digest, file, signal) {
      const slug = slugFile(folder, digest)
      if (await exists(slug)) return
      await check(file, checking, signal)
      const partial = join(folder, `.${randomUUID()}.partial`)
      try {
        // Shares the blocks where the file system can, and is on the folder's own file system in any case.
        await copyFile(file, partial, constants.COPYFILE_FICLONE)
        await rename(partial, slug)
      } finally {
        await rm(partial, { force: true })
      }
    },
  }
}
