// Can every encrypted value of a database be read with its key?
import { createVault } from '@deis/controller/store/crypto'
import { sealedColumns } from '@deis/controller/store/sealed'
import type { Database } from './query.ts'

const atOnce = 500

/** How many there are. @throws with the table of the first that cannot be read. */
export async function openSecrets(database: Database, key: Buffer): Promise<number> {
  const vault = createVault(key)
  const tables = new Set(await database.tables())
  let count = 0
  for (const { table, column, purpose } of sealedColumns) {
    // Of a version before that table.
    if (!tables.has(table)) continue
    for (let at = 0; ; at += atOnce) {
      const rows = await database.query(
        `SELECT "${column}" AS "sealed" FROM "${table}" WHERE "${column}" IS NOT NULL ORDER BY 1 LIMIT ? OFFSET ?`,
        [atOnce, at],
      )
      for (const { sealed } of rows)
        try {
          vault.open(purpose, String(sealed))
          count++
        } catch (error) {
          throw new Error(`a value of ${table}.${column} cannot be decrypted with keys/secret.key`, { cause: error })
        }
      if (rows.length < atOnce) break
    }
  }
  return count
}
