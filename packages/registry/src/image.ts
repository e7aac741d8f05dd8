// Which manifest, variant and config does the name of an image stand for?
import { chooseVariant, refuseForeign } from './facts.ts'
import {
  type ImageConfig,
  ImageConfig as ImageConfigSchema,
  Index,
  isImageConfig,
  isIndex,
  isManifest,
  type Manifest,
  Manifest as ManifestSchema,
  readDocument,
} from './documents.ts'
import { ImageError } from '@deis/ports/registry'
import { formatReference, type ImageReference } from './reference.ts'
import type { Found, Repository } from './repository.ts'

const configLimit = 8 * 1024 * 1024

export type Image = {
  readonly repository: Repository
  /** What the tag stands for, of all variants if there are several: nodes choose theirs. */
  readonly digest: string
  /** Of the variant for this platform, as are all that follow. */
  readonly manifestDigest: string
  readonly mediaType: string
  readonly manifest: Manifest
  readonly config: ImageConfig
}

/** The type from the document itself, else from the header. */
function typeOf({ bytes, mediaType }: Found): string {
  try {
    const own = (JSON.parse(bytes.toString('utf8')) as { mediaType?: unknown } | null)?.mediaType
    return typeof own === 'string' ? own : mediaType
  } catch {
    return mediaType
  }
}

/** @throws ImageError if it is not an image, or not for this platform; RegistryFailure and network errors. */
export async function readImage(
  repository: Repository,
  reference: ImageReference,
  architecture: string,
  signal: AbortSignal,
): Promise<Image> {
  const image = formatReference(reference)
  const asked = await repository.manifest(reference.digest ?? reference.tag ?? '', signal)
  let found = asked
  if (isIndex(typeOf(asked))) {
    const variant = chooseVariant(readDocument(Index, asked.bytes, 'the index'), architecture, image)
    found = await repository.manifest(variant.digest, signal)
  }
  const mediaType = typeOf(found)
  if (!isManifest(mediaType))
    throw new ImageError(
      `${image} is not a container image that can be read: its manifest is ${JSON.stringify(mediaType.slice(0, 100))}`,
      'push it again with a current version of the tool that built it',
    )
  const manifest = readDocument(ManifestSchema, found.bytes, 'the manifest')
  if (!isImageConfig(manifest.config.mediaType))
    throw new ImageError(
      `${image} is not a container image: it holds ${JSON.stringify(manifest.config.mediaType.slice(0, 100))}`,
      'check the name: charts and other artifacts are kept in registries too',
    )
  const bytes = await repository.blob(manifest.config, configLimit, signal)
  const config = readDocument(ImageConfigSchema, bytes, 'the config')
  refuseForeign(config, architecture, image)
  return { repository, digest: asked.digest, manifestDigest: found.digest, mediaType, manifest, config }
}
