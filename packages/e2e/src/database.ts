// Which database does a platform under test have: its own file, or a new one on the PostgreSQL server of DATABASE_URL?
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type Database = {
  readonly env: Readonly<Record<string, string>>
  /** Leaves nothing in it, like on a new server; a file goes with its folder. */
  empty(): Promise<void>
  drop(): Promise<void>
}

/** The server's own client makes it, so that these tests need no library for it. */
export async function testDatabase(): Promise<Database> {
  const server = process.env.DATABASE_URL
  if (!server?.startsWith('postgres')) return { env: {}, empty: async () => {}, drop: async () => {} }
  const name = `deis_${randomBytes(8).toString('hex')}`
  const execute = (sql: string, url = server) => run('psql', ['--no-psqlrc', '--quiet', '--command', sql, '--', url])
  await execute(`CREATE DATABASE ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    env: { DATABASE_URL: url.href },
    async empty() {
      await execute('DROP SCHEMA public CASCADE; CREATE SCHEMA public', url.href)
    },
    async drop() {
      await execute(`DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}
