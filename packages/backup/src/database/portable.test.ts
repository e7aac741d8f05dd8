// Do the rows of one kind of database come back as the same in the other, and does a controller go on with them?
//   node scripts/postgres.mjs node scripts/test.mjs unit packages/backup/
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Db, openDb } from '@deis/controller/store/open'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rowsToSqlite, sqliteToRows } from './portable.ts'
import { openPostgresql } from './postgresql.ts'
import { countRows, migrationsOf } from './query.ts'
import { openBeside } from './schema.ts'
import { openSqlite } from './sqlite.ts'

const server = process.env['DATABASE_URL'] ?? ''
const migrations = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url))
const at = new Date('2026-11-29T03:10:00.100Z')
const user = (username: string, more: object = {}) => ({
  username,
  email: '',
  password: '',
  firstName: 'line\nbreak \\ "quoted" ü\t\u2028',
  lastName: '',
  isSuperuser: false,
  isActive: true,
  dateJoined: at,
  ...more,
})

async function fill(db: Db): Promise<void> {
  await db.user.create({ data: user('ann', { isSuperuser: true, lastLogin: new Date('1999-12-31T23:59:59.999Z') }) })
  await db.user.createMany({ data: Array.from({ length: 1_200 }, (_, index) => user(`u${index}`)) })
  // Its number is not given out again.
  const gone = await db.user.create({ data: user('gone') })
  await db.user.delete({ where: { id: gone.id } })
  const app = { uuid: 'a-1', id: 'tea', ownerId: 1, createdAt: at, updatedAt: at }
  const counts = { structure: { web: 1, list: [null, 'x', 1.5] }, destroying: false, autoCerts: true }
  await db.app.create({ data: { ...app, ...counts } })
  await db.grant.create({ data: { appUuid: 'a-1', userId: 2 } })
  const event = { at, action: 'x', details: { set: ['A'] }, result: 'ok', address: '::1' }
  for (const uuid of ['e-1', 'e-2']) await db.event.create({ data: { uuid, ...event } })
}

async function rowsOf(db: Db): Promise<unknown> {
  return [
    await db.user.findMany({ orderBy: { id: 'asc' } }),
    await db.app.findMany(),
    await db.grant.findMany(),
    await db.event.findMany({ orderBy: { id: 'asc' } }),
    // As texts they would be in another order, were they written in another way.
    await db.user.count({ where: { lastLogin: { lt: at } } }),
    await db.event.count({ where: { at: { gte: at } } }),
  ]
}

/** Goes on with it, as a controller of this version does. */
async function lookAt(url: string): Promise<{ rows: unknown; next: number }> {
  const { db, close } = await openDb(url, migrations)
  try {
    const rows = await rowsOf(db)
    return { rows, next: (await db.user.create({ data: user('next') })).id }
  } finally {
    await close()
  }
}

describe.skipIf(!server.startsWith('postgres'))('with a server of PostgreSQL', () => {
  const name = `deis_${randomBytes(8).toString('hex')}`
  const url = new URL(server.startsWith('postgres') ? server : 'postgres://none')
  url.pathname = `/${name}`
  let folder: string
  let admin: Client
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deis-portable-'))
    admin = new Client({ connectionString: server })
    await admin.connect()
    await admin.query(`CREATE DATABASE ${name}`)
  })
  afterAll(async () => {
    await admin?.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await admin?.end()
    if (folder) await rm(folder, { recursive: true })
  })

  test('from SQLite to PostgreSQL, and back to SQLite', async () => {
    const file = join(folder, 'first.db')
    const first = await openDb(`file:${file}`, migrations)
    await fill(first.db)
    const before = await rowsOf(first.db)
    await first.close()
    const live = await openSqlite(file)
    const copy = await live.copy(join(folder, 'copy.db'))
    const [counts, applied] = [await countRows(copy), await migrationsOf(copy)]
    await copy.close()
    await live.close()

    await sqliteToRows(join(folder, 'copy.db'), join(folder, 'rows'), migrations)
    const beside = await openBeside(url.href, migrations, 'deis_restoring')
    await beside.fill(join(folder, 'rows'), applied)
    const there = await openPostgresql(beside.url, migrations)
    expect(await countRows(there)).toEqual(counts)
    await (await there.copy(join(folder, 'rows-of-postgresql'))).close()
    await there.close()
    // One more than was ever given out.
    expect(await lookAt(beside.url)).toEqual({ rows: before, next: 1_203 })
    await beside.drop()
    await beside.close()

    const again = join(folder, 'again.db')
    await rowsToSqlite(join(folder, 'rows-of-postgresql'), again, applied, migrations)
    const back = await openSqlite(again)
    expect(await back.faults()).toBeNull()
    expect(await countRows(back)).toEqual(counts)
    await expect(back.query(`UPDATE "Event" SET "action" = 'y'`)).rejects.toThrow('events are only added')
    await back.close()
    expect(await lookAt(`file:${again}`)).toEqual({ rows: before, next: 1_203 })
  })
})

test('rows that this version does not know are refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deis-portable-'))
  const rows = async (...lines: unknown[]): Promise<string> => {
    const file = join(folder, randomBytes(4).toString('hex'))
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    return file
  }
  const into = async (...lines: unknown[]): Promise<void> =>
    rowsToSqlite(await rows(...lines), join(folder, randomBytes(4).toString('hex')), ['0001_first'], migrations)
  try {
    const head = (table: string, ...columns: string[]) => ({ table, columns, sequences: {} })
    await expect(into(head('Other', 'a'))).rejects.toThrow('the table Other is not one of this version')
    await expect(into(head('User', 'id', 'b'))).rejects.toThrow('User has no column b in this version')
    await expect(into(head('User', 'id'), ['1', '2'])).rejects.toThrow('do not have the form')
    await expect(into(['1'])).rejects.toThrow('do not have the form')
    const history = head('_prisma_migrations', 'id', 'checksum', 'migration_name')
    await expect(into(history, ['1', 'x', '0999_later'])).rejects.toThrow('0999_later is not one of this version')
  } finally {
    await rm(folder, { recursive: true })
  }
})
