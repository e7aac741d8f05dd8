// How is a PostgreSQL database copied while controllers write to it, and read?
import { readMigrations } from '@deis/controller/store/migrate'
import { connectionOf } from '@deis/controller/store/open'
import { DeisError, messageOf } from '@deis/types'
import { Client } from 'pg'
import type { Database, Live } from './query.ts'
import { plainText, writeRows } from './rows.ts'

const connectMs = 10_000
/** Nothing that the platform does holds its rows that long. */
const limits = `SET lock_timeout = '30s'; SET statement_timeout = '1h'; SET idle_in_transaction_session_timeout = 0`

async function madeBy(migrations: string, kind: 'TABLE' | 'FUNCTION'): Promise<string[]> {
  const made = new RegExp(`^CREATE ${kind} "(\\w+)"`, 'gm')
  return (await readMigrations(migrations, 'postgresql')).flatMap(({ sql }) =>
    [...sql.matchAll(made)].map(([, name]) => name ?? ''),
  )
}

/** Tables of other programs may be in the same schema: of ours, migrations have the names. */
export async function knownTables(migrations: string): Promise<ReadonlySet<string>> {
  return new Set(['_prisma_migrations', ...(await madeBy(migrations, 'TABLE'))])
}

/** Of triggers. */
export const knownFunctions = (migrations: string): Promise<string[]> => madeBy(migrations, 'FUNCTION')

/** @throws DeisError without the password when the server does not take it. */
export async function connect(url: string): Promise<Client> {
  const { connectionString } = connectionOf(url)
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    application_name: 'deis backup',
  })
  // Whoever waits for an answer is told; nobody else asks.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(`${plainText}; ${limits}`)
    return client
  } catch (error) {
    await client.end().catch(() => {})
    throw new DeisError('unavailable', `The database does not answer: ${messageOf(error)}.`, {
      hint: 'Look at DATABASE_URL.',
      cause: error,
    })
  }
}

function over(client: Client, known: ReadonlySet<string>): Database {
  return {
    kind: 'postgresql',
    async query(sql, values = []) {
      let at = 0
      const { rows } = await client.query<Record<string, unknown>>(
        sql.replaceAll('?', () => `$${++at}`),
        [...values],
      )
      return rows
    },
    async tables() {
      const { rows } = await client.query<{ name: string }>(
        'SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename',
      )
      return rows.map(({ name }) => name).filter((name) => known.has(name))
    },
    // The server refuses rows that break a constraint, and looks at its own files itself.
    faults: async () => null,
    close: () => client.end(),
  }
}

/**
 * A pooler may ignore where a connection is to work: a scratch copy would then be written to, and a controller started on,
 * the tables of the platform itself. @throws DeisError
 */
async function needSchema(client: Client, url: string): Promise<void> {
  const { schema } = connectionOf(url)
  if (schema === undefined) return
  const { rows } = await client.query<{ name: string | null }>('SELECT current_schema() AS name')
  if (rows[0]?.name === schema) return
  throw new DeisError('invalid', `The database did not take the connection to its schema "${schema}".`, {
    hint: 'A pooler between, such as PgBouncer, must pass "options" on: name the server itself in DATABASE_URL.',
  })
}

/** @throws DeisError */
export async function openPostgresql(url: string, migrations: string): Promise<Live> {
  const known = await knownTables(migrations)
  const first = await connect(url)
  try {
    await needSchema(first, url)
  } catch (error) {
    await first.end().catch(() => {})
    throw error
  }
  const database = over(first, known)
  return {
    ...database,
    async copy(to) {
      const client = await connect(url)
      try {
        // All that is read until it is closed is of one moment; nobody waits for it.
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
        const copy = over(client, known)
        await writeRows(client, await copy.tables(), to)
        return copy
      } catch (error) {
        await client.end().catch(() => {})
        throw error
      }
    },
  }
}
