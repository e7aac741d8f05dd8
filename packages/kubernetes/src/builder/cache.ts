// Where does the controller keep the caches of builds on a cluster?
import { createReadStream, createWriteStream } from 'node:fs'
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export type Caches = {
  /** Null: there is none. */
  find(app: string): Promise<(() => Readable) | null>
  /** Stores a cache; it is visible only when complete. */
  keep(app: string, build: string, body: Readable, signal: AbortSignal): Promise<void>
  drop(app: string): Promise<void>
}

export async function openCaches(folder: string): Promise<Caches> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Left by a controller that was killed while it received one.
  for (const name of await readdir(folder)) if (name.endsWith('.partial')) await rm(join(folder, name), { force: true })
  const fileOf = (app: string): string => join(folder, `${app}.tgz`)
  return {
    async find(app) {
      const file = fileOf(app)
      return access(file).then(
        () => () => createReadStream(file),
        () => null,
      )
    },
    async keep(app, build, body, signal) {
      const partial = join(folder, `.${build}.partial`)
      try {
        await pipeline(body, createWriteStream(partial, { mode: 0o600 }), { signal })
        await rename(partial, fileOf(app))
      } finally {
        await rm(partial, { force: true })
      }
    },
    drop: (app) => rm(fileOf(app), { force: true }),
  }
}
