// Is the database migrated to its schema, does it keep data, and does it refuse what it must?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaPg } from '@prisma/adapter-pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrations, testDatabase } from '../http/fixture.ts'
import { createVault, hashPassword, hashToken, newToken, sameSecret, secretFile, verifyPassword } from './crypto.ts'
import { lockFolder } from './lock.ts'
import { migrate, readMigrations } from './migrate.ts'
import { type AdapterFactory, dialectOf, openDb } from './open.ts'

// The tool that writes migrations is a script, so that it needs no build; its types are plain.
const { sqlBetween } = (await import(fileURLToPath(new URL('../../../../scripts/migration.mjs', import.meta.url)))) as {
  sqlBetween(dialect: string, from: string | null, to: string): Promise<string>
}

let folder: string
let database: Awaited<ReturnType<typeof testDatabase>>
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-store-'))
  database = await testDatabase(folder)
})
afterEach(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

const factoryOf = (url: string): AdapterFactory =>
  dialectOf(url) === 'sqlite' ? new PrismaLibSql({ url }) : new PrismaPg({ connectionString: url })

/** Tables, columns, indexes and foreign keys as the database itself tells them. */
async function catalog(url: string): Promise<string[]> {
  const ours = `m.name NOT LIKE 'sqlite_%' AND m.name <> '_prisma_migrations'`
  const sql =
    dialectOf(url) === 'sqlite'
      ? [
          // Not the statements: an added column stands elsewhere in them.
          `SELECT m.name AS t, m.sql LIKE '%AUTOINCREMENT%' AS counted, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND ${ours}`,
          `SELECT m.name AS t, f."from", f."table", f."to", f.on_update, f.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' AND ${ours}`,
          `SELECT m.name, m.sql FROM sqlite_master m WHERE m.type = 'index' AND ${ours}`,
        ]
      : [
          `SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'`,
          `SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'`,
          `SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> '_prisma_migrations'`,
        ]
  const adapter = await factoryOf(url).connect()
  try {
    const results = await Promise.all(sql.map((one) => adapter.queryRaw({ sql: one, args: [], argTypes: [] })))
    return results.flatMap(({ rows }) => rows.map((row) => JSON.stringify(row))).toSorted()
  } finally {
    await adapter.dispose()
  }
}

describe('migrations', () => {
  it('equal the schema', async () => {
    const dialect = dialectOf(database.url)
    await migrate(factoryOf(database.url), dialect, await readMigrations(migrations, dialect))
    const migrated = await catalog(database.url)
    const fresh = await testDatabase(await mkdtemp(join(folder, 'fresh-')))
    try {
      process.env.DATABASE_URL ??= ''
      const schema = await readFile(join(migrations, '../schema.prisma'), 'utf8')
      const adapter = await factoryOf(fresh.url).connect()
      await adapter.executeScript(await sqlBetween(dialect, null, schema))
      await adapter.dispose()
      expect(migrated).toEqual(await catalog(fresh.url))
      expect(migrated.length).toBeGreaterThan(10)
    } finally {
      await fresh.drop()
    }
  })

  it('are applied once, also by two controllers at the same moment', async () => {
    const dialect = dialectOf(database.url)
    const all = await readMigrations(migrations, dialect)
    const first =
      dialect === 'sqlite'
        ? [await migrate(factoryOf(database.url), dialect, all)]
        : await Promise.all([1, 2].map(() => migrate(factoryOf(database.url), dialect, all)))
    expect(first.flat()).toEqual(all.map(({ name }) => name))
    expect(await migrate(factoryOf(database.url), dialect, all)).toEqual([])
  })

  it('keep what is stored', async () => {
    const dialect = dialectOf(database.url)
    const all = await readMigrations(migrations, dialect)
    await migrate(factoryOf(database.url), dialect, all.slice(0, 2))
    const adapter = await factoryOf(database.url).connect()
    try {
      await adapter.executeScript(`
        INSERT INTO "User" ("id", "username", "email", "password", "firstName", "lastName", "isSuperuser", "isActive", "dateJoined")
          VALUES (1, 'ann', '', '', '', '', false, true, '2026-01-02T03:04:05Z');
        INSERT INTO "App" ("uuid", "id", "ownerId", "structure", "destroying", "createdAt", "updatedAt")
          VALUES ('u', 'tea', 1, '{}', false, '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z');
        INSERT INTO "Domain" ("id", "domain", "appUuid", "owner", "createdAt", "updatedAt")
          VALUES (7, 'tea', 'u', 'ann', '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z');`)
    } finally {
      await adapter.dispose()
    }
    const { db, close } = await openDb(database.url, migrations)
    try {
      expect(await db.domain.findMany()).toMatchObject([{ id: 7, domain: 'tea', appUuid: 'u', certificateId: null }])
      await db.app.delete({ where: { uuid: 'u' } })
      expect(await db.domain.count()).toBe(0)
    } finally {
      await close()
    }
  })

  it('change nothing when one of them fails', async () => {
    const dialect = dialectOf(database.url)
    const all = await readMigrations(migrations, dialect)
    const bad = { name: '9999_bad', sql: 'CREATE TABLE "Half" ("id" TEXT);\nTHIS IS NOT SQL;\n', checksum: 'x' }
    await expect(migrate(factoryOf(database.url), dialect, [...all, bad])).rejects.toThrow()
    expect(await catalog(database.url)).toEqual([])
    expect(await migrate(factoryOf(database.url), dialect, all)).toHaveLength(all.length)
  })

  it('refuse a database of another history', async () => {
    const dialect = dialectOf(database.url)
    const all = await readMigrations(migrations, dialect)
    await migrate(factoryOf(database.url), dialect, all)
    await expect(migrate(factoryOf(database.url), dialect, [])).rejects.toThrow('migrated by a newer version')
    await expect(
      migrate(
        factoryOf(database.url),
        dialect,
        all.map((one) => ({ ...one, checksum: 'other' })),
      ),
    ).rejects.toThrow('applied with other content')
  })
})

describe('the open database', () => {
  it('reads rows without the engine of Prisma', async () => {
    const { db, read, close } = await openDb(database.url, migrations)
    const names = ['ann', "o'neil", 'eve']
    const now = new Date('2026-01-02T03:04:05Z')
    const others = { email: '', password: '', firstName: '', lastName: '', isSuperuser: false, isActive: true }
    try {
      for (const username of names) await db.user.create({ data: { username, ...others, dateJoined: now } })
      const found = await read<{ username: string; dateJoined: string }>`
        SELECT "username", "dateJoined" FROM "User" WHERE "username" <> ${'eve'} ORDER BY "username" DESC LIMIT ${1}`
      expect(found).toHaveLength(1)
      expect(found[0]?.username).toBe("o'neil")
      expect(new Date(found[0]?.dateJoined ?? '')).toEqual(now)
      expect(await read`SELECT 1 AS "one" FROM "User" WHERE "username" = ${"' OR 1=1 --"}`).toEqual([])
    } finally {
      await close()
    }
  })

  it('keeps an outside write that happens while a transaction is open and rolled back', async () => {
    const { db, close } = await openDb(database.url, migrations)
    const user = (username: string) => ({
      username,
      email: '',
      password: '',
      firstName: '',
      lastName: '',
      isSuperuser: false,
      isActive: true,
      dateJoined: new Date(),
    })
    try {
      const [inside, outside] = await Promise.allSettled([
        db.$transaction(async (tx) => {
          await tx.user.create({ data: user('inside') })
          throw new Error('rolled back')
        }),
        db.user.create({ data: user('outside') }),
      ])
      expect([inside.status, outside.status]).toEqual(['rejected', 'fulfilled'])
      expect((await db.user.findMany()).map(({ username }) => username)).toEqual(['outside'])
    } finally {
      await close()
    }
  })
})

describe('the vault', () => {
  const vault = createVault(Buffer.alloc(32, 7))
  it('opens what it sealed, for the same purpose and key only', () => {
    const sealed = vault.seal('config', 'grüße')
    expect(vault.open('config', sealed)).toBe('grüße')
    expect(sealed).not.toContain('grüße')
    expect(vault.seal('config', 'grüße')).not.toBe(sealed)
    expect(() => vault.open('registry', sealed)).toThrow()
    expect(() => createVault(Buffer.alloc(32, 8)).open('config', sealed)).toThrow()
    const changed = Buffer.from(sealed)
    changed[20] = changed[20] === 65 ? 66 : 65
    expect(() => vault.open('config', changed.toString())).toThrow()
  })

  it('makes its key file once, for its own user only', async () => {
    const file = join(folder, 'keys/secret.key')
    const key = await secretFile(file)
    expect(key).toHaveLength(32)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await secretFile(file)).toEqual(key)
    await writeFile(file, 'cut off')
    await expect(secretFile(file)).rejects.toThrow('restore it from your backup')
  })
})

