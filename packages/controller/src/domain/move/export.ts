// How does an app leave this installation as one archive?
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { DeisError, notFound, platformVersion, time } from '@deis/types'
import type { AppRow } from '../apps/rows.ts'
import type { Core } from '../core.ts'
import { appRow } from '../releases/converge.ts'
import { isSlug, thisMachine } from './artifact.ts'
import {
  type AppRecords,
  type EntryName,
  formatName,
  formatVersion,
  limits,
  type Manifest,
  manifestName,
} from './format.ts'
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

/** `send` gets the archive when all of it is known, and resolves when it was taken; the files are deleted then. */
export async function exportApp(
  core: Core,
  app: AppRow,
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
      const now = new Date()
      const manifest: Manifest = {
        format: formatName,
        version: formatVersion,
        platform: platformVersion,
        created: time(now),
        app: app.id,
        from: core.config.platformDomain,
        scheduler: core.scheduler.name,
        machine: thisMachine,
        commit: history?.contains ?? false,
        files: files.map(({ name, size, sha256 }) => ({ name, size, sha256 })),
      }
      const text = JSON.stringify(manifest, null, 2)
      const bytes = tarBytes([Buffer.byteLength(text), ...files.map(({ size }) => size)])
      await send({ bytes, content: Readable.from(written(text, files, now), { objectMode: false }) })
      core.log.info({ app: app.id, bytes }, 'app exported')
    } finally {
      for (const end of ends) end()
    }
  })
}
