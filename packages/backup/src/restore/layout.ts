// How does what was unpacked become a data folder?
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { readMigrations } from '@deis/controller/store/migrate'
import type { Git } from '@deis/git/git'
import { messageOf } from '@deis/types'
import { countRows, migrationsOf } from '../database/query.ts'
import { openSecrets } from '../database/secrets.ts'
import { bundleOf, databaseFile, type Manifest } from '../format/manifest.ts'
import { slugName } from '../snapshot/apps.ts'
import { readSlug } from '../proof/slugs.ts'
import { namesIn } from '../files.ts'
import { checkImages } from '../images.ts'
import { keyIn } from '../installation-key.ts'
import { checkRegistryImages } from '../registry-images.ts'
import type { Home } from './home.ts'
import { unbundle } from './repositories.ts'

export type Whole = {
  /** What was unpacked; its files are moved away. */
  readonly from: string
  /** The data folder, still empty. */
  readonly to: string
  readonly home: Home
  readonly manifest: Manifest
  /** Of this version of Deis. */
  readonly migrations: string
  /** The PATH that git is looked for in. */
  readonly path: string
  readonly signal: AbortSignal
  /** Called with what was found to be right. */
  found(line: string): void
}

/** A version that does not know all migrations would lose what they added. */
async function settleDatabase({ from, home, manifest, migrations, found }: Whole): Promise<void> {
  const known = new Set((await readMigrations(migrations, home.kind)).map(({ name }) => name))
  const unknown = manifest.schema.find((name) => !known.has(name))
  if (unknown !== undefined)
    throw new Error(`the database is of a newer version of Deis (${unknown}); use that version`)
  await home.settle(join(from, databaseFile[manifest.database]), manifest.database, manifest.schema)
  if (manifest.database !== home.kind) found(`rows: brought from ${nameOf[manifest.database]} to ${nameOf[home.kind]}`)
}

const nameOf: Readonly<Record<Manifest['database'], string>> = { sqlite: 'SQLite', postgresql: 'PostgreSQL' }

async function checkDatabase({ to, home, manifest, migrations, found }: Whole): Promise<void> {
  const database = await home.open()
  try {
    const faults = await database.faults()
    if (faults !== null) throw new Error(`the database is damaged: ${faults}`)
    const counts = await countRows(database)
    for (const [table, rows] of Object.entries(manifest.tables))
      if (counts[table] !== rows) throw new Error(`the table ${table} has ${counts[table] ?? 'no'} rows, not ${rows}`)
    found(
      `database: ${Object.values(counts).reduce((sum, rows) => sum + rows, 0)} rows in ${Object.keys(counts).length} tables, no faults`,
    )
    const known = new Set((await readMigrations(migrations, home.kind)).map(({ name }) => name))
    const unknown = (await migrationsOf(database)).find((name) => !known.has(name))
    if (unknown !== undefined)
      throw new Error(`the database is of a newer version of Deis (${unknown}); use that version`)
    found('migrations: all known')
    found(`secrets: ${await openSecrets(database, await keyIn(to))} values decrypt`)
  } finally {
    await database.close()
  }
}

async function makeRepositories({ from, to, manifest, path, signal, found }: Whole): Promise<void> {
  const git: Git = { program: 'git', path, folder: join(to, 'repos') }
  await mkdir(git.folder, { recursive: true, mode: 0o700 })
  const apps = manifest.apps.filter(({ repository }) => repository !== null)
  for (const app of apps)
    try {
      await unbundle(git, app, join(from, bundleOf(app.id)), signal)
    } catch (error) {
      signal.throwIfAborted()
      throw new Error(`the repository of "${app.id}" is not whole: ${messageOf(error)}`, { cause: error })
    }
  found(`repositories: ${apps.length} whole`)
}

async function checkSlugs({ to, manifest, signal, found }: Whole): Promise<void> {
  const folder = join(to, 'slugs')
  const names = await namesIn(folder)
  for (const name of names)
    try {
      await readSlug(join(folder, name), signal)
    } catch (error) {
      signal.throwIfAborted()
      throw new Error(`the slug ${name} cannot be read: ${messageOf(error)}`, { cause: error })
    }
  const there = new Set(names)
  for (const { id, version, artifact } of manifest.apps) {
    const name = artifact === null ? null : slugName(artifact)
    // On other backends such a digest is an image of the engine.
    if (manifest.scheduler === 'process' && name !== null && !there.has(name))
      throw new Error(`the slug of "${id}" v${version} is missing: push the app again to build it`)
  }
  found(`slugs: ${names.length} readable`)
}

/** Makes the data folder, and checks every part of it. @throws with what is not right. */
export async function layOut(whole: Whole): Promise<void> {
  const { from, to } = whole
  await mkdir(join(from, 'slugs'), { recursive: true, mode: 0o700 })
  await settleDatabase(whole)
  await rename(join(from, 'keys'), join(to, 'keys'))
  await rename(join(from, 'slugs'), join(to, 'slugs'))
  await checkDatabase(whole)
  await makeRepositories(whole)
  await checkSlugs(whole)
  const images = await checkImages(from, whole.manifest, whole.signal)
  if (images !== null) whole.found(images)
  const pushed = checkRegistryImages(whole.manifest)
  if (pushed !== null) whole.found(pushed)
}
