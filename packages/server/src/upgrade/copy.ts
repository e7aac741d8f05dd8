// How is the database kept before an upgrade, with the settings, and brought back?
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Failure } from '../failure.ts'
import { layout } from '../layout.ts'

export type Copy = {
  readonly folder: string
  /** Null: on a server. */
  readonly database: string | null
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

async function copyWhole(from: string, to: string): Promise<void> {
  await copyFile(from, to)
  const file = await open(to, 'r')
  await file.sync()
  await file.close()
  if ((await hashOf(from)) !== (await hashOf(to)))
    throw new Failure(`${from} could not be copied to ${to}: they differ`)
}

/** The database is up to three files, which belong together. */
const parts = (database: string): string[] => [database, `${database}-wal`, `${database}-shm`]

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) !== null

/** Bytes. */
export async function sizeOf(database: string | null): Promise<number> {
  if (database === null) return 0
  const sizes = await Promise.all(parts(database).map(async (path) => (await stat(path).catch(() => null))?.size ?? 0))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** While no controller runs. */
export async function makeCopy(database: string | null, name: string, now: Date): Promise<Copy> {
  const time = now.toISOString().replaceAll(/[:.]/g, '-')
  const folder = join(layout.data, 'backups', `before-${name}-${time}`)
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 })
  const next = `${folder}.new`
  await mkdir(next, { mode: 0o700 })
  for (const file of database === null ? [] : parts(database))
    if (await exists(file)) await copyWhole(file, join(next, basename(file)))
  for (const file of (await readdir(layout.settings)).filter((name) => name.endsWith('.env')))
    await copyWhole(join(layout.settings, file), join(next, file))
  await rename(next, folder)
  return { folder, database }
}

export async function bringBackSettings({ folder }: Copy): Promise<void> {
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.env')))
    await copyFile(join(folder, file), join(layout.settings, file))
}

/** While no controller runs. */
export async function bringBackDatabase({ folder, database }: Copy): Promise<void> {
  if (database === null) return
  for (const file of parts(database)) {
    const kept = join(folder, basename(file))
    if (await exists(kept)) await copyWhole(kept, file)
    else await rm(file, { force: true })
  }
}
