// Which kind of database does the platform have?
import { dialectOf } from '@deis/controller/store/open'
import { openPostgresql } from './postgresql.ts'
import type { Live } from './query.ts'
import { openSqlite } from './sqlite.ts'

/** @throws DeisError when it is not there. */
export function openLive(url: string, migrations: string): Promise<Live> {
  return dialectOf(url) === 'sqlite' ? openSqlite(url.slice('file:'.length)) : openPostgresql(url, migrations)
}
