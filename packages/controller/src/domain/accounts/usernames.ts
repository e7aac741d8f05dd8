// Is a name for an account free, whatever its capitals?
import { invalidField } from '@deis/types'
import { dialectOf, type Tx } from '../../store/open.ts'
import type { Core } from '../core.ts'

const lock = 7_140_002

/** Call before an account is stored, in the same transaction. Accounts from before this rule keep their names. @throws 400 */
export async function refuseTakenName(core: Core, tx: Tx, username: string): Promise<void> {
  // Two at once see each other on PostgreSQL; on SQLite a transaction has the whole file.
  if (dialectOf(core.config.databaseUrl) === 'postgresql') await tx.$executeRaw`SELECT pg_advisory_xact_lock(${lock})`
  const alike = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM "User" WHERE LOWER("username") = ${username.toLowerCase()} LIMIT 1`
  if (alike.length > 0) throw invalidField('username', 'A user with that username already exists.')
}
