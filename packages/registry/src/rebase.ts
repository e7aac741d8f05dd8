// How is another base put under an image in a registry, without pulling or running anything?
import { copyLayers, type Known } from './copy.ts'
import type { ImageConfig } from './documents.ts'
import { BadContent } from './failure.ts'
import type { Image } from './image.ts'
import type { BaseChange, ImageParts } from '@deis/ports/registry'
import { nameOf } from './reference.ts'
import { rebasedConfig, rebasedManifest } from './rebased.ts'
import { blobOf, type Repository } from './repository.ts'

function partsOf({ repository, manifestDigest, manifest, config }: Image): ImageParts {
  const { os = '', architecture = '', variant, rootfs } = config
  const reference = `${nameOf({ host: repository.host, repository: repository.name })}@${manifestDigest}`
  if (manifest.layers.length !== rootfs.diff_ids.length)
    throw new BadContent(`its manifest has ${manifest.layers.length} layers, its config ${rootfs.diff_ids.length}`)
  return {
    reference,
    os,
    architecture,
    variant: variant ?? '',
    labels: config.config?.Labels ?? {},
    diffIds: rootfs.diff_ids,
  }
}

/** Nothing is visible under the tag before everything is there. Null: it was decided to leave it as it is. */
export async function rebase(
  image: Image,
  base: Image,
  target: Repository,
  { decide, tag }: Pick<BaseChange, 'decide' | 'tag'>,
  known: Known,
  signal: AbortSignal,
): Promise<{ readonly digest: string; readonly config: ImageConfig } | null> {
  const decision = decide(partsOf(image), partsOf(base))
  if (decision === null) return null
  const { replaced } = decision
  await copyLayers(base.repository, base.manifest.layers, target, known, signal)
  // They are there, unless the image came from a mirror.
  await copyLayers(image.repository, image.manifest.layers.slice(replaced), target, known, signal)
  const config = rebasedConfig(image.config, base.config, decision)
  const configBlob = blobOf(Buffer.from(JSON.stringify(config)))
  if (!(await target.has(configBlob.digest, signal))) await target.write(configBlob, signal)
  const manifest = rebasedManifest(image, base, { digest: configBlob.digest, size: configBlob.size }, decision)
  const bytes = Buffer.from(JSON.stringify(manifest))
  return { digest: await target.putManifest(tag, manifest.mediaType, bytes, signal), config }
}