describe('passwords and tokens', () => {
  it('verify', async () => {
    const stored = await hashPassword('päss')
    expect(await verifyPassword('päss', stored)).toBe(true)
    expect(await verifyPassword('pass', stored)).toBe(false)
    expect(await verifyPassword('päss', 'md5$nonsense')).toBe(false)
    expect(newToken()).toMatch(/^[0-9a-f]{40}$/)
    expect(hashToken('a')).not.toBe(hashToken('b'))
    expect([sameSecret('a', 'a'), sameSecret('a', 'ab')]).toEqual([true, false])
  })
})

describe('the data folder', () => {
  it('belongs to one living controller at a time', async () => {
    const first = await lockFolder(folder)
    await expect(lockFolder(folder)).rejects.toThrow(`in use by the controller with pid ${process.pid}`)
    await first.release()
    // A controller that was killed leaves the file: what it says is of no matter.
    await writeFile(join(folder, 'controller.pid'), `${process.pid}\n`)
    await (await lockFolder(folder)).release()
  })

  it('is waited for where the holder may be ending', async () => {
    const first = await lockFolder(folder)
    let waits = 0
    const second = lockFolder(folder, { seconds: 30, waits: () => (waits += 1) })
    await expect.poll(() => waits).toBe(1)
    await first.release()
    await (await second).release()
    expect(waits).toBe(1)
  })

  it.skipIf(process.getuid?.() !== 0)('is held between containers, where every controller has pid 1', async () => {
    const program = `import { lockFolder } from ${JSON.stringify(fileURLToPath(new URL('lock.ts', import.meta.url)))}
      await lockFolder(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000)`
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', program]
    const other = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', '--', ...node], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const [said] = (await once(other.stdout, 'data')) as [Buffer]
      expect(String(said)).toBe('held\n')
      await expect(lockFolder(folder)).rejects.toThrow('in use by the controller with pid 1:')
    } finally {
      const ended = once(other, 'exit')
      other.kill('SIGKILL')
      await ended
    }
    await (await lockFolder(folder, { seconds: 5, waits: () => {} })).release()
  })
})
