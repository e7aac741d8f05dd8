// Which software bills of materials are in an image that Cloud Native Buildpacks made?
import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { createLimit } from '@deis/lib/limit'
import type { SbomFormat } from '@deis/types'
import { ArchiveFailure, type Archiver } from '@deis/machine/archive'
import { BuildFailure, type Builder, type SbomDocument, type SbomRequest } from '@deis/ports/builder'
import type { Registry } from '@deis/ports/registry'
import { lifecycleMetadata } from './lifecycle-label.ts'

const root = 'layers/sbom/launch'
const fileOf: Readonly<Record<SbomFormat, string>> = {
  cyclonedx: 'sbom.cdx.json',
  spdx: 'sbom.spdx.json',
  syft: 'sbom.syft.json',
}

/** Of the layer as it is stored, of all its files, and of the documents of one format. */
const mostStored = 64 * 2 ** 20
const limits = { entries: 10_000, bytes: 256 * 2 ** 20 }
const mostText = 16 * 2 ** 20
const mostDocuments = 1_000
/** How many images are read at a time. */
const atOnce = 2

type Found = { readonly buildpack: string; readonly layer: string | null; readonly file: string }

const foldersIn = async (folder: string): Promise<readonly string[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).toSorted()
}

/** One file of each buildpack, and one of each of its layers; deeper ones are not those of the specification. */
async function placesOf(folder: string, name: string): Promise<readonly Found[]> {
  const found: Found[] = []
  for (const buildpack of await foldersIn(folder)) {
    found.push({ buildpack, layer: null, file: join(folder, buildpack, name) })
    for (const layer of await foldersIn(join(folder, buildpack)))
      found.push({ buildpack, layer, file: join(folder, buildpack, layer, name) })
  }
  return found
}

/** Null: there is no such file. Links are not followed. */
async function bytesOf(file: string, most: number): Promise<Buffer | null> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return null
    throw error
  })
  if (handle === null) return null
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) return null
    if (stat.size > most)
      throw new BuildFailure(
        `The software bill of materials has more than ${mostText / 2 ** 20} MiB in this format. Try another format.`,
      )
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** Not parsed: a few bytes of JSON can stand for much memory, and what comes of it is for the caller's tools. */
function jsonOf(bytes: Buffer, { buildpack }: Found): string {
  const text = isUtf8(bytes) ? bytes.toString('utf8').trim() : ''
  if (!text.startsWith('{') || !text.endsWith('}'))
    throw new BuildFailure(`The software bill of materials of ${JSON.stringify(buildpack)} is not a JSON object.`)
  return text
}

async function documentsIn(folder: string, { format, buildpacks }: SbomRequest): Promise<readonly SbomDocument[]> {
  // Folders are named after buildpacks, with `_` in place of `/`.
  const ids = new Map(buildpacks.map(({ id }) => [id.replaceAll('/', '_'), id]))
  const documents: SbomDocument[] = []
  let left = mostText
  for (const place of await placesOf(join(folder, root), fileOf[format])) {
    const bytes = await bytesOf(place.file, left)
    if (bytes === null) continue
    if (documents.length === mostDocuments)
      throw new BuildFailure(`The software bill of materials has more than ${mostDocuments} documents.`)
    const text = jsonOf(bytes, place)
    left -= bytes.length
    documents.push({ buildpack: ids.get(place.buildpack) ?? place.buildpack, layer: place.layer, text })
  }
  return documents
}

type Parts = { readonly registry: Registry; readonly archiver: Archiver; readonly folder: string }

async function read(
  { registry, archiver, folder }: Parts,
  request: SbomRequest,
  signal: AbortSignal,
): Promise<readonly SbomDocument[]> {
  const { image } = request
  const sha = lifecycleMetadata((await registry.inspect(image, null, signal)).labels)?.sbom?.sha
  if (sha === undefined) return []
  const own = await mkdtemp(join(folder, 'sbom-'))
  const unpack = (content: Readable): Promise<unknown> =>
    archiver.unpack(content, own, { limits, rooted: true, signal })
  try {
    if ((await registry.readLayer(image, sha, mostStored, unpack, signal)) === null)
      throw new BuildFailure(`The image ${image} names a layer with its bill of materials that it does not have.`)
    return await documentsIn(own, request)
  } catch (error) {
    if (!(error instanceof ArchiveFailure)) throw error
    throw new BuildFailure(`The software bill of materials cannot be unpacked: ${error.message}.`)
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}

/** Unpacked by a program of its own in `folder`, where nothing of it stays. */
export function createSbomReader(parts: Parts): NonNullable<Builder['sbom']> {
  const limit = createLimit(atOnce)
  return (request, signal) => limit(signal, () => read(parts, request, signal))
}
