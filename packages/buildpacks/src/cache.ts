// What does a build keep for the next build of the same app, and when is it discarded?
import { lstat, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunAs } from '@deis/machine/accounts'
import type { Archiver } from '@deis/machine/archive'
import { discard } from '@deis/machine/discard'
import type { BuildOutput } from './output.ts'
import { humanSize } from './size.ts'
import { makeFor } from './workspace.ts'

/**
 * Per app: `files` (moved into the workspace for a build and back, so that nothing is copied) and `meta.json`.
 * The cache is kept after a failed build as well, since its downloads stay useful; but after several failures in a row it may
 * itself be the reason, and is dropped.
 */
export type Cache = {
  /** Moves the cache to `target`, which exists afterwards. `key`: what the cache depends on; another key, no cache. */
  restore(target: string, key: string, output: BuildOutput): Promise<void>
  /** After a good build. */
  save(target: string, output: BuildOutput): Promise<void>
  /** After a build that failed or was cancelled; does nothing when the cache was not restored before. */
  putBack(target: string, failed: boolean): Promise<void>
  drop(): Promise<void>
}

type Meta = { readonly key: string; readonly fingerprint: string; readonly failures: number }

const maxFailures = 3

const nothing: Meta = { key: '', fingerprint: '', failures: 0 }

/** Its content belongs to `runAs`, the user who filled it. */
export function openCache(folder: string, limit: number, archiver: Archiver, runAs: RunAs | null): Cache {
  const files = join(folder, 'files')
  const metaFile = join(folder, 'meta.json')
  let before = nothing
  let key: string | null = null

  const readMeta = async (): Promise<Meta> => {
    try {
      return JSON.parse(await readFile(metaFile, 'utf8')) as Meta
    } catch {
      // None yet, or cut off by a crash: the same as no cache.
      return nothing
    }
  }
  const drop = (): Promise<void> => discard(folder)
  /** An app's user may have been another one when it was filled. */
  const isOurs = async (): Promise<boolean> => {
    const found = await lstat(files).catch(() => null)
    return found !== null && found.isDirectory() && (runAs === null || found.uid === runAs.uid)
  }
  const keep = async (target: string, meta: Meta): Promise<void> => {
    await drop()
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await rename(target, files)
    await writeFile(metaFile, JSON.stringify(meta), { mode: 0o600 })
  }

  return {
    drop,
    async restore(target, wanted, output) {
      output.title('Restoring cache...')
      const found = await readMeta()
      key = wanted
      if (found.key === wanted && (await isOurs())) {
        await rename(files, target)
        before = found
        output.note('Done!')
        return
      }
      await drop()
      await makeFor(target, runAs)
      output.note('No cache file found. If this is the first deploy, it will be created now.')
    },
    async save(target, output) {
      output.title('Checking for changes inside the cache directory...')
      const wanted = key ?? ''
      key = null
      const now = await archiver.fingerprint(target, { runAs })
      if (now.files === 0) {
        await drop()
        output.note("No files were added to the cache folder, cache wasn't updated")
      } else if (now.size > limit) {
        await drop()
        output.note(`Files inside cache folder take ${humanSize(now.size)}, more than ${humanSize(limit)}: not kept`)
      } else {
        const changed = now.hash !== before.fingerprint
        if (changed) output.note('Files inside cache folder changed, uploading new cache...')
        await keep(target, { key: wanted, fingerprint: now.hash, failures: 0 })
        output.note(changed ? `Done: Uploaded cache (${humanSize(now.size)})` : 'Cache unchanged, not updating')
      }
    },
    async putBack(target, failed) {
      if (key === null) return
      const failures = before.failures + (failed ? 1 : 0)
      if (failures >= maxFailures) await drop()
      else await keep(target, { key, fingerprint: before.fingerprint, failures })
    },
  }
}
