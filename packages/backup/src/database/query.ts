// How are rows read from a database whose schema may be of another version?
import type { Dialect } from '@deis/controller/store/migrate'

export type Row = Readonly<Record<string, unknown>>

/** Statements are ours, and the same for both kinds: names in double quotes, `?` for values. */
export type Query = (sql: string, values?: readonly (string | number)[]) => Promise<readonly Row[]>

export type Database = {
  readonly kind: Dialect
  readonly query: Query
  /** All but the database's own, and those of others. */
  tables(): Promise<string[]>
  /** What the database itself finds wrong; null: nothing. */
  faults(): Promise<string | null>
  close(): Promise<void>
}

/** A database that a controller works with. */
export type Live = Database & {
  /** A copy of one moment for the backup, and what it has, to be read. */
  copy(to: string): Promise<Database>
}

export async function countRows(database: Database): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of (await database.tables()).toSorted()) {
    // A name of the schema, as the database itself quotes it.
    const [row] = await database.query(`SELECT COUNT(*) AS "count" FROM "${table.replaceAll('"', '""')}"`)
    counts[table] = Number(row?.['count'])
  }
  return counts
}

/** Names of the migrations that were applied, in order. */
export async function migrationsOf({ query }: Database): Promise<string[]> {
  const rows = await query('SELECT "migration_name" AS "name" FROM "_prisma_migrations" ORDER BY "migration_name"')
  return rows.map((row) => String(row['name']))
}
