// How do images that the engine alone has leave it for a backup, and come back?
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { tarParser } from '@deis/machine/archive/entries'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { openEngine } from './engine/engine.ts'
import { ownHost } from './builder/registry.ts'
import { EngineError } from './engine/error.ts'
import { errorOf, hasImage, saidBy } from './engine/pull.ts'
import type { DockerSettings } from './settings.ts'

export type StoredImages = {
  has(reference: string, signal: AbortSignal): Promise<boolean>
  /** The archive of `docker save`: a layer that several have is in it once. */
  save(ids: readonly string[], signal: AbortSignal): Promise<Readable>
  /** Returns when all of it is there. */
  load(archive: Readable, signal: AbortSignal): Promise<void>
  close(): void
}

/** What the platform's own registry has is lost with its volume; null: the operator has one. */
export const ownRegistry = ({ target }: DockerSettings): string | null =>
  'port' in target ? ownHost(target.port) : null

/** An engine collects images on its disk before it sends the first byte. */
const beginMs = 3_600_000
/** The longest silence after that; all of it takes as long as it takes. */
const silentMs = 600_000
const openMs = 60_000

const silent = (what: string) => (seconds: number) =>
  new EngineError(`${what}: nothing more came of the Docker Engine for ${seconds} seconds`, 0)

async function* unlessSilent(stream: IncomingMessage): AsyncGenerator<Buffer> {
  const timer = setTimeout(() => stream.destroy(silent('saving images')(silentMs / 1000)), silentMs)
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      timer.refresh()
      yield chunk
    }
  } finally {
    clearTimeout(timer)
  }
}

/** @throws when there is no engine that can be used. */
export async function openStoredImages(settings: DockerSettings): Promise<StoredImages> {
  const engine = await openEngine(settings, AbortSignal.timeout(openMs))
  return {
    has: (reference, signal) => hasImage(engine, reference, signal),
    async save(ids, signal) {
      const path = `/images/get?${new URLSearchParams(ids.map((id): [string, string] => ['names', id]))}`
      const stream = await engine.stream('saving images', { method: 'GET', path, ms: beginMs }, signal)
      return Readable.from(unlessSilent(stream), { objectMode: false })
    },
    async load(archive, signal) {
      const call = { method: 'POST', path: '/images/load', query: { quiet: 0 }, tar: archive, ms: beginMs } as const
      const stream = await engine.stream('loading images', call, signal)
      // The answer was 200 before all of it was read.
      for await (const line of saidBy(stream, silent('loading images'), silentMs)) {
        const message = errorOf(line)
        if (message !== null) throw new EngineError(`loading images: ${message}`, 0)
      }
    },
    close: () => engine.close(),
  }
}

const Listed = Type.Array(Type.Object({ Config: Type.String(), Layers: Type.Array(Type.String()) }), {
  maxItems: 100_000,
})
const ImageConfig = Type.Object({ rootfs: Type.Object({ diff_ids: Type.Array(Type.String()) }) })

/** Of texts that say what is in an image. */
const longestText = 2 ** 22
const allTexts = 2 ** 27
const limits = { entries: 1_000_000, bytes: Number.MAX_SAFE_INTEGER }

type Archive = {
  readonly digests: ReadonlyMap<string, string>
  readonly texts: ReadonlyMap<string, string>
  readonly links: ReadonlyMap<string, string>
}

type Current = { readonly path: string; readonly hash: Hash; chunks: Buffer[] | null }

async function readArchive(file: string, signal: AbortSignal): Promise<Archive> {
  const digests = new Map<string, string>()
  const texts = new Map<string, string>()
  const links = new Map<string, string>()
  let current: Current | null = null
  let textBytes = 0
  const parser = tarParser(limits, {
    begin({ path, type, linkpath, size }) {
      current = null
      if (type === 'SymbolicLink') links.set(path, posix.join(posix.dirname(path), linkpath ?? ''))
      else if (type === 'Link') links.set(path, linkpath ?? '')
      else if (type !== 'Directory')
        current = {
          path,
          hash: createHash('sha256'),
          chunks: size <= longestText ? [] : null,
        }
    },
    data(chunk) {
      if (current === null) return
      current.hash.update(chunk)
      // A small layer is not a text.
      if (current.chunks?.length === 0 && chunk[0] !== 0x7b && chunk[0] !== 0x5b) current.chunks = null
      if (current.chunks === null) return
      if ((textBytes += chunk.length) > allTexts)
        throw new Error(`descriptions of images have more than ${allTexts} bytes`)
      current.chunks.push(chunk)
    },
    end() {
      if (current === null) return
      digests.set(current.path, current.hash.digest('hex'))
      if (current.chunks !== null) texts.set(current.path, Buffer.concat(current.chunks).toString('utf8'))
      current = null
    },
  })
  for await (const chunk of createReadStream(file, { signal }) as AsyncIterable<Buffer>) parser.write(chunk)
  parser.end()
  return { digests, texts, links }
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}

/** Every blob that is named by its content has it, and so have the layers of each image. @throws with what is not right. */
function checkLayers({ digests, texts, links }: Archive, listed: Static<typeof Listed>): void {
  for (const [path, digest] of digests)
    if (path.startsWith('blobs/sha256/') && path !== `blobs/sha256/${digest}`)
      throw new Error(`${path} does not have the content that its name says`)
  for (const { Config, Layers } of listed) {
    const config = parsed(texts.get(Config))
    if (!Check(ImageConfig, config)) throw new Error(`${Config} is not what describes an image`)
    for (const [index, path] of Layers.entries()) {
      const digest = digests.get(links.get(path) ?? path)
      if (digest === undefined) throw new Error(`the layer ${path} is missing`)
      // A newer engine may keep layers compressed, named by what they are then.
      if (!path.startsWith('blobs/') && `sha256:${digest}` !== config.rootfs.diff_ids[index])
        throw new Error(`the layer ${path} does not have the content that its image says`)
    }
  }
}

/** The ids of the images that an archive has whole: ids are digests of what describes an image. @throws with what is not right. */
export async function imagesIn(file: string, signal: AbortSignal): Promise<Set<string>> {
  const archive = await readArchive(file, signal)
  const listed = parsed(archive.texts.get('manifest.json'))
  if (!Check(Listed, listed)) throw new Error('it has no list of images')
  checkLayers(archive, listed)
  const configs = listed.map(({ Config }) => archive.digests.get(Config) ?? '')
  // Engines that keep images as registries do call them by the digest of their manifest.
  const blobs = [...archive.digests.values()].filter((digest) => archive.digests.has(`blobs/sha256/${digest}`))
  return new Set([...configs, ...blobs].map((digest) => `sha256:${digest}`))
}
