// How are rows read from a database whose schema may be of another version?

export type Row = Readonly<Record<string, unknown>>

/** Statements are ours: names in double quotes, `?` for values. */
export type Query = (sql: string, values?: readonly (string | number)[]) => Promise<readonly Row[]>

export type Database = {
  readonly kind: 'sqlite' | 'postgresql'
  readonly query: Query
  /** All but the database's own. */
  tables(): Promise<string[]>
  close(): Promise<void>
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
