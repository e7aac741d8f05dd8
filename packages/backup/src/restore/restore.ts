// How does a backup become the data folder of a platform again?
import { mkdir, open, readdir, readlink, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { lockFolder, tryLock } from '@deis/controller/store/lock'
import type { Config } from '@deis/controller/config'
import { dialectOf } from '@deis/controller/store/open'
import { restoringFolder } from '@deis/controller/store/restoring'
import { DeisError, messageOf } from '@deis/types'
import { moveIn, needUnused, openBeside } from '../database/schema.ts'
import { loadImages } from '../images.ts'
import { keyIn } from '../installation-key.ts'
import { codeOf, unless } from '../files.ts'
import type { Opening } from '../format/encryption.ts'
import { unpack } from '../format/unpack.ts'
import type { Programs } from '../programs.ts'
import { type Home, postgresqlHome, sqliteHome } from './home.ts'
import { layOut } from './layout.ts'
import { draftIn, giveTo, isEmpty, markReady, type Ready, readyOf, switchOver } from './switch.ts'

export type Restoring = {
  readonly dataDir: string
  /** On SQLite, the database is restored in the data folder. */
  readonly config: Config
  /** Called once. */
  readonly open: () => Promise<Readable>
  readonly opening: Opening
  /** Whether what is there is moved aside. */
  readonly replace: boolean
  readonly programs: Programs
  readonly now: () => Date
  readonly signal: AbortSignal
  say(line: string): void
}

export type Restored = Ready & { readonly carriedOn: boolean }

/** Processes that work in the data folder: of apps, which outlive the controller when it is only restarted. */
async function processesIn(dataDir: string): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue
    // Another user's, or it has ended.
    const cwd = await readlink(`/proc/${name}/cwd`).catch(() => '')
    if (Number(name) !== process.pid && cwd.startsWith(`${dataDir}/`)) found.push(Number(name))
  }
  return found
}

async function syncAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() && !entry.isDirectory()) continue
    const handle = await open(join(entry.parentPath, entry.name), 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

function explained(error: unknown, dataDir: string): Error {
  if (codeOf(error) !== 'ENOSPC') return error as Error
  return new DeisError('unavailable', `The disk of "${dataDir}" is full; the backup was not restored.`, {
    hint: 'Free some space, then run the same command again.',
    cause: error,
  })
}

/** Returns the schema of PostgreSQL that the database is in until it is moved; null: it is a file of the data folder. */
async function withHome(
  { config: { databaseUrl }, programs: { migrations }, replace }: Restoring,
  to: string,
  work: (home: Home) => Promise<void>,
): Promise<string | null> {
  if (dialectOf(databaseUrl) === 'sqlite') {
    await work(sqliteHome(to, migrations))
    return null
  }
  await needUnused(databaseUrl, migrations, replace)
  const beside = await openBeside(databaseUrl, migrations, 'deis_restoring')
  try {
    await work(postgresqlHome(beside, migrations))
    return beside.schema
  } catch (error) {
    // What the work failed with counts; the next restore drops it, too.
    await beside.drop().catch(() => {})
    throw error
  } finally {
    await beside.close()
  }
}

/** The name of the schema that the tables are moved to that were there. */
export const schemaOf = (replaced: string): string =>
  `deis_replaced_${replaced.slice('.replaced-'.length).toLowerCase()}`

async function switchAll({ dataDir, config: { databaseUrl }, programs }: Restoring, ready: Ready): Promise<void> {
  if (ready.schema !== null) {
    if (dialectOf(databaseUrl) === 'sqlite')
      throw new DeisError('invalid', 'The restore that was interrupted is of a platform on PostgreSQL.', {
        hint: 'Set DATABASE_URL as it was, then run the same command again.',
      })
    await moveIn(databaseUrl, programs.migrations, { from: ready.schema, aside: schemaOf(ready.replaced) })
  }
  await switchOver(dataDir, ready)
}

/** Unpacked and checked beside what is there, which has not changed when this fails. */
async function prepare(restoring: Restoring, replaces: boolean): Promise<Ready> {
  const { dataDir, config, opening, programs, now, signal, say } = restoring
  const from = join(restoringFolder(dataDir), 'unpacked')
  const to = draftIn(dataDir)
  for (const folder of [from, to]) {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { mode: 0o700 })
  }
  const manifest = await unpack(await restoring.open(), from, opening, { durable: true })
  signal.throwIfAborted()
  say(`read the backup of ${manifest.createdAt}: ${manifest.apps.length} app(s), ${manifest.files.length} files`)
  let schema: string | null
  try {
    schema = await withHome(restoring, to, async (home) => {
      await layOut({ from, to, home, manifest, migrations: programs.migrations, path: config.path, signal, found: say })
      await loadImages({ ...config, secret: await keyIn(to) }, from, manifest, { signal, say })
    })
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof DeisError || codeOf(error) !== undefined) throw error
    throw new DeisError('invalid', `The backup cannot be restored: ${messageOf(error)}.`, { cause: error })
  }
  await rm(from, { recursive: true, force: true })
  await giveTo(to, await stat(dataDir))
  await syncAll(to)
  const ready = {
    replaced: `.replaced-${now()
      .toISOString()
      .replace(/[-:]|\.\d+/g, '')}`,
    createdAt: manifest.createdAt,
    apps: manifest.apps.length,
    kept: replaces,
    schema,
  }
  await markReady(dataDir, ready)
  return ready
}

