// What are the manifest and the config of an image whose lowest layers are replaced by those of another base?
import { type Descriptor, type ImageConfig, mediaTypes } from './documents.ts'
import type { Image } from './image.ts'
import type { BaseChange } from '@deis/ports/registry'

export type Decision = NonNullable<ReturnType<BaseChange['decide']>>

type Step = { readonly empty_layer?: unknown }

/** One entry for each of these layers, and those of steps without a layer between them. */
function historyOf({ history, rootfs }: ImageConfig, from: number): readonly object[] {
  const steps = (history ?? []) as readonly Step[]
  const isOfLayer = (step: Step): boolean => step.empty_layer !== true
  const count = rootfs.diff_ids.length
  // Some tools write no history, or not all of it; with one that does not fit, images cannot be pulled.
  if (steps.filter(isOfLayer).length !== count)
    return Array.from({ length: count - from }, () => ({ created: new Date(0).toISOString() }))
  let layers = 0
  const first = from === 0 ? 0 : steps.findIndex((step) => isOfLayer(step) && ++layers === from) + 1
  return steps.slice(first)
}

/** The history of what the base has, without that of what lies above. */
const baseHistory = (base: ImageConfig): readonly object[] => historyOf(base, 0)

/** What runs is what the image says; the base gives its files and what they are made for. */
export function rebasedConfig(image: ImageConfig, base: ImageConfig, { replaced, labels }: Decision) {
  const { variant: _, ...rest } = image
  return {
    ...rest,
    os: base.os ?? image.os,
    architecture: base.architecture ?? image.architecture,
    ...(base.variant ? { variant: base.variant } : {}),
    config: { ...image.config, Labels: labels },
    rootfs: {
      ...image.rootfs,
      diff_ids: [...base.rootfs.diff_ids, ...image.rootfs.diff_ids.slice(replaced)],
    },
    history: [...baseHistory(base), ...historyOf(image, replaced)],
  }
}

const twins: readonly (readonly [oci: string, docker: string])[] = [
  [mediaTypes.ociLayer, mediaTypes.dockerLayer],
  ['application/vnd.oci.image.layer.v1.tar', 'application/vnd.docker.image.rootfs.diff.tar'],
]

/** The same layer in the other dialect; what has no twin is left as it is. */
function inDialect(docker: boolean, layer: Descriptor): Descriptor {
  const pair = twins.find((pair) => pair.includes(layer.mediaType))
  return pair ? { ...layer, mediaType: pair[docker ? 1 : 0] } : layer
}

/** In the dialect of the image. */
export function rebasedManifest(
  image: Pick<Image, 'manifest' | 'mediaType'>,
  base: Pick<Image, 'manifest' | 'manifestDigest'>,
  config: Omit<Descriptor, 'mediaType'>,
  { replaced }: Pick<Decision, 'replaced'>,
) {
  const docker = image.mediaType === mediaTypes.dockerManifest
  const { annotations } = image.manifest as { readonly annotations?: object }
  return {
    ...image.manifest,
    mediaType: image.mediaType,
    config: { ...image.manifest.config, ...config },
    layers: [
      ...base.manifest.layers.map((layer) => inDialect(docker, layer)),
      ...image.manifest.layers.slice(replaced),
    ],
    ...(docker ? {} : { annotations: { ...annotations, 'org.opencontainers.image.base.digest': base.manifestDigest } }),
  }
}
