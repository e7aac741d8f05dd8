// Do the rows of a PostgreSQL database come back as they were, and is nothing else of the server touched?
//   node scripts/postgres.mjs node scripts/test.mjs unit packages/backup/
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDb } from '@deis/controller/store/open'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPostgresql } from './postgresql.ts'
import { countRows, migrationsOf } from './query.ts'
import { quoted } from './rows.ts'
import { moveIn, needUnused, openBeside } from './schema.ts'

const server = process.env['DATABASE_URL'] ?? ''
const migrations = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url))

describe.skipIf(!server.startsWith('postgres'))('on a server of PostgreSQL', () => {
  const name = `deis_${randomBytes(8).toString('hex')}`
  // Also looked at where the tests are skipped.
  const url = new URL(server.startsWith('postgres') ? server : 'postgres://none')
  url.pathname = `/${name}`
  let folder: string
  let admin: Client
  let client: Client

  const rowsOf = async (schema: string, table: string): Promise<unknown[]> =>
    (await client.query(`SELECT to_jsonb(t) AS row FROM "${schema}"."${table}" t ORDER BY 1`)).rows
  const copied = async (file: string): Promise<{ counts: Record<string, number>; applied: string[] }> => {
    const live = await openPostgresql(url.href, migrations)
    const copy = await live.copy(join(folder, file))
    // Seen by the copy, or by nobody.
    await client.query(`UPDATE "User" SET "email" = 'later' WHERE "username" = 'last'`)
    const counts = await countRows(copy)
    const applied = await migrationsOf(copy)
    await copy.close()
    await live.close()
    return { counts, applied }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deis-rows-'))
    admin = new Client({ connectionString: server })
    await admin.connect()
    await admin.query(`CREATE DATABASE ${name}`)
    const { close } = await openDb(url.href, migrations)
    await close()
    client = new Client({ connectionString: url.href, application_name: 'deis backup' })
    await client.connect()
    await client.query(`CREATE TABLE "Foreign" ("a" TEXT); INSERT INTO "Foreign" VALUES ('theirs')`)
    await client.query(
      `INSERT INTO "User" ("username", "email", "password", "firstName", "lastName", "isSuperuser", "isActive", "lastLogin", "dateJoined")
       SELECT 'u' || n, E'line\\nbreak \\\\ "quoted" ü\\t\\u2028', '', '', NULLIF('', 'x'), n = 1, n <> 2,
         CASE WHEN n % 2 = 0 THEN timestamp '2026-11-29 03:10:00.123' END, timestamp '1999-12-31 23:59:59.999'
       FROM generate_series(1, 2500) n`,
    )
    await client.query(`UPDATE "User" SET "username" = 'last' WHERE "id" = 2400; DELETE FROM "User" WHERE "id" > 2490`)
    await client.query(
      `INSERT INTO "App" ("uuid", "id", "ownerId", "structure", "removed", "destroying", "createdAt", "updatedAt")
       VALUES ('a-1', 'tea', 1, '{"web": 1.50, "list": [null, "x"]}', 'null', false, now(), now())`,
    )
  }, 60_000)
  afterAll(async () => {
    await client?.end()
    await admin?.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await admin?.end()
    if (folder) await rm(folder, { recursive: true })
  })

  test('all rows of one moment come back in a schema beside, and take the place of those that were there', async () => {
    const before = await rowsOf('public', 'User')
    const { counts, applied } = await copied('rows')
    expect(counts['User']).toBe(2490)
    expect(Object.keys(counts)).not.toContain('Foreign')
    const beside = await openBeside(url.href, migrations, 'deis_test')
    await beside.fill(join(folder, 'rows'), applied)
    expect(await rowsOf(beside.schema, 'User')).toEqual(before)
    expect(await rowsOf(beside.schema, 'App')).toEqual(await rowsOf('public', 'App'))
    const restored = await openPostgresql(beside.url, migrations)
    expect(await countRows(restored)).toEqual(counts)
    await restored.close()
    // Only one at a time.
    await expect(openBeside(url.href, migrations, 'deis_test')).rejects.toThrow('Another program works in the schema')
    await beside.close()

    await expect(needUnused(url.href, migrations, false)).rejects.toThrow('has a platform')
    await needUnused(url.href, migrations, true)
    const names = { from: beside.schema, aside: 'deis_aside' }
    await moveIn(url.href, migrations, names)
    expect(await rowsOf('public', 'User')).toEqual(before)
    expect((await rowsOf('deis_aside', 'User')).length).toBe(2490)
    // Repeated after a kill, it changes nothing.
    await moveIn(url.href, migrations, names)
    expect(await rowsOf('public', 'User')).toEqual(before)
    // What guards the events has moved with them.
    await client.query(
      `INSERT INTO "Event" ("uuid", "at", "action", "details", "result") VALUES ('e-1', now(), 'x', '{}', 'ok'), ('e-2', now(), 'x', '{}', 'ok')`,
    )
    await expect(client.query(`UPDATE "Event" SET "action" = 'y'`)).rejects.toThrow('events are only added')
    await expect(client.query(`DELETE FROM "Event" WHERE "uuid" = 'e-2'`)).rejects.toThrow('the oldest events go first')
    await client.query(`DELETE FROM "Event"`)
    // Of another program, and numbers that were given out are not given out again.
    expect(await rowsOf('public', 'Foreign')).toEqual([{ row: { a: 'theirs' } }])
    const next = await client.query<{ id: number }>(
      `INSERT INTO "User" ("username", "email", "password", "firstName", "lastName", "isSuperuser", "isActive", "dateJoined")
       VALUES ('next', '', '', '', '', false, true, now()) RETURNING "id"`,
    )
    expect(next.rows[0]?.id).toBe(2501)
    // A controller works with it.
    const { db, close } = await openDb(url.href, migrations)
    expect(await db.user.count()).toBe(2491)
    await close()
  })

  test.each(['Deis-Prod', 'select', 'a b,\\d', 'ü'.repeat(30)])(
    'a platform in the schema %j is copied, restored beside, and moved in',
    async (schema) => {
      const own = new URL(url)
      own.searchParams.set('schema', schema)
      await client.query(`CREATE SCHEMA ${quoted(schema)}`)
      const first = await openDb(own.href, migrations)
      const at = new Date()
      await first.db.acmeAccount.create({ data: { directory: 'https://ca.test', key: 'k', createdAt: at } })
      await first.close()
      const live = await openPostgresql(own.href, migrations)
      const copy = await live.copy(join(folder, `named-${Buffer.from(schema).toString('hex')}`))
      const applied = await migrationsOf(copy)
      const counts = await countRows(copy)
      await copy.close()
      await live.close()
      const beside = await openBeside(own.href, migrations, 'deis_proof')
      await beside.fill(join(folder, `named-${Buffer.from(schema).toString('hex')}`), applied)
      const restored = await openDb(beside.url, migrations)
      expect(await restored.db.acmeAccount.count()).toBe(1)
      await restored.close()
      const proven = await openPostgresql(beside.url, migrations)
      expect(await countRows(proven)).toEqual(counts)
      await proven.close()
      await beside.close()
      await moveIn(own.href, migrations, { from: beside.schema, aside: 'deis_Aside-1' })
      const moved = await openDb(own.href, migrations)
      expect(await moved.db.acmeAccount.count()).toBe(1)
      await moved.db.event.create({ data: { uuid: 'e', at, action: 'x', details: {}, result: 'ok' } })
      await expect(moved.db.event.updateMany({ data: { action: 'y' } })).rejects.toThrow('events are only added')
      await moved.close()
      await client.query(`DROP SCHEMA ${quoted(schema)} CASCADE; DROP SCHEMA "deis_Aside-1" CASCADE`)
    },
  )

  test('rows that break a foreign key are refused, and nothing of them stays', async () => {
    await client.query('BEGIN; ALTER TABLE "Token" DISABLE TRIGGER ALL')
    await client.query(`INSERT INTO "Token" ("hash", "userId", "createdAt") VALUES ('h', 99999, now())`)
    await client.query('ALTER TABLE "Token" ENABLE TRIGGER ALL; COMMIT')
    const { applied } = await copied('broken')
    const beside = await openBeside(url.href, migrations, 'deis_test')
    try {
      await expect(beside.fill(join(folder, 'broken'), applied)).rejects.toThrow('Token_userId_fkey')
      const { rows } = await client.query(`SELECT 1 FROM pg_namespace WHERE nspname = '${beside.schema}'`)
      expect(rows).toEqual([])
    } finally {
      await beside.close()
      await client.query('DELETE FROM "Token"')
    }
  })

  test('a pooler that ignores the schema of a connection is noticed before anything is done', async () => {
    // A stand-in for PgBouncer with ignore_startup_parameters = options: the first message says another schema, as long.
    const pooler = createServer((from) => {
      const to = connect(Number(url.port || 5432), url.hostname)
      for (const socket of [from, to]) socket.on('error', () => {})
      from.once('data', (start: Buffer) => {
        to.write(start.toString('latin1').replace('="deis_test_public"', `=public${' '.repeat(12)}`), 'latin1')
        from.pipe(to).pipe(from)
      })
    }).listen(0, '127.0.0.1')
    await once(pooler, 'listening')
    const by = new URL(url)
    by.host = `127.0.0.1:${(pooler.address() as AddressInfo).port}`
    const beside = await openBeside(by.href, migrations, 'deis_test')
    try {
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${beside.schema}`)
      await (await openPostgresql(by.href, migrations)).close()
      await expect(openPostgresql(beside.url, migrations)).rejects.toThrow('did not take the connection to its schema')
    } finally {
      await beside.drop()
      await beside.close()
      pooler.close()
    }
  })

  test('a role that may not make a schema, and a database that others use, are told', async () => {
    const role = `${name}_role`
    await admin.query(`CREATE ROLE ${role} LOGIN`)
    try {
      const asRole = new URL(url)
      asRole.username = role
      const beside = await openBeside(asRole.href, migrations, 'deis_test')
      await expect(beside.fill(join(folder, 'rows'), [])).rejects.toThrow('may not make a schema')
      await beside.close()
    } finally {
      await admin.query(`DROP ROLE ${role}`)
    }
    const other = new Client({ connectionString: url.href, application_name: 'deis 1' })
    await other.connect()
    try {
      await expect(needUnused(url.href, migrations, true)).rejects.toThrow('a session "deis 1" is open')
    } finally {
      await other.end()
    }
    url.port = '1'
    await expect(openPostgresql(url.href, migrations)).rejects.toThrow('The database does not answer')
  })
})
