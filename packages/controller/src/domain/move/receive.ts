// How does an archive arrive: within which bounds, in which order, and is each file what the manifest says?
import { createHash } from 'node:crypto'
import { open, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Check, Errors } from 'typebox/value'
import { DeisError, messageOf } from '@deis/types'
import {
  blobName,
  type EntryName,
  entryNames,
  formatName,
  formatVersions,
  imageFolder,
  layoutNames,
  limits,
  Manifest,
  manifestName,
} from './format.ts'
import { createPace, usualPace } from './pace.ts'
import { parseRecords } from './records.ts'
import type { AppRecords } from './format.ts'
import { invalidArchive, readTar, type TarReader } from './tar.ts'

/** Bytes of each file, and of all of an image. */
export type Bounds = Readonly<Record<EntryName | typeof imageFolder, number>>

export type Received = {
  readonly manifest: Manifest
  readonly records: AppRecords
  /** Where a file is; null: the archive has none of that name. */
  file(name: string): string | null
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
  if (version !== formatVersions.plain && version !== formatVersions.withImage)
    throw invalidArchive(
      `it has format ${JSON.stringify(version)?.slice(0, 40)}, and this platform knows formats 1 to ${formatVersions.withImage} only. Export the app again from a platform of the same version, or upgrade this one`,
    )
  if (!Check(Manifest, value)) {
    const [first] = Errors(Manifest, value)
    throw invalidArchive(`its manifest is invalid (${first?.instancePath ?? ''} ${first?.message ?? ''})`)
  }
  const { platform, app, from, scheduler, machine, image } = value
  const { os = '', architecture = '' } = image ?? {}
  for (const [key, text] of Object.entries({ platform, app, from, scheduler, machine, os, architecture }))
    if (/\p{Cc}|\p{Surrogate}/u.test(text))
      throw invalidArchive(`its manifest is invalid (/${key} contains control characters)`)
  const names = value.files.map(({ name }) => name)
  const first = image === undefined ? [] : [...layoutNames, blobName(image.digest)]
  const known = new Set<string>([...entryNames, ...first])
  const others = image === undefined ? [] : names.filter((name) => !known.has(name) && isBlob(name))
  const ordered = [...entryNames.filter((name) => names.includes(name)), ...first, ...new Set(others)]
  if (names[0] !== 'records.jsonl' || names.join() !== ordered.join())
    throw invalidArchive('its manifest names files twice, or in another order than that of the format')
  for (const { name, sha256 } of value.files)
    if (isBlob(name) && name !== blobName(`sha256:${sha256}`))
      throw invalidArchive(`${name} in it has another checksum`)
  return value
}

const isBlob = (name: string): boolean => name.startsWith(`${imageFolder}/blobs/`)
const isOfImage = (name: string): boolean => name.startsWith(`${imageFolder}/`)
/** On our disk there are no folders. */
const fileName = (name: string): string => name.replaceAll('/', '-')

/** @throws DeisError invalid */
function checkSizes({ files }: Manifest, bounds: Bounds): void {
  const image = files.filter(({ name }) => isOfImage(name)).reduce((sum, { size }) => sum + size, 0)
  const parts = files.flatMap(({ name, size }) => (isOfImage(name) ? [] : [[name as EntryName, size] as const]))
  for (const [name, size] of [...parts, [imageFolder, image] as const])
    if (size > bounds[name])
      throw invalidArchive(
        `${name} in it has ${Math.ceil(size / 2 ** 20)} MB, and this platform allows ${Math.floor(bounds[name] / 2 ** 20)} MB`,
      )
}

/** @throws DeisError unavailable, before the disk is full */
async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bytes < bavail * bsize) return
  throw new DeisError(
    'unavailable',
    `The archive needs ${Math.ceil(bytes / 2 ** 20)} MB on the disk of the platform, which has ${Math.floor((bavail * bsize) / 2 ** 20)} MB left. Nothing was changed.`,
  )
}

/** Files are stored as they arrive, and are whole when this returns; without a path they only pass. */
async function storeFile(
  tar: TarReader,
  path: string | null,
  { name, size, sha256 }: Manifest['files'][number],
): Promise<void> {
  if ((await tar.open(name)) !== size) throw invalidArchive(`${name} in it has not the size that its manifest says`)
  const hash = createHash('sha256')
  const handle = path === null ? null : await open(path, 'wx', 0o600)
  try {
    await tar.content(size, async (part) => {
      hash.update(part)
      await handle?.writeFile(part)
    })
  } finally {
    await handle?.close()
  }
  if (hash.digest('hex') !== sha256)
    throw invalidArchive(`${name} in it has been changed or damaged: its checksum is not that of the manifest`)
}

/**
 * `accept` gets what the archive says about the app before the large files arrive, and may refuse it; it returns whether the
 * image is wanted.
 * @throws DeisError invalid
 */
export async function receive(
  source: Readable,
  folder: string,
  bounds: Bounds,
  accept: (manifest: Manifest, records: AppRecords) => Promise<boolean>,
  pace = createPace(usualPace),
): Promise<Received> {
  const tar = readTar(source, pace)
  try {
    const manifest = readManifest((await readAll(tar, manifestName, limits.manifestBytes)).toString('utf8'))
    checkSizes(manifest, bounds)
    const pathOf = (name: string): string => join(folder, fileName(name))
    const [first, ...others] = manifest.files
    if (first === undefined) throw invalidArchive('it has no records')
    await storeFile(tar, pathOf(first.name), first)
    const records = await parseRecords(pathOf(first.name))
    const withImage = await accept(manifest, records)
    const wanted = new Set(others.filter(({ name }) => withImage || !isOfImage(name)))
    await checkSpace(
      folder,
      [...wanted].reduce((sum, { size }) => sum + size, 0),
    )
    for (const file of others) await storeFile(tar, wanted.has(file) ? pathOf(file.name) : null, file)
    await tar.end()
    const stored = new Set<string>([first, ...wanted].map(({ name }) => name))
    return { manifest, records, file: (name) => (stored.has(name) ? pathOf(name) : null) }
  } finally {
    await tar.close()
  }
}