/** @throws DeisError when the folder is in use. */
async function needStopped(dataDir: string): Promise<{ release(): Promise<void> } | null> {
  if ((await unless(stat(join(dataDir, 'state')), 'ENOENT', null)) === null) return null
  let lock: { release(): Promise<void> }
  try {
    lock = await lockFolder(join(dataDir, 'state'))
  } catch (error) {
    throw new DeisError('conflict', `The platform in "${dataDir}" is running: ${messageOf(error).split(':', 1)[0]}.`, {
      hint: 'Stop it first, with its apps: Ctrl-C of npm start, or SIGINT for the controller.',
      cause: error,
    })
  }
  const [pid] = await processesIn(dataDir)
  if (pid === undefined) return lock
  await lock.release()
  throw new DeisError('conflict', `Processes of apps in "${dataDir}" are running, such as ${pid}.`, {
    hint: 'Stop the platform with its apps: Ctrl-C of npm start, or SIGINT for the controller.',
  })
}

/** @throws DeisError; then what was in the data folder is there as it was. */
export async function restore(restoring: Restoring): Promise<Restored> {
  const { dataDir, replace } = restoring
  await mkdir(dataDir, { recursive: true, mode: 0o755 })
  const empty = await isEmpty(dataDir)
  const begun = await readyOf(dataDir)
  if (begun === null && !empty && !replace)
    throw new DeisError('conflict', `"${dataDir}" is not empty, so nothing was restored into it.`, {
      hint: 'Use --replace to move what is there aside, or --to with an empty folder.',
    })
  const folder = restoringFolder(dataDir)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = await tryLock(join(folder, 'lock'))
  if (lock === null) throw new DeisError('conflict', `Another restore into "${dataDir}" is running.`)
  try {
    if (begun !== null) {
      await switchAll(restoring, begun)
      return { ...begun, carriedOn: true }
    }
    let running: { release(): Promise<void> } | null = null
    let ready: Ready
    try {
      running = await needStopped(dataDir)
      ready = await prepare(restoring, !empty)
    } catch (error) {
      await running?.release()
      await rm(folder, { recursive: true, force: true })
      throw explained(error, dataDir)
    }
    try {
      await switchAll(restoring, ready)
    } finally {
      await running?.release()
    }
    return { ...ready, carriedOn: false }
  } finally {
    lock.release()
  }
}
