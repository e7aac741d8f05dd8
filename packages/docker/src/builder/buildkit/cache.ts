// What does BuildKit keep between builds, whose is it, and when does it go?
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import type { Log } from '@deis/ports/backend'
import type { Client } from '../../engine/client.ts'

// The engine has one cache for everybody. What steps mount is found by its name: that of each app has a part that nobody can
// guess. Another part is another cache, and the old one goes when it has been used the longest ago.

const Namespaces = Type.Record(Type.String(), Type.String({ pattern: '^[0-9a-f]{32}$' }))
type Namespaces = Static<typeof Namespaces>

export type BuildKitCache = {
  /** The app's own. `isNew`: what is in that of the last build is not to be used. */
  namespace(app: string, isNew: boolean): Promise<string>
  /** A later app of this name finds nothing. */
  forget(app: string): Promise<void>
  /** Deletes what was used the longest ago, until the rest is within the limit. Never fails. */
  prune(): Promise<void>
  /** Deletes all that no build uses. Never fails. */
  empty(): Promise<void>
}

type Deps = { readonly engine: Client; readonly file: string; readonly limit: number; readonly log: Log }

const pruneMs = 300_000

async function load(file: string): Promise<Namespaces> {
  try {
    const stored: unknown = JSON.parse(await readFile(file, 'utf8'))
    return Check(Namespaces, stored) ? stored : {}
  } catch {
    // Missing or broken: builds begin with empty caches.
    return {}
  }
}

export function openBuildKitCache({ engine, file, limit, log }: Deps): BuildKitCache {
  let last: Promise<unknown> = Promise.resolve()
  /** One change after the other. */
  const change = <T>(work: (all: Map<string, string>) => T): Promise<T> => {
    const next = last.then(async () => {
      const all = new Map(Object.entries(await load(file)))
      const before = JSON.stringify([...all])
      const result = work(all)
      if (JSON.stringify([...all]) !== before) {
        await mkdir(dirname(file), { recursive: true, mode: 0o700 })
        await writeFile(`${file}.new`, JSON.stringify(Object.fromEntries(all)), { mode: 0o600 })
        await rename(`${file}.new`, file)
      }
      return result
    })
    last = next.catch(() => {})
    return next
  }
  /** Engines before and after API 1.48 have different names for it. */
  const reduceTo = async (bytes: number): Promise<void> => {
    const query = { all: true, 'keep-storage': bytes, 'reserved-space': bytes }
    const call = { method: 'POST', path: '/build/prune', query, ms: pruneMs } as const
    await engine.send('deleting caches of builds', call, AbortSignal.timeout(pruneMs)).catch((error: unknown) => {
      log('warn', 'caches of builds could not be deleted', { err: error })
    })
  }
  return {
    namespace: (app, isNew) =>
      change((all) => {
        const known = isNew ? undefined : all.get(app)
        const name = known ?? randomBytes(16).toString('hex')
        all.set(app, name)
        return name
      }),
    async forget(app) {
      await change((all) => all.delete(app))
    },
    prune: () => reduceTo(limit),
    empty: () => reduceTo(0),
  }
}
