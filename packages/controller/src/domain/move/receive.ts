// How does an archive arrive: within which bounds, in which order, and is each file what the manifest says?
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Check, Errors } from 'typebox/value'
import { messageOf } from '@deis/types'
import { type EntryName, entryNames, formatName, formatVersion, limits, Manifest, manifestName } from './format.ts'
import { parseRecords } from './records.ts'
import type { AppRecords } from './format.ts'
import { invalidArchive, readTar, type TarReader } from './tar.ts'

/** A sender that sends nothing for so long has gone. */
const silenceMs = 60_000

export type Bounds = Readonly<Record<EntryName, number>>

export type Received = {
  readonly manifest: Manifest
  readonly records: AppRecords
  /** Where a file is; null: the archive has none of that name. */
  file(name: EntryName): string | null
}

async function readAll(tar: TarReader, path: string, most: number): Promise<Buffer> {
  const size = await tar.open(path)
  if (size > most) throw invalidArchive(`${path} in it is larger than ${most / 1024} KB`)
  const parts: Buffer[] = []
  await tar.content(size, (part) => void parts.push(part))
  return Buffer.concat(parts)
}

/** @throws DeisError invalid */
function readManifest(text: string): Manifest {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw invalidArchive(`its manifest is not JSON (${messageOf(error)})`, error)
  }
  const { format, version } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  if (format !== formatName) throw invalidArchive('it is not an archive of deis apps:export')
  if (version !== formatVersion)
    throw invalidArchive(
      `it has format ${JSON.stringify(version)?.slice(0, 40)}, and this platform knows format ${formatVersion} only. Export the app again from a platform of the same version, or upgrade this one`,
    )
  if (!Check(Manifest, value)) {
    const [first] = Errors(Manifest, value)
    throw invalidArchive(`its manifest is invalid (${first?.instancePath ?? ''} ${first?.message ?? ''})`)
  }
  const { platform, app, from, scheduler, machine } = value
  for (const [key, text] of Object.entries({ platform, app, from, scheduler, machine }))
    if (/\p{Cc}|\p{Surrogate}/u.test(text))
      throw invalidArchive(`its manifest is invalid (/${key} contains control characters)`)
  const names = value.files.map(({ name }) => name)
  const ordered = entryNames.filter((name) => names.includes(name))
  if (names[0] !== 'records.jsonl' || names.join() !== ordered.join())
    throw invalidArchive('its manifest names files twice, or in another order than that of the format')
  return value
}

/** Files are stored as they arrive, and are whole when this returns. */
async function storeFile(
  tar: TarReader,
  folder: string,
  { name, size, sha256 }: Manifest['files'][number],
): Promise<void> {
  if ((await tar.open(name)) !== size) throw invalidArchive(`${name} in it has not the size that its manifest says`)
  const hash = createHash('sha256')
  const handle = await open(join(folder, name), 'wx', 0o600)
  try {
    await tar.content(size, async (part) => {
      hash.update(part)
      await handle.writeFile(part)
    })
  } finally {
    await handle.close()
  }
  if (hash.digest('hex') !== sha256)
    throw invalidArchive(`${name} in it has been changed or damaged: its checksum is not that of the manifest`)
}

/**
 * `accept` gets what the archive says about the app before the large files arrive, and may refuse it.
 * @throws DeisError invalid
 */
export async function receive(
  source: Readable,
  folder: string,
  bounds: Bounds,
  accept: (manifest: Manifest, records: AppRecords) => Promise<void>,
): Promise<Received> {
  const tar = readTar(source, silenceMs)
  try {
    const manifest = readManifest((await readAll(tar, manifestName, limits.manifestBytes)).toString('utf8'))
    for (const { name, size } of manifest.files)
      if (size > bounds[name])
        throw invalidArchive(
          `${name} in it has ${Math.ceil(size / 2 ** 20)} MB, and this platform allows ${Math.floor(bounds[name] / 2 ** 20)} MB`,
        )
    let records: AppRecords | null = null
    for (const file of manifest.files) {
      await storeFile(tar, folder, file)
      if (records !== null) continue
      records = await parseRecords(join(folder, file.name))
      await accept(manifest, records)
    }
    await tar.end()
    if (records === null) throw invalidArchive('it has no records')
    const names = new Set(manifest.files.map(({ name }) => name))
    return { manifest, records, file: (name) => (names.has(name) ? join(folder, name) : null) }
  } finally {
    await tar.close()
  }
}
