// How do the rows of a backup become a database again, in a schema of their own beside the one that is used?
import { createHash } from 'node:crypto'
import { historyTable, readMigrations } from '@deis/controller/store/migrate'
import { longestIdentifier } from '@deis/controller/store/open'
import { DeisError, messageOf } from '@deis/types'
import type { Client } from 'pg'
import { connect, knownFunctions, knownTables } from './postgresql.ts'
import { quoted, readRows } from './rows.ts'

const urlIn = (url: string, schema: string): string => {
  const [base = '', query = ''] = url.split('?', 2)
  const params = new URLSearchParams(query)
  params.set('schema', schema)
  return `${base}?${params}`
}

/** The schema that the platform's own tables are in, or would be. */
async function usedSchema(client: Client): Promise<string> {
  const { rows } = await client.query<{ name: string | null }>('SELECT current_schema() AS name')
  const name = rows[0]?.name
  if (!name)
    throw new DeisError('invalid', 'The database has no schema that this role may use.', {
      hint: 'CREATE SCHEMA public, or name one at the end of DATABASE_URL: ?schema=…',
    })
  return name
}

/** Foreign keys are made after the rows, which then may come in any order, and checks each of them. */
async function withoutForeignKeys(client: Client, work: () => Promise<void>): Promise<void> {
  const { rows } = await client.query<{ name: string; table: string; definition: string }>(
    `SELECT quote_ident(conname) AS name, conrelid::regclass::text AS "table", pg_get_constraintdef(oid) AS definition
     FROM pg_constraint WHERE contype = 'f' AND connamespace = to_regnamespace(quote_ident(current_schema()))`,
  )
  for (const { name, table } of rows) await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`)
  await work()
  for (const { name, table, definition } of rows)
    await client.query(`ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`)
}

/** Of the schema that is used, so that two platforms in one database do not meet; a long name becomes its hash. */
function besideName(prefix: string, used: string): string {
  const name = `${prefix}_${used}`
  if (Buffer.byteLength(name) <= longestIdentifier) return name
  return `${prefix}_${createHash('sha256').update(used).digest('hex').slice(0, 32)}`
}

/** A database of PostgreSQL that is made beside the one that is used, and dropped or moved into its place. */
export type Beside = {
  /** For a controller. */
  readonly url: string
  readonly schema: string
  /** @throws with what the server says; then nothing is in it. */
  fill(file: string, applied: readonly string[]): Promise<void>
  drop(): Promise<void>
  /** Lets go of it, as it is. */
  close(): Promise<void>
}

/**
 * Works for every role that could set up the platform, because its first migration needs the same right. Only one program at a
 * time has the schema; what a killed one left in it is dropped. @throws DeisError
 */
export async function openBeside(url: string, migrations: string, prefix: string): Promise<Beside> {
  const client = await connect(url)
  const schema = besideName(prefix, await usedSchema(client))
  const known = await knownTables(migrations)
  const drop = async (): Promise<void> => {
    await client.query(`DROP SCHEMA IF EXISTS ${quoted(schema)} CASCADE`)
  }
  const close = (): Promise<void> => client.end().catch(() => {})
  try {
    const { rows } = await client.query<{ free: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS free',
      [`schema/${schema}`],
    )
    if (!rows[0]?.free)
      throw new DeisError('conflict', `Another program works in the schema "${schema}" of the database.`, {
        hint: 'Wait until it has ended.',
      })
  } catch (error) {
    await close()
    throw error
  }
  return {
    url: urlIn(url, schema),
    schema,
    drop,
    close,
    async fill(file, applied) {
      const wanted = new Set(applied)
      await drop()
      await client.query('BEGIN')
      try {
        await create(client, schema)
        await client.query(`SET LOCAL search_path TO ${quoted(schema)}`)
        await client.query(historyTable.postgresql)
        for (const { name, sql } of await readMigrations(migrations, 'postgresql'))
          if (wanted.has(name)) await client.query(sql)
        await client.query(`TRUNCATE ${[...(await tablesIn(client, schema))].map(quoted).join(', ')}`)
        await withoutForeignKeys(client, () => readRows(client, file, known))
        await client.query('COMMIT')
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {})
        throw error
      }
    },
  }
}

async function create(client: Client, schema: string): Promise<void> {
  try {
    await client.query(`CREATE SCHEMA ${quoted(schema)}`)
  } catch (error) {
    if ((error as { code?: unknown }).code !== '42501') throw error
    throw new DeisError(
      'forbidden',
      `The role of DATABASE_URL may not make a schema, which a restored database is checked in: ${messageOf(error)}.`,
      { hint: 'As the owner of the database: GRANT CREATE ON DATABASE … TO …', cause: error },
    )
  }
}

async function tablesIn(client: Client, schema: string): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1',
    [schema],
  )
  return new Set(rows.map(({ name }) => name))
}

/** Of triggers, which move with their tables. */
async function functionsIn(client: Client, schema: string, known: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT proname AS name FROM pg_proc WHERE pronamespace = to_regnamespace($1) AND proname = ANY ($2) AND pronargs = 0',
    [quoted(schema), known],
  )
  return rows.map(({ name }) => name)
}

/** Sessions of others, which may be of a controller. */
async function othersIn(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT COALESCE(NULLIF(application_name, ''), 'without a name') AS name FROM pg_stat_activity
     WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
       AND application_name <> 'deis backup'`,
  )
  return rows.map(({ name }) => name)
}

