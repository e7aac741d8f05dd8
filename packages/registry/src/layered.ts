// What are the manifest and the config of an image with one more layer?
import { type Descriptor, type ImageConfig, mediaTypes } from './documents.ts'
import type { Image } from './image.ts'
import type { LayerChange } from '@deis/ports/registry'

export type Change = Omit<LayerChange, 'base' | 'target' | 'tag' | 'layer'>

/** The same layer on the same base makes the same image, unless its labels say when it was made. */
function createdAt(labels: Readonly<Record<string, string>>): string {
  const time = new Date(labels['org.opencontainers.image.created'] ?? 0)
  return (Number.isNaN(time.getTime()) ? new Date(0) : time).toISOString()
}

/** The base's variables in their order, ours in their places and behind. */
function mergeEnv(base: readonly string[], ours: Readonly<Record<string, string>>): string[] {
  const nameOf = (line: string): string => line.split('=', 1)[0] ?? ''
  const merged = new Map(base.map((line) => [nameOf(line), line]))
  for (const [name, value] of Object.entries(ours)) merged.set(name, `${name}=${value}`)
  return [...merged.values()]
}

/** Everything of the base that is not changed stays, also what we do not know. */
export function layeredConfig(base: ImageConfig, diffId: string, change: Change) {
  const created = createdAt(change.labels)
  const { config } = base
  return {
    ...base,
    created,
    config: {
      ...config,
      Env: mergeEnv(config?.Env ?? [], change.env),
      Labels: { ...config?.Labels, ...change.labels },
      Entrypoint: [...change.entrypoint],
      Cmd: [...change.cmd],
      WorkingDir: change.workingDir,
      ...(change.user === null ? {} : { User: change.user }),
      ...(change.exposed.length === 0
        ? {}
        : { ExposedPorts: Object.fromEntries(change.exposed.map((port) => [`${port}/tcp`, {}])) }),
    },
    rootfs: { ...base.rootfs, diff_ids: [...base.rootfs.diff_ids, diffId] },
    history: [...(base.history ?? []), { created, created_by: 'deis' }],
  }
}

/** In the dialect of the base. */
export function layeredManifest(
  base: Image,
  config: Omit<Descriptor, 'mediaType'>,
  layer: Omit<Descriptor, 'mediaType'>,
) {
  const docker = base.mediaType === mediaTypes.dockerManifest
  return {
    schemaVersion: 2,
    mediaType: base.mediaType,
    config: { ...config, mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig },
    layers: [...base.manifest.layers, { ...layer, mediaType: docker ? mediaTypes.dockerLayer : mediaTypes.ociLayer }],
    ...(docker ? {} : { annotations: { 'org.opencontainers.image.base.digest': base.manifestDigest } }),
  }
}
