// How is the state of a platform copied that goes on working, so that all parts belong together?
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DeisError, platformVersion } from '@deis/types'
import { openLive } from '../database/open.ts'
import { countRows, type Database, migrationsOf, type Query } from '../database/query.ts'
import { isOfEngine, isOfOwnRegistry, saveImages } from '../images.ts'
import { keyIn } from '../installation-key.ts'
import { saveRegistryImages } from '../registry-images.ts'
import { namesIn, sha256Of } from '../files.ts'
import {
  bundleOf,
  databaseFile,
  type Manifest,
  type ManifestFile,
  manifestName,
  type RegistryImage,
} from '../format/manifest.ts'
import type { Platform } from '../platform.ts'
import { appIds, neededArtifacts, neededSlugs, storedApps } from './apps.ts'
import { leftOut } from './left-out.ts'
import { copyRepositories, type Repository } from './repositories.ts'
import { holdSlugs, releaseSlugs } from './slugs.ts'

/** What the platform encrypts with, and what it is known by. */
async function copyKeys(platform: Platform, folder: string): Promise<void> {
  const from = join(platform.dataDir, 'keys')
  const to = join(folder, 'keys')
  await mkdir(to, { recursive: true, mode: 0o700 })
  for (const entry of await readdir(from, { withFileTypes: true }).catch(() => []))
    if (entry.isFile() && /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(entry.name) && !entry.name.endsWith('.partial'))
      await copyFile(join(from, entry.name), join(to, entry.name))
  // An operator who gives the key in a setting would otherwise have a backup that nobody can read.
  if (platform.secretKey !== null)
    await writeFile(join(to, 'secret.key'), `${platform.secretKey.toString('hex')}\n`, { mode: 0o600 })
  if (!(await namesIn(to)).includes('secret.key'))
    throw new DeisError('not_found', `There is no "secret.key" in "${from}", so a backup could not be read.`)
}

async function filesOf(folder: string, kind: Database['kind'], signal: AbortSignal): Promise<ManifestFile[]> {
  const paths: string[] = [databaseFile[kind]]
  for (const part of ['keys', 'repos', 'slugs', 'images', 'blobs'])
    paths.push(...(await namesIn(join(folder, part))).toSorted().map((name) => `${part}/${name}`))
  const files: ManifestFile[] = []
  for (const path of paths) files.push({ path, ...(await sha256Of(join(folder, path), signal)) })
  const changed = files.find(({ path, sha256 }) => path.startsWith('slugs/') && path !== `slugs/${sha256}.tgz`)
  if (changed)
    throw new DeisError('unavailable', `The slug "${changed.path}" is damaged: its content does not match its name.`, {
      hint: 'Push its app again to build it, and delete the file.',
    })
  return files
}

type Circumstances = {
  readonly migrations: string
  readonly now: Date
  readonly signal: AbortSignal
  say(line: string): void
}

type Images = { readonly ids: readonly string[]; readonly registry: readonly RegistryImage[] }

async function copyImages(
  { images }: Platform,
  query: Query,
  folder: string,
  circumstances: Circumstances,
): Promise<Images> {
  if (images === null || images.which === 'none') return { ids: [], registry: [] }
  const wanted = [...(await neededArtifacts(query, images.which))]
  const ids = await saveImages(images.engine, new Set(wanted.filter(isOfEngine)), folder, circumstances)
  const pushed = wanted.filter((artifact) => isOfOwnRegistry(images.engine, artifact))
  const where = { docker: images.engine, secret: await keyIn(folder) }
  return { ids, registry: await saveRegistryImages(where, pushed, folder, circumstances) }
}

type Copied = {
  readonly database: Database
  readonly repositories: ReadonlyMap<string, Repository>
  readonly images: Images
}

async function describe(
  platform: Platform,
  folder: string,
  copied: Copied,
  now: Date,
): Promise<Omit<Manifest, 'files'>> {
  const { database, repositories, images } = copied
  const apps = await storedApps(database.query)
  return {
    format: database.kind === 'sqlite' && images.ids.length + images.registry.length === 0 ? 1 : 2,
    platform: platformVersion,
    createdAt: now.toISOString(),
    host: hostname(),
    scheduler: platform.scheduler,
    database: database.kind,
    schema: await migrationsOf(database),
    tables: await countRows(database),
    apps: apps.map((app) => ({ ...app, repository: repositories.get(app.uuid) ?? null })),
    ...(images.ids.length > 0 ? { images: [...images.ids] } : {}),
    ...(images.registry.length > 0 ? { registry: [...images.registry] } : {}),
    leftOut: leftOut(platform, apps, [...images.ids, ...images.registry.map(({ reference }) => reference)]),
  }
}

/**
 * The order makes it consistent without stopping anything. Slugs are held before and after the database is copied, so every slug
 * that the copy names is there. Repositories come first: what one has, the database has too, because a push is deployed before its
 * ref moves.
 */
export async function takeSnapshot(
  platform: Platform,
  folder: string,
  circumstances: Circumstances,
): Promise<Manifest> {
  const { migrations, signal } = circumstances
  const slugFolder = join(platform.dataDir, 'slugs')
  const held = join(folder, 'slugs')
  const live = await openLive(platform.databaseUrl, migrations)
  try {
    const before = await appIds(live.query)
    const repositories = await copyRepositories(platform.git, [...before.values()], folder, signal)
    await holdSlugs(slugFolder, held)
    signal.throwIfAborted()
    const database = await live.copy(join(folder, databaseFile[live.kind]))
    try {
      await holdSlugs(slugFolder, held)
      await copyKeys(platform, folder)
      await releaseSlugs(held, await neededSlugs(database.query, platform.slugs))
      const after = await appIds(database.query)
      // Only of the same app: an id may belong to another one by now.
      const same = [...before].filter(([uuid, id]) => after.get(uuid) === id && repositories.has(id))
      const bundles = new Set(same.map(([, id]) => bundleOf(id)))
      await releaseSlugs(join(folder, 'repos'), new Set([...bundles].map((path) => path.slice('repos/'.length))))
      const byUuid = new Map(same.map(([uuid, id]) => [uuid, repositories.get(id) as Repository]))
      const images = await copyImages(platform, database.query, folder, circumstances)
      const described = await describe(platform, folder, { database, repositories: byUuid, images }, circumstances.now)
      const manifest: Manifest = { ...described, files: await filesOf(folder, live.kind, signal) }
      await writeFile(join(folder, manifestName), JSON.stringify(manifest), { mode: 0o600 })
      return manifest
    } finally {
      await database.close()
    }
  } finally {
    await live.close()
  }
}
