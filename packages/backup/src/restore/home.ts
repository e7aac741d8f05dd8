// Where does the database of a backup go when it is restored?
import { chmod, mkdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Dialect } from '@deis/controller/store/migrate'
import { rowsToSqlite, sqliteToRows } from '../database/portable.ts'
import { openPostgresql } from '../database/postgresql.ts'
import type { Database } from '../database/query.ts'
import type { Beside } from '../database/schema.ts'
import { openSqlite } from '../database/sqlite.ts'

export type Home = {
  readonly kind: Dialect
  /** For a controller. */
  readonly url: string
  /** Takes the file of a backup, of either kind. `applied`: the migrations that it has. */
  settle(file: string, kind: Dialect, applied: readonly string[]): Promise<void>
  open(): Promise<Database>
}

/** In a data folder. */
export function sqliteHome(folder: string, migrations: string): Home {
  const file = join(folder, 'state', 'deis.db')
  return {
    kind: 'sqlite',
    url: `file:${file}`,
    async settle(from, kind, applied) {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      if (kind === 'sqlite') return rename(from, file)
      await rowsToSqlite(from, file, applied, migrations)
      await chmod(file, 0o600)
    },
    open: () => openSqlite(file),
  }
}

export function postgresqlHome(beside: Beside, migrations: string): Home {
  return {
    kind: 'postgresql',
    url: beside.url,
    async settle(from, kind, applied) {
      if (kind === 'postgresql') return beside.fill(from, applied)
      const rows = `${from}.rows`
      await sqliteToRows(from, rows, migrations)
      await beside.fill(rows, applied)
    },
    open: () => openPostgresql(beside.url, migrations),
  }
}