/** @throws DeisError unless the platform's tables can be replaced by others. */
export async function needUnused(url: string, migrations: string, replace: boolean): Promise<void> {
  const client = await connect(url)
  try {
    const known = await knownTables(migrations)
    const there = [...(await tablesIn(client, await usedSchema(client)))].some((name) => known.has(name))
    if (there && !replace)
      throw new DeisError('conflict', 'The database of DATABASE_URL has a platform, so nothing was restored into it.', {
        hint: 'Use --replace to move its tables aside, or name an empty database.',
      })
    const [other] = await othersIn(client)
    if (other !== undefined)
      throw new DeisError('conflict', `The database of DATABASE_URL is in use: a session "${other}" is open.`, {
        hint: 'Stop every controller that works with it, and close other sessions.',
      })
  } finally {
    await client.end()
  }
}

/** In one transaction: what was there is moved to the schema `aside`, what is in `from` into its place. Can be repeated. */
export async function moveIn(
  url: string,
  migrations: string,
  { from, aside }: { readonly from: string; readonly aside: string },
): Promise<void> {
  const client = await connect(url)
  try {
    const used = await usedSchema(client)
    const known = await knownTables(migrations)
    const ready = await tablesIn(client, from)
    // It was done before the kill.
    if (ready.size === 0) return
    const before = [...(await tablesIn(client, used))].filter((name) => known.has(name))
    await client.query('BEGIN')
    if (before.length > 0) await client.query(`CREATE SCHEMA ${quoted(aside)}`)
    for (const name of before)
      await client.query(`ALTER TABLE ${quoted(used)}.${quoted(name)} SET SCHEMA ${quoted(aside)}`)
    const functions = await knownFunctions(migrations)
    for (const name of await functionsIn(client, used, functions))
      await client.query(`ALTER FUNCTION ${quoted(used)}.${quoted(name)}() SET SCHEMA ${quoted(aside)}`)
    for (const name of ready)
      await client.query(`ALTER TABLE ${quoted(from)}.${quoted(name)} SET SCHEMA ${quoted(used)}`)
    for (const name of await functionsIn(client, from, functions))
      await client.query(`ALTER FUNCTION ${quoted(from)}.${quoted(name)}() SET SCHEMA ${quoted(used)}`)
    await client.query(`DROP SCHEMA ${quoted(from)}`)
    await client.query('COMMIT')
  } finally {
    await client.end()
  }
}
