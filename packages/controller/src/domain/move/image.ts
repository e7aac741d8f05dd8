// What does the image of an app look like in an archive (an OCI image layout), and is one that came whole?
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type Static, Type } from 'typebox'
import { DeisError, messageOf } from '@deis/types'
import type { ImagePlatform, StoredImage } from '@deis/ports/registry'
import {
  ImageConfig,
  isImageConfig,
  isManifest,
  Manifest as ImageManifest,
  mediaTypes,
  readDocument,
} from '@deis/registry/documents'
import { blobName, layoutNames, limits, type Manifest } from './format.ts'
import { invalidArchive } from './tar.ts'

const documentBytes = 8 * 1024 * 1024

const Layout = Type.Object({ imageLayoutVersion: Type.String() })
const Index = Type.Object({
  schemaVersion: Type.Literal(2),
  manifests: Type.Array(
    Type.Object({ mediaType: Type.String({ maxLength: 200 }), digest: Type.String(), size: Type.Integer() }),
    { minItems: 1, maxItems: 1 },
  ),
})

const layoutText = JSON.stringify({ imageLayoutVersion: '1.0.0' } satisfies Static<typeof Layout>)

export const platformName = ({ os, architecture }: ImagePlatform): string => `${os}/${architecture}`

/** The small files of the layout, and the manifest, by their names. @throws DeisError invalid when it is too much */
export function layoutFiles({ platform, manifest, blobs }: StoredImage): readonly (readonly [string, Buffer])[] {
  if (blobs.length >= limits.blobs)
    throw new DeisError('invalid', `The image has ${blobs.length} parts, and an archive takes ${limits.blobs - 1}.`)
  const { mediaType, digest, bytes } = manifest
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [{ mediaType, digest, size: bytes.length, platform }],
  }
  const [layoutName, indexName] = layoutNames
  return [
    [layoutName, Buffer.from(layoutText)],
    [indexName, Buffer.from(JSON.stringify(index))],
    [blobName(digest), bytes],
  ]
}

type Files = { readonly manifest: Manifest; file(name: string): string | null }

/** @throws DeisError invalid */
function documentOf<T extends Parameters<typeof readDocument>[0]>(schema: T, bytes: Buffer, what: string): Static<T> {
  try {
    return readDocument(schema, bytes, what)
  } catch (error) {
    throw invalidArchive(`its image cannot be read: ${messageOf(error)}`, error)
  }
}

/** The image of an archive all of whose files came, each with the checksum of the manifest. @throws DeisError invalid */
export async function storedImage({ manifest, file }: Files): Promise<StoredImage> {
  const { image } = manifest
  if (image === undefined) throw new Error('the archive has no image')
  const sizes = new Map<string, number>(manifest.files.map(({ name, size }) => [name, size]))
  const pathOf = (name: string): string => {
    const path = file(name)
    if (path === null) throw invalidArchive(`${name} is missing in it`)
    return path
  }
  const read = (name: string): Promise<Buffer> => {
    const path = pathOf(name)
    if ((sizes.get(name) ?? 0) > documentBytes)
      throw invalidArchive(`${name} in it is larger than ${documentBytes / 2 ** 20} MB`)
    return readFile(path)
  }
  const [layoutName, indexName] = layoutNames
  const { imageLayoutVersion } = documentOf(Layout, await read(layoutName), 'oci-layout')
  if (!imageLayoutVersion.startsWith('1.')) throw invalidArchive('its image is of a version that is not known')
  const [listed] = documentOf(Index, await read(indexName), 'index.json').manifests
  if (listed?.digest !== image.digest || !isManifest(listed.mediaType))
    throw invalidArchive('its image is another one than its manifest says')
  const bytes = await read(blobName(image.digest))
  const { config, layers } = documentOf(ImageManifest, bytes, 'its manifest')
  const blobs = [...new Map([config, ...layers].map(({ digest, size }) => [digest, { digest, size }])).values()]
  for (const { digest, size } of blobs)
    if (sizes.get(blobName(digest)) !== size) throw invalidArchive(`the part ${digest} of its image is missing in it`)
  if (blobs.length + layoutNames.length + 1 !== manifest.files.filter(({ name }) => name.startsWith('image/')).length)
    throw invalidArchive('it has more parts than its image')
  if (!isImageConfig(config.mediaType)) throw invalidArchive('its image is not a container image')
  const found = documentOf(ImageConfig, await read(blobName(config.digest)), 'its config')
  if ((found.os || 'linux') !== image.os || (found.architecture ?? '') !== image.architecture)
    throw invalidArchive('its image is for another platform than its manifest says')
  return {
    platform: { os: image.os, architecture: image.architecture },
    manifest: { mediaType: listed.mediaType, bytes, digest: image.digest },
    blobs,
    open: (digest) => createReadStream(pathOf(blobName(digest))),
  }
}
