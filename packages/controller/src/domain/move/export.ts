// How does an app leave this installation as one archive?
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { ImageError, type StoredImage } from '@deis/ports/registry'
import { DeisError, messageOf, notFound, platformVersion, time } from '@deis/types'
import type { AppRow } from '../apps/rows.ts'
import type { Core } from '../core.ts'
import { appRow } from '../releases/converge.ts'
import { isPullable, isSlug, thisMachine } from './artifact.ts'
import {
  type AppRecords,
  blobName,
  type EntryName,
  formatName,
  formatVersions,
  limits,
  type Manifest,
  manifestName,
} from './format.ts'
import { layoutFiles } from './image.ts'
import { currentOf } from './records.ts'
import { recordLines, recordsOf } from './rows.ts'
import { withSpool } from './spool.ts'
import { tarBytes, tarEnd, tarHeader, tarPadding } from './tar.ts'

type File = Manifest['files'][number] & { open(): Readable }

export type Archive = { readonly bytes: number; readonly content: Readable }

async function writeRecords(records: AppRecords, path: string): Promise<File> {
  const hash = createHash('sha256')
  const handle = await open(path, 'wx', 0o600)
  let size = 0
  try {
    for (const line of recordLines(records)) {
      hash.update(line)
      size += Buffer.byteLength(line)
      await handle.writeFile(line)
    }
  } finally {
    await handle.close()
  }
  if (size > limits.recordBytes) throw new DeisError('internal', `the records of an app have ${size} bytes`)
  return { name: 'records.jsonl', size, sha256: hash.digest('hex'), open: () => createReadStream(path) }
}

async function hashed(name: EntryName, path: string): Promise<File> {
  const hash = createHash('sha256')
  for await (const part of createReadStream(path)) hash.update(part as Buffer)
  const { size } = await stat(path)
  return { name, size, sha256: hash.digest('hex'), open: () => createReadStream(path) }
}

/** The slug of the current release, which is named by its checksum. */
async function slugOf(core: Core, records: AppRecords, later: (end: () => void) => void): Promise<File | null> {
  const { build } = currentOf(records)
  const slug = build && isSlug(build) ? await core.slugs?.open(build.image) : null
  if (!build || !slug) return null
  const { size, content } = slug
  later(() => content.destroy())
  return { name: 'slug.tgz', size, sha256: build.image.slice('sha256:'.length), open: () => content }
}

/** The image of the current release, unless whoever imports the app can pull it; null: there is none, or it was not asked for. */
async function withImage<T>(
  core: Core,
  records: AppRecords,
  wanted: boolean,
  use: (image: StoredImage | null) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { images } = core.builder
  const { build, release } = currentOf(records)
  if (!wanted || !images || !build || build.image === '' || isSlug(build) || isPullable(core, build)) return use(null)
  let isRead = false
  const read = async (image: StoredImage): Promise<T> => {
    isRead = true
    return use(image)
  }
  try {
    return await images.read(build.reference ?? build.image, read, signal)
  } catch (error) {
    if (isRead || signal.aborted || error instanceof DeisError) throw error
    const hint = error instanceof ImageError ? ` (${error.hint})` : ''
    throw new DeisError(
      'invalid',
      `The image of v${release.version} cannot be read: ${messageOf(error)}${hint}. To export the app without it: --without-image`,
      { cause: error },
    )
  }
}

function imageFiles(image: StoredImage): File[] {
  const small = layoutFiles(image).map(([name, bytes]): File => {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { name, size: bytes.length, sha256, open: () => Readable.from([bytes]) }
  })
  const blobs = image.blobs.map(({ digest, size }): File => {
    return { name: blobName(digest), size, sha256: digest.slice('sha256:'.length), open: () => image.open(digest) }
  })
  return [...small, ...blobs]
}

/** The same app, whatever was asked for its name in the meantime. */
async function unchanged(core: Core, app: AppRow): Promise<AppRow> {
  const current = await appRow(core, app.id)
  if (!current || current.destroying || current.uuid !== app.uuid) throw notFound('App')
  return current
}

async function* written(manifest: string, files: readonly File[], now: Date): AsyncGenerator<Buffer> {
  const text = Buffer.from(manifest)
  yield Buffer.concat([tarHeader(manifestName, text.length, now), text, tarPadding(text.length)])
  for (const { name, size, open: read } of files) {
    yield tarHeader(name, size, now)
    let left = size
    for await (const part of read()) {
      left -= (part as Buffer).length
      yield part as Buffer
    }
    if (left !== 0) throw new Error(`${name} has another size than before`)
    yield tarPadding(size)
  }
  yield tarEnd
}

type ExportOptions = { readonly image: boolean }

/** `send` gets the archive when all of it is known, and resolves when it was taken; the files are deleted then. */
export async function exportApp(
  core: Core,
  app: AppRow,
  options: ExportOptions,
  send: (archive: Archive) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await withSpool(core, async (folder) => {
    const ends: (() => void)[] = []
    try {
      const { records, slug } = await core.queue.run(app.id, async () => {
        const found = await recordsOf(core, await unchanged(core, app))
        return { records: found, slug: await slugOf(core, found, (end) => ends.push(end)) }
      })
      const file = await writeRecords(records, join(folder, 'records.jsonl'))
      const bundle = join(folder, 'history.bundle')
      const sha = currentOf(records).build?.sha ?? ''
      const history = (await core.history()?.write(app.id, bundle, sha, signal)) ?? null
      const files = [file, ...(history ? [await hashed('history.bundle', bundle)] : []), ...(slug ? [slug] : [])]
      const sent = async (image: StoredImage | null): Promise<void> => {
        const all = image === null ? files : [...files, ...imageFiles(image)]
        const now = new Date()
        const manifest: Manifest = {
          format: formatName,
          version: image === null ? formatVersions.plain : formatVersions.withImage,
          platform: platformVersion,
          created: time(now),
          app: app.id,
          from: core.config.platformDomain,
          scheduler: core.scheduler.name,
          machine: thisMachine,
          commit: history?.contains ?? false,
          ...(image === null ? {} : { image: { digest: image.manifest.digest, ...image.platform } }),
          files: all.map(({ name, size, sha256 }) => ({ name, size, sha256 })),
        }
        const text = JSON.stringify(manifest, null, 2)
        const bytes = tarBytes([Buffer.byteLength(text), ...all.map(({ size }) => size)])
        await send({ bytes, content: Readable.from(written(text, all, now), { objectMode: false }) })
        core.log.info({ app: app.id, bytes }, 'app exported')
      }
      await withImage(core, records, options.image, sent, signal)
    } finally {
      for (const end of ends) end()
    }
  })
}
