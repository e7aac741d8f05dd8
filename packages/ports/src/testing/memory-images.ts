// Where do tests keep images? In memory, by the same rules as a backend.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { ImageTransfer } from '../builder.ts'
import { ImageError, type ImagePlatform, type StoredImage } from '../registry.ts'

export type MemoryImages = ImageTransfer & { readonly all: Map<string, StoredImage> }

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

function stored(
  platform: ImagePlatform,
  manifest: StoredImage['manifest'],
  contents: ReadonlyMap<string, Buffer>,
): StoredImage {
  return {
    platform,
    manifest,
    blobs: [...contents].map(([digest, { length }]) => ({ digest, size: length })),
    open: (digest) => Readable.from([contents.get(digest) ?? Buffer.alloc(0)]),
  }
}

/** With as many layers as texts; they are not tars. */
export function memoryImage(layers: readonly string[], platform: ImagePlatform): StoredImage {
  const rootfs = { type: 'layers', diff_ids: layers.map((text) => digestOf(Buffer.from(text))) }
  const parts = [JSON.stringify({ ...platform, config: {}, rootfs }), ...layers].map((text) => Buffer.from(text))
  const type = 'application/vnd.oci.image'
  const [config, ...others] = parts.map((bytes, index) => ({
    mediaType: index === 0 ? `${type}.config.v1+json` : `${type}.layer.v1.tar`,
    digest: digestOf(bytes),
    size: bytes.length,
  }))
  const mediaType = `${type}.manifest.v1+json`
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: others }))
  const contents = new Map(parts.map((part) => [digestOf(part), part]))
  return stored(platform, { mediaType, bytes, digest: digestOf(bytes) }, contents)
}

export function createMemoryImages(platform: ImagePlatform = { os: 'linux', architecture: 'amd64' }): MemoryImages {
  const all = new Map<string, StoredImage>()
  return {
    all,
    platform,
    async read(reference, use) {
      const image = all.get(reference)
      if (!image) throw new ImageError(`image ${reference} not found`, 'push it again')
      return use(image)
    },
    async write(app, image) {
      const { digest } = image.manifest
      const contents = new Map<string, Buffer>()
      for (const blob of image.blobs) contents.set(blob.digest, await buffer(image.open(blob.digest)))
      const reference = `own.test/${app}@${digest}`
      all.set(reference, stored(image.platform, image.manifest, contents))
      const facts = { ports: [], entrypoint: [], cmd: [], user: '', env: [], workingDir: '', labels: {} }
      return { reference, digest, ...facts }
    },
  }
}
