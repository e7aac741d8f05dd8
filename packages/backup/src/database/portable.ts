// How do the rows of one kind of database become rows of the other?
//
// Both kinds have the same tables and migrations, of one schema. How a value is written differs for truth values and times; what the
// columns of SQLite are declared as says which those are.
import { open } from 'node:fs/promises'
import { type Dialect, historyTable, readMigrations } from '@deis/controller/store/migrate'
import { type Client, createClient, type InValue, type Transaction, type Value } from '@libsql/client'
import { type Head, readRowLines } from './rows.ts'

const history = '_prisma_migrations'
const fetched = 500

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** What every column of ours has: texts and numbers. @throws for bytes */
function textOf(value: Value | undefined): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return String(value)
  throw new Error('the database has a value that is neither a text nor a number')
}

type Columns = ReadonlyMap<string, string>

/** Names of columns, and what they are declared as. */
async function columnsOf(client: Pick<Client, 'execute'>, table: string): Promise<Columns> {
  const { rows } = await client.execute({ sql: 'SELECT "name", "type" FROM pragma_table_info(?)', args: [table] })
  return new Map(rows.map((row) => [textOf(row['name']), textOf(row['type']).toUpperCase()]))
}

/** Migrations have another text, and so another checksum, in each dialect. */
async function checksums(folder: string, dialect: Dialect): Promise<ReadonlyMap<string, string>> {
  return new Map((await readMigrations(folder, dialect)).map(({ name, checksum }) => [name, checksum]))
}

/** Of what a migration of the other kind is recorded with. @throws when this version does not have it */
function checksumFor(known: ReadonlyMap<string, string>, name: unknown): string {
  const found = known.get(String(name))
  if (found === undefined) throw new Error(`the migration ${String(name)} is not one of this version of Deis`)
  return found
}

/** A time that says no zone is one of UTC, as both kinds write it. @throws when it is none */
function timeOf(value: string | number): Date {
  const text = typeof value === 'string' ? value : new Date(value).toISOString()
  const [, moment] = /^(\d{4}-\d\d-\d\d[ T][\d:.]+)(Z|[+-]00(?::?00)?)?$/.exec(text) ?? []
  if (moment === undefined) throw new Error(`${JSON.stringify(text)} is not a time of UTC`)
  return new Date(`${moment.replace(' ', 'T')}Z`)
}

/** As PostgreSQL takes it. */
function toPostgresql(value: Value | undefined, type: string | undefined): string | null {
  if (value === null || value === undefined) return null
  if (type === 'BOOLEAN') return Number(value) === 0 ? 'f' : 't'
  if (type === 'DATETIME') return timeOf(typeof value === 'string' ? value : Number(value)).toISOString()
  return textOf(value)
}

/** As the controller itself would store it: times are compared as texts. */
function toSqlite(value: string | null, type: string | undefined): InValue {
  if (value === null) return null
  if (type === 'BOOLEAN') return value === 't' || value === 'true' ? 1 : 0
  if (type === 'DATETIME') return timeOf(value).toISOString().replace('Z', '+00:00')
  return type?.startsWith('INTEGER') ? Number(value) : value
}

/** The last number that was given out, of a table that counts. */
async function lastOf(client: Client, table: string): Promise<Record<string, string>> {
  const { rows } = await client.execute({ sql: 'SELECT "seq" FROM "sqlite_sequence" WHERE "name" = ?', args: [table] })
  const last = rows[0]?.['seq']
  return last === undefined || last === null || Number(last) === 0 ? {} : { id: textOf(last) }
}

/** Of the file of a SQLite database, the rows as a backup of PostgreSQL has them. */
export async function sqliteToRows(from: string, to: string, migrations: string): Promise<void> {
  const known = await checksums(migrations, 'postgresql')
  const client = createClient({ url: `file:${from}` })
  const file = await open(to, 'wx', 0o600)
  try {
    const tables = await client.execute(
      `SELECT "name" FROM "sqlite_master" WHERE "type" = 'table' AND "name" NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
    )
    for (const table of tables.rows.map((row) => textOf(row['name']))) {
      const columns = await columnsOf(client, table)
      const head: Head = { table, columns: [...columns.keys()], sequences: await lastOf(client, table) }
      await file.writeFile(`${JSON.stringify(head)}\n`)
      for (let last = -1; ;) {
        const { rows } = await client.execute({
          sql: `SELECT rowid AS "deis_rowid", * FROM ${quoted(table)} WHERE rowid > ? ORDER BY rowid LIMIT ${fetched}`,
          args: [last],
        })
        for (const row of rows) {
          const values = head.columns.map((name) =>
            table === history && name === 'checksum'
              ? checksumFor(known, row['migration_name'])
              : toPostgresql(row[name], columns.get(name)),
          )
          await file.writeFile(`${JSON.stringify(values)}\n`)
        }
        if (rows.length < fetched) break
        last = Number(rows.at(-1)?.['deis_rowid'])
      }
    }
    await file.sync()
  } finally {
    client.close()
    await file.close()
  }
}

type Table = { readonly head: Head; readonly insert: string; readonly types: readonly (string | undefined)[] }

async function begin(into: Transaction, head: Head): Promise<Table> {
  const columns = await columnsOf(into, head.table)
  if (columns.size === 0) throw new Error(`the table ${head.table} is not one of this version of Deis`)
  const unknown = head.columns.find((name) => !columns.has(name))
  if (unknown !== undefined) throw new Error(`${head.table} has no column ${unknown} in this version of Deis`)
  for (const last of Object.values(head.sequences)) {
    await into.execute({ sql: 'DELETE FROM "sqlite_sequence" WHERE "name" = ?', args: [head.table] })
    const args = [head.table, Number(last)]
    await into.execute({ sql: 'INSERT INTO "sqlite_sequence" ("name", "seq") VALUES (?, ?)', args })
  }
  const places = head.columns.map(() => '?').join(', ')
  const insert = `INSERT INTO ${quoted(head.table)} (${head.columns.map(quoted).join(', ')}) VALUES (${places})`
  return { head, insert, types: head.columns.map((name) => columns.get(name)) }
}

/** Of the rows of a backup of PostgreSQL, a SQLite database. `applied`: the migrations that they are of. */
export async function rowsToSqlite(
  from: string,
  to: string,
  applied: readonly string[],
  migrations: string,
): Promise<void> {
  const known = await checksums(migrations, 'sqlite')
  const client = createClient({ url: `file:${to}` })
  try {
    await client.executeMultiple(`${historyTable.sqlite};`)
    for (const { name, sql } of await readMigrations(migrations, 'sqlite'))
      if (applied.includes(name)) await client.executeMultiple(sql)
    // Rows come in any order; whether they fit together is looked at afterwards, as in every restore.
    await client.execute('PRAGMA foreign_keys = OFF')
    const into = await client.transaction('write')
    try {
      let table: Table | null = null
      for await (const line of readRowLines(from)) {
        if (!Array.isArray(line)) {
          table = await begin(into, line)
          continue
        }
        if (table === null) throw new Error('the rows of the database do not have the form that they must have')
        const { head, insert, types } = table
        const args = line.map((value, index) => toSqlite(value, types[index]))
        const [checksum, name] = ['checksum', 'migration_name'].map((one) => head.columns.indexOf(one))
        if (head.table === history) args[checksum!] = checksumFor(known, line[name!])
        await into.execute({ sql: insert, args })
      }
      await into.commit()
    } finally {
      into.close()
    }
  } finally {
    client.close()
  }
}
