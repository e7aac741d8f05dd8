// How is an existing database migrated to the schema of this version?
import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SqlQueryable, Transaction } from '@prisma/driver-adapter-utils'
import type { AdapterFactory } from './open.ts'

export type Dialect = 'sqlite' | 'postgresql'

export type Migration = { readonly name: string; readonly sql: string; readonly checksum: string }

/** The committed migrations of a dialect, in order. */
export async function readMigrations(folder: string, dialect: Dialect): Promise<Migration[]> {
  const names = (await readdir(join(folder, dialect))).filter((name) => /^\d{4}_/.test(name)).toSorted()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, dialect, name, 'migration.sql'), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

// Prisma's own table, column for column, so that its command line could take over.
export const historyTable = {
  sqlite: `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "finished_at" DATETIME, "migration_name" TEXT NOT NULL,
    "logs" TEXT, "rolled_back_at" DATETIME, "started_at" DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0)`,
  postgresql: `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id" VARCHAR(36) PRIMARY KEY NOT NULL, "checksum" VARCHAR(64) NOT NULL, "finished_at" TIMESTAMPTZ,
    "migration_name" VARCHAR(255) NOT NULL, "logs" TEXT, "rolled_back_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(), "applied_steps_count" INTEGER NOT NULL DEFAULT 0)`,
} as const

const migrationLock = 7_140_001

async function execute(db: SqlQueryable, sql: string): Promise<void> {
  await db.executeRaw({ sql, args: [], argTypes: [] })
}

/** Statements as the schema engine writes them: each ends with a semicolon at the end of a line. */
function statements(sql: string): string[] {
  return sql
    .split(/;\s*(?:\n|$)/)
    .map((one) => one.replace(/^[ \t]*--.*$/gm, '').trim())
    .filter((one) => one !== '')
}

/** The adapter of PostgreSQL leaves the statement to its caller and only returns the connection; libsql's does both. */
async function endTransaction(transaction: Transaction, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  if (!transaction.options.usePhantomQuery) await execute(transaction, how)
  await (how === 'COMMIT' ? transaction.commit() : transaction.rollback())
}

/** Applies what is missing in one transaction, so that a kill leaves the old schema or the new one. Returns the names applied. */
export async function migrate(
  factory: AdapterFactory,
  dialect: Dialect,
  migrations: readonly Migration[],
): Promise<string[]> {
  const adapter = await factory.connect()
  try {
    const transaction = await adapter.startTransaction()
    try {
      if (dialect === 'postgresql') await execute(transaction, `SELECT pg_advisory_xact_lock(${migrationLock})`)
      await execute(transaction, historyTable[dialect])
      const { rows } = await transaction.queryRaw({
        sql: 'SELECT "migration_name", "checksum" FROM "_prisma_migrations"',
        args: [],
        argTypes: [],
      })
      const done = new Map(rows.map(([name, checksum]) => [String(name), String(checksum)]))
      const applied: string[] = []
      for (const { name, sql, checksum } of migrations) {
        const before = done.get(name)
        if (before === checksum) continue
        if (before !== undefined)
          throw new Error(
            `migration ${name} was applied with other content; this version of Deis cannot use this database`,
          )
        for (const statement of statements(sql)) await execute(transaction, statement)
        // Values are ours: a uuid, a hex digest and a folder name of this package.
        await execute(
          transaction,
          `INSERT INTO "_prisma_migrations" ("id", "checksum", "migration_name", "finished_at", "applied_steps_count") VALUES ('${randomUUID()}', '${checksum}', '${name}', current_timestamp, 1)`,
        )
        applied.push(name)
      }
      const known = new Set(migrations.map(({ name }) => name))
      const newer = [...done.keys()].filter((name) => !known.has(name))
      if (newer.length > 0)
        throw new Error(
          `this database was migrated by a newer version of Deis (${newer.join(', ')}); start that version`,
        )
      await endTransaction(transaction, 'COMMIT')
      return applied
    } catch (error) {
      await endTransaction(transaction, 'ROLLBACK')
      throw error
    }
  } finally {
    await adapter.dispose()
  }
}
