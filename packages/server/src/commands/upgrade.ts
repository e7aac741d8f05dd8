// How does a newer release take the place of the one that runs, and go back by itself when it does not come up?
import { readdir, readlink, rm, stat, statfs } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { messageOf } from '@deis/types'
import { Command, Option } from 'commander'
import { putRelease, readRelease } from '../act/release.ts'
import { Failure } from '../failure.ts'
import { readSettings } from '../install/choose.ts'
import { readEnv } from '../install/env-file.ts'
import type { Io } from '../io.ts'
import { controllerUnit, layout, routerUnit } from '../layout.ts'
import { ask } from '../machine/ask.ts'
import { pauseController, resumeController } from '../upgrade/pause.ts'
import { bringBackDatabase, bringBackSettings, type Copy, makeCopy, sizeOf } from '../upgrade/copy.ts'
import { databaseFile, newMigrations, outdated } from '../upgrade/rules.ts'
import { findRelease } from '../upgrade/source.ts'
import { upgradeSeconds, usualSeconds, waitOption } from './wait.ts'

type UpgradeOptions = { readonly sha256?: string; readonly databaseIsBackedUp?: boolean; readonly wait: number }

const kept = 3
/** Beside its waiting for the API, at the controller and through the router. */
const installMs = 180_000
const leastFree = 1024 ** 3

const migrationsOf = async (release: string, dialect: string): Promise<string[]> =>
  readdir(join(release, 'controller/migrations', dialect)).catch(() => [])

/** What the controller of this release does to the machine is its own affair: its own program installs it. */
async function installFrom(release: string, seconds: number): Promise<string | null> {
  const program = [join(release, 'bin/node'), join(release, 'server/main.js')] as const
  const { code, stdout, stderr } = await ask(
    [...program, 'install', `--wait=${seconds}`],
    installMs + 2 * seconds * 1000,
  )
  return code === 0 ? null : (stderr.trim() || stdout.trim()).slice(-2000)
}

async function journal(): Promise<string> {
  const units = [controllerUnit, routerUnit].flatMap((unit) => ['--unit', unit])
  const { stdout } = await ask(['journalctl', '--no-pager', '--lines=15', '--output=cat', ...units])
  return stdout.trim()
}

type Upgrade = {
  readonly old: string
  readonly next: string
  readonly copy: Copy
  /** Names. */
  readonly migrations: readonly string[]
}

/** Everything is as before, or the reason why not is thrown. */
async function goBack({ old, copy, migrations }: Upgrade, io: Io): Promise<void> {
  // Also when it was cancelled.
  await pauseController('SIGTERM', { out: io.out, signal: new AbortController().signal })
  await bringBackSettings(copy)
  // Without new migrations what was written meanwhile is kept.
  if (migrations.length > 0) await bringBackDatabase(copy)
  // How long the new one may take says nothing of it.
  const problem = await installFrom(old, usualSeconds)
  if (problem === null) return io.err(`${basename(old)} runs again, with the database as it was.`)
  throw new Failure(
    `The upgrade failed, and ${basename(old)} does not come up again either: ${problem}`,
    `The database as it was is in ${copy.folder}. See: journalctl -u ${controllerUnit}`,
  )
}

async function removeOutdated(inUse: readonly string[]): Promise<void> {
  for (const folder of [layout.releases, join(layout.data, 'backups')]) {
    const names = (await readdir(folder).catch(() => [])).filter((name) =>
      folder === layout.releases ? !name.startsWith('.') : name.startsWith('before-'),
    )
    const found = await Promise.all(
      names.map(async (name) => ({ name, time: (await stat(join(folder, name))).ctimeMs })),
    )
    for (const name of outdated(found, inUse, kept)) await rm(join(folder, name), { recursive: true, force: true })
  }
}

async function refuseWithoutSpace(database: string | null): Promise<void> {
  const needed = leastFree + 3 * (await sizeOf(database))
  const { bavail, bsize } = await statfs(layout.data)
  if (bavail * bsize < needed)
    throw new Failure(
      `An upgrade needs ${Math.ceil(needed / 1024 ** 2)} MB of free disk space in ${layout.data}, and nothing was changed.`,
    )
}

export async function upgrade(
  path: string,
  { sha256, databaseIsBackedUp, wait }: UpgradeOptions,
  io: Io,
): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new Failure('Only root can do this, and nothing was changed: repeat it with sudo.')
  const old = await readlink(layout.current).catch(() => null)
  if (old === null) throw new Failure('The platform is not installed on this machine: see deis-server install --help')
  const settings = readEnv((await readSettings('')).controller)
  const database = databaseFile(settings.get('DATABASE_URL'), settings.get('DEIS_DATA_DIR') ?? layout.data)
  if (database === null && databaseIsBackedUp !== true)
    throw new Failure(
      'The database is on a server, which this program does not back up, and nothing was changed.',
      'Back it up (pg_dump), then repeat this with --database-is-backed-up',
    )
  await refuseWithoutSpace(database)
  const { folder, node, unpacked } = await findRelease(path, sha256, io)
  const { name } = await readRelease(folder)
  const next = join(layout.releases, name)
  if (next !== old) await putRelease(folder, next, node)
  if (unpacked !== null) await rm(unpacked, { recursive: true, force: true })
  if (next === old) return io.out(`${name} is what runs already; to repair it: deis-server install`)
  const dialect = database === null ? 'postgresql' : 'sqlite'
  const migrations = newMigrations(await migrationsOf(old, dialect), await migrationsOf(next, dialect))
  io.out(`upgrading from ${basename(old)} to ${name}, with ${migrations.length} new migrations; apps run on`)

  try {
    await pauseController('SIGUSR2', io)
    const copy = await makeCopy(database, name, new Date())
    io.out(`database and settings are copied to ${copy.folder}`)
    io.out(`installing ${name}, and waiting up to ${wait} s for its API, then for the router`)
    const problem = await installFrom(next, wait).catch(messageOf)
    if (problem === null) {
      await removeOutdated([basename(old), name])
      return io.out(`${name} runs.`)
    }
    io.err(`${name} does not come up: ${problem}\n${await journal()}\nGoing back to ${basename(old)}.`)
    await goBack({ old, next, copy, migrations }, io)
    await rm(next, { recursive: true, force: true })
    throw new Failure(`The upgrade to ${name} failed, and ${basename(old)} runs as before.`)
  } finally {
    await resumeController()
  }
}

export const backedUpOption = (): Option =>
  new Option('--database-is-backed-up', 'upgrade although the database is on a server, which only you can back up')

export function upgradeCommand(io: Io): Command {
  return new Command('upgrade')
    .description('take the release of a newer checkout or tarball; goes back by itself if that does not come up')
    .argument('[path]', 'folder of the checkout, or the tarball', '.')
    .option('--sha256 <sum>', 'what the tarball must have')
    .addOption(backedUpOption())
    .addOption(waitOption(upgradeSeconds))
    .action((path: string, options: UpgradeOptions) => upgrade(path, options, io))
}
