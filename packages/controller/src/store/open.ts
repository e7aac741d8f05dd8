// How is the database opened: a SQLite file on one machine, or PostgreSQL?
import { chmod } from 'node:fs/promises'
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { Prisma, PrismaClient } from './generated/sqlite/client.ts'
import { type Dialect, migrate, readMigrations } from './migrate.ts'

export type AdapterFactory = SqlDriverAdapterFactory
/** Both clients come from one schema and have the same model types. */
export type Db = PrismaClient
export type Tx = Prisma.TransactionClient

// Requests queue behind one writer on SQLite: waiting is normal, two seconds (Prisma's default) is not enough under load.
const transactionOptions = { maxWait: 60_000, timeout: 20_000 }

export function dialectOf(url: string): Dialect {
  if (url.startsWith('file:')) return 'sqlite'
  if (/^postgres(ql)?:\/\//.test(url)) return 'postgresql'
  throw new Error('DATABASE_URL must start with file: or postgres://')
}

type Opened = { readonly factory: AdapterFactory; client(): Promise<Db> }

// Only the dialect in use is loaded: each client brings a query compiler of some megabytes.
const dialects: Record<Dialect, (url: string) => Promise<Opened>> = {
  async sqlite(url) {
    const { PrismaLibSql } = await import('@prisma/adapter-libsql')
    const factory = new PrismaLibSql({ url })
    return {
      factory,
      async client() {
        const { PrismaClient } = await import('./generated/sqlite/client.ts')
        const db = new PrismaClient({ adapter: factory, transactionOptions })
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
    const factory = new PrismaPg({ connectionString: url })
    return {
      factory,
      async client() {
        const { PrismaClient } = await import('./generated/postgresql/client.ts')
        return new PrismaClient({ adapter: factory, transactionOptions }) as unknown as Db
      },
    }
  },
}

/** Opens the database and brings it to this version's schema. */
export async function openDb(
  url: string,
  migrationsFolder: string,
): Promise<{ db: Db; dialect: Dialect; close(): Promise<void> }> {
  const dialect = dialectOf(url)
  const { factory, client } = await dialects[dialect](url)
  await migrate(factory, dialect, await readMigrations(migrationsFolder, dialect))
  const db = await client()
  return { db, dialect, close: () => db.$disconnect() }
}
