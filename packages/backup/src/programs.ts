// Where are the platform's own programs, beside this one?
import { join } from 'node:path'

export type Programs = {
  /** The controller's. */
  readonly controller: string
  /** The argument vector of the one that packs and unpacks. */
  readonly archive: readonly string[]
  /** The folder with the migrations of both databases. */
  readonly migrations: string
}

/** In `dist`, as the build and every installation have it. */
export function programsIn(dist: string): Programs {
  return {
    controller: join(dist, 'controller/main.js'),
    archive: [process.execPath, '--max-old-space-size=512', join(dist, 'controller/archive.js')],
    migrations: join(dist, 'controller/migrations'),
  }
}
