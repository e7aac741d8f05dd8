// How is the database opened: a SQLite file on one machine, or PostgreSQL?
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { type Prisma, PrismaClient as SqliteClient } from './generated/sqlite/client.ts'
import { PrismaClient as PostgresqlClient } from './generated/postgresql/client.ts'
import { type Dialect, migrate, readMigrations } from './migrate.ts'

export type AdapterFactory = SqlDriverAdapterFactory
/** Both clients come from one schema and have the same model types. */
export type Db = SqliteClient
export type Tx = Prisma.TransactionClient

// Requests queue behind one writer on SQLite: waiting is normal, two seconds (Prisma's default) is not enough under load.
const transactionOptions = { maxWait: 60_000, timeout: 20_000 }

export function dialectOf(url: string): Dialect {
  if (url.startsWith('file:')) return 'sqlite'
  if (/^postgres(ql)?:\/\//.test(url)) return 'postgresql'
  throw new Error('DATABASE_URL must start with file: or postgres://')
}

/** Opens the database and brings it to this version's schema. */
export async function openDb(
  url: string,
  migrationsFolder: string,
): Promise<{ db: Db; dialect: Dialect; close(): Promise<void> }> {
  const dialect = dialectOf(url)
  const factory = dialect === 'sqlite' ? new PrismaLibSql({ url }) : new PrismaPg({ connectionString: url })
  await migrate(factory, dialect, await readMigrations(migrationsFolder, dialect))
  const db =
    dialect === 'sqlite'
      ? new SqliteClient({ adapter: factory, transactionOptions })
      : (new PostgresqlClient({ adapter: factory, transactionOptions }) as unknown as Db)
  if (dialect === 'sqlite') {
    // Readers do not wait for the writer, and an acknowledged write survives a power cut.
    await db.$queryRawUnsafe('PRAGMA journal_mode = WAL')
    await db.$queryRawUnsafe('PRAGMA synchronous = FULL')
    await db.$queryRawUnsafe('PRAGMA foreign_keys = ON')
  }
  return { db, dialect, close: () => db.$disconnect() }
}
