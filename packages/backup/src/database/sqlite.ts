// How is a SQLite database copied while a controller writes to it, and read?
import { open, rename, stat } from 'node:fs/promises'
import { createClient } from '@libsql/client'
import { DeisError } from '@deis/types'
import { codeOf, unless } from '../files.ts'
import type { Live } from './query.ts'

/** A writer of the controller holds the file for moments only. */
const busyMs = 30_000

/** @throws DeisError when the file is not there: opening it would make an empty one. */
export async function openSqlite(file: string): Promise<Live> {
  if ((await unless(stat(file), 'ENOENT', null)) === null)
    throw new DeisError('not_found', `There is no database at "${file}".`)
  const client = createClient({ url: `file:${file}`, timeout: busyMs })
  const query: Live['query'] = async (sql, values = []) => {
    const { columns, rows } = await client.execute({ sql, args: [...values] })
    return rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]])))
  }
  return {
    kind: 'sqlite',
    query,
    tables: async () =>
      (
        await query(
          `SELECT "name" FROM "sqlite_master" WHERE "type" = 'table' AND "name" NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
        )
      ).map((row) => String(row['name'])),
    faults: () => faultsOf(query),
    async copy(to) {
      await copySqlite(query, `${to}.partial`)
      await rename(`${to}.partial`, to)
      return openSqlite(to)
    },
    close: async () => client.close(),
  }
}

/**
 * A consistent copy of one moment. This program is not the controller, which answers meanwhile: the copy blocks the thread
 * that makes it.
 */
async function copySqlite(query: Live['query'], to: string): Promise<void> {
  try {
    await query('VACUUM INTO ?', [to])
  } catch (error) {
    const text = (error as Error).message
    if (codeOf(error) === 'SQLITE_FULL' || /database or disk is full/.test(text))
      throw new DeisError('unavailable', 'The database could not be copied: the disk is full.', { cause: error })
    throw error
  }
  const copy = await open(to, 'r+')
  try {
    await copy.chmod(0o600)
    await copy.sync()
  } finally {
    await copy.close()
  }
}

async function faultsOf(query: Live['query']): Promise<string | null> {
  const integrity = (await query('PRAGMA integrity_check(5)')).map((row) => String(row['integrity_check']))
  if (integrity.join() !== 'ok') return integrity.join('; ')
  const [orphan] = await query('PRAGMA foreign_key_check')
  return orphan
    ? `a row of ${String(orphan['table'])} refers to one of ${String(orphan['parent'])} that is not there`
    : null
}
