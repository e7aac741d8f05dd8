// How is the database opened: a SQLite file on one machine, or PostgreSQL?
import { chmod } from 'node:fs/promises'
import type { SqlDriverAdapter, SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { Prisma, PrismaClient } from './generated/sqlite/client.ts'
import { type Dialect, migrate, readMigrations } from './migrate.ts'

export type AdapterFactory = SqlDriverAdapterFactory
/** Both clients come from one schema and have the same model types. */
export type Db = PrismaClient
export type Tx = Prisma.TransactionClient

/**
 * Reads rows without Prisma's engine, which takes longer than such a statement itself: for what every request asks.
 * Values are as the database's driver gives them.
 */
export type Read = <Row>(parts: TemplateStringsArray, ...values: readonly (string | number)[]) => Promise<Row[]>

// Requests queue behind one writer on SQLite: waiting is normal, two seconds (Prisma's default) is not enough under load.
const transactionOptions = { maxWait: 60_000, timeout: 20_000 }

export function dialectOf(url: string): Dialect {
  if (url.startsWith('file:')) return 'sqlite'
  if (/^postgres(ql)?:\/\//.test(url)) return 'postgresql'
  throw new Error('DATABASE_URL must start with file: or postgres://')
}

/** Of PostgreSQL, in bytes: it cuts off what is longer. */
export const longestIdentifier = 63

/**
 * As Prisma's own programs read it: `?schema=` names the schema that the tables are in, instead of the first of the role's
 * search path.
 */
export function connectionOf(url: string): { readonly connectionString: string; readonly schema?: string } {
  const at = url.indexOf('?')
  const params = new URLSearchParams(at < 0 ? '' : url.slice(at))
  const schema = params.get('schema')
  if (schema === null) return { connectionString: url }
  // Prisma's adapter writes it between quotes as it is.
  if (schema === '' || Buffer.byteLength(schema) > longestIdentifier || /[\p{Cc}"]/u.test(schema))
    throw new Error(
      `the schema of DATABASE_URL must have 1 to ${longestIdentifier} bytes without quotes and control characters, not ${JSON.stringify(schema)}`,
    )
  params.delete('schema')
  // Quoted for the server, then escaped for its list of options, which ends at spaces.
  const path = `"${schema}"`.replaceAll(/[\\\s]/gu, String.raw`\$&`)
  params.set('options', `${params.get('options') ?? ''} -c search_path=${path}`.trim())
  return { connectionString: `${url.slice(0, at)}?${params}`, schema }
}

type Opened = {
  readonly factory: AdapterFactory
  /** `shared` connects to the same connections as the one who gives it. */
  client(shared: AdapterFactory): Promise<Db>
}

// Only the dialect in use is loaded: each client brings a query compiler of some megabytes.
const dialects: Record<Dialect, (url: string) => Promise<Opened>> = {
  async sqlite(url) {
    const { PrismaLibSql } = await import('@prisma/adapter-libsql')
    const factory = new PrismaLibSql({ url })
    return {
      factory,
      async client(adapter) {
        const { PrismaClient } = await import('./generated/sqlite/client.ts')
        const db = new PrismaClient({ adapter, transactionOptions })
        // Readers do not wait for the writer, and an acknowledged write survives a power cut.
        await db.$queryRawUnsafe('PRAGMA journal_mode = WAL')
        await db.$queryRawUnsafe('PRAGMA synchronous = FULL')
        await db.$queryRawUnsafe('PRAGMA foreign_keys = ON')
        // Its folder is closed as well; the files beside it take over this mode.
        await chmod(url.slice('file:'.length), 0o600)
        return db
      },
    }
  },
  async postgresql(url) {
    const { PrismaPg } = await import('@prisma/adapter-pg')
    const { connectionString, schema } = connectionOf(url)
    const factory = new PrismaPg({ connectionString }, { schema })
    return {
      factory,
      async client(adapter) {
        const { PrismaClient } = await import('./generated/postgresql/client.ts')
        return new PrismaClient({ adapter, transactionOptions }) as unknown as Db
      },
    }
  },
}

function readWith(adapter: SqlDriverAdapter, dialect: Dialect): Read {
  return async <Row>(parts: TemplateStringsArray, ...values: readonly (string | number)[]) => {
    const sql = parts.reduce((text, part, index) => `${text}${dialect === 'sqlite' ? '?' : `$${index}`}${part}`)
    const { columnNames, rows } = await adapter.queryRaw({
      sql,
      args: [...values],
      argTypes: values.map((value) => ({
        scalarType: typeof value === 'number' ? 'int' : 'string',
        arity: 'scalar',
      })),
    })
    return rows.map((row) => Object.fromEntries(columnNames.map((name, index) => [name, row[index]])) as Row)
  }
}

/** Opens the database and brings it to this version's schema. */
export async function openDb(
  url: string,
  migrationsFolder: string,
): Promise<{ db: Db; read: Read; dialect: Dialect; close(): Promise<void> }> {
  const dialect = dialectOf(url)
  const { factory, client } = await dialects[dialect](url)
  await migrate(factory, dialect, await readMigrations(migrationsFolder, dialect))
  const adapter = await factory.connect()
  const { provider, adapterName } = factory
  const db = await client({ provider, adapterName, connect: async () => adapter })
  return { db, read: readWith(adapter, dialect), dialect, close: () => db.$disconnect() }
}
