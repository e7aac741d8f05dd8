// Where does the database of a backup go when it is restored?
import { mkdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Dialect } from '@deis/controller/store/migrate'
import { openPostgresql } from '../database/postgresql.ts'
import type { Database } from '../database/query.ts'
import type { Beside } from '../database/schema.ts'
import { openSqlite } from '../database/sqlite.ts'

export type Home = {
  readonly kind: Dialect
  /** For a controller. */
  readonly url: string
  /** Takes the file of a backup. `applied`: the migrations that it has. */
  settle(file: string, applied: readonly string[]): Promise<void>
  open(): Promise<Database>
}

/** In a data folder. */
export function sqliteHome(folder: string): Home {
  const file = join(folder, 'state', 'deis.db')
  return {
    kind: 'sqlite',
    url: `file:${file}`,
    async settle(from) {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      await rename(from, file)
    },
    open: () => openSqlite(file),
  }
}

export function postgresqlHome(beside: Beside, migrations: string): Home {
  return {
    kind: 'postgresql',
    url: beside.url,
    settle: (file, applied) => beside.fill(file, applied),
    open: () => openPostgresql(beside.url, migrations),
  }
}
