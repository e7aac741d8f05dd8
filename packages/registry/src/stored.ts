// How does an image leave a registry as it is, and come into one, with every blob verified and none in memory?
import { createHash } from 'node:crypto'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ImageConfig, ImageConfig as ImageConfigSchema, Manifest, readDocument } from './documents.ts'
import { BadContent } from './failure.ts'
import type { Image } from './image.ts'
import type { StoredImage } from '@deis/ports/registry'
import type { Repository } from './repository.ts'

type Blob = StoredImage['blobs'][number]

/** How many blobs are sent at a time. */
const atOnce = 3
const configLimit = 8 * 1024 * 1024

/** What passes is what its size and digest say, or the end is an error. */
function verified({ digest, size }: Blob) {
  return async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const hash = createHash('sha256')
    let left = size
    for await (const chunk of chunks) {
      left -= chunk.length
      if (left < 0) throw new BadContent(`its blob ${digest} is longer than announced`)
      hash.update(chunk)
      yield chunk
    }
    if (left !== 0 || digest !== `sha256:${hash.digest('hex')}`)
      throw new BadContent(`its blob ${digest} has other content`)
  }
}

/** As it comes: the registry is held back by a slow reader. Only what has not begun is tried again. */
function openBlob(repository: Repository, blob: Blob, told: (error: unknown) => Error, signal: AbortSignal): Readable {
  const to = new PassThrough()
  let begun: Promise<void> | null = null
  repository
    .stream(blob.digest, (content) => (begun ??= pipeline(content, verified(blob), to, { signal })), signal)
    .catch((error: unknown) => to.destroy(told(error)))
  return to
}

/** The config and the layers, each once. @throws BadContent when one is named by another digest than SHA-256 */
function blobsOf({ config, layers }: Manifest): Blob[] {
  const all = new Map([config, ...layers].map(({ digest, size }) => [digest, { digest, size }]))
  for (const { digest } of all.values())
    if (!digest.startsWith('sha256:')) throw new BadContent(`its blob ${digest} is not named by SHA-256`)
  return [...all.values()]
}

/** `told`: a failure in words for the user. */
export async function storedOf(
  image: Image,
  told: (error: unknown) => Error,
  signal: AbortSignal,
): Promise<StoredImage> {
  const { repository, manifestDigest, mediaType, manifest, config } = image
  const { bytes } = await repository.manifest(manifestDigest, signal)
  const blobs = blobsOf(manifest)
  return {
    platform: { os: config.os || 'linux', architecture: config.architecture ?? '' },
    manifest: { mediaType, bytes, digest: manifestDigest },
    blobs,
    open(digest) {
      const blob = blobs.find((one) => one.digest === digest)
      if (!blob) throw new Error(`${digest} is not a blob of the image`)
      return openBlob(repository, blob, told, signal)
    },
  }
}

async function readConfig(stored: StoredImage, digest: string): Promise<ImageConfig> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of stored.open(digest) as AsyncIterable<Buffer>) {
    if ((size += part.length) > configLimit) throw new BadContent(`its config has more than ${configLimit} bytes`)
    parts.push(part)
  }
  return readDocument(ImageConfigSchema, Buffer.concat(parts), 'the config')
}

/** The tag comes last. */
export async function writeStored(
  target: Repository,
  tag: string,
  stored: StoredImage,
  signal: AbortSignal,
): Promise<{ readonly digest: string; readonly config: ImageConfig }> {
  const { mediaType, bytes } = stored.manifest
  const manifest = readDocument(Manifest, bytes, 'the manifest')
  const config = await readConfig(stored, manifest.config.digest)
  const waiting = [...stored.blobs]
  const work = async (): Promise<void> => {
    for (let blob = waiting.shift(); blob; blob = waiting.shift()) {
      const { digest, size } = blob
      if (!(await target.has(digest, signal)))
        await target.write({ digest, size, open: () => stored.open(digest) }, signal)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return { digest: await target.putManifest(tag, mediaType, bytes, signal), config }
}
