// How is an image with one more layer written to a registry, without pulling or running anything?
import { copyLayers, type Known } from './copy.ts'
import type { ImageConfig } from './documents.ts'
import type { Image } from './image.ts'
import { layeredConfig, layeredManifest } from './layered.ts'
import type { LayerChange } from '@deis/ports/registry'
import { blobOf, type Repository } from './repository.ts'
import { withLayer } from './spool.ts'

/** Returns the new image's digest and config. Nothing is visible under the tag before everything is there. */
export async function append(
  base: Image,
  target: Repository,
  change: LayerChange,
  { folder, known }: { readonly folder: string; readonly known: Known },
  outer: AbortSignal,
): Promise<{ readonly digest: string; readonly config: ImageConfig }> {
  // One failure ends the other transfer.
  const failed = new AbortController()
  const signal = AbortSignal.any([outer, failed.signal])
  const orEndAll = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      failed.abort(error)
      throw error
    }
  }
  const layer = withLayer(change.layer, folder, signal, async (layer) => {
    if (!(await target.has(layer.digest, signal))) await target.write(layer, signal)
    return { digest: layer.digest, size: layer.size, diffId: layer.diffId }
  })
  const work = [orEndAll(layer), orEndAll(copyLayers(base.repository, base.manifest.layers, target, known, signal))]
  await Promise.allSettled(work)
  outer.throwIfAborted()
  if (failed.signal.aborted) throw failed.signal.reason
  const { diffId, ...descriptor } = await layer
  const config = layeredConfig(base.config, diffId, change)
  const configBlob = blobOf(Buffer.from(JSON.stringify(config)))
  if (!(await target.has(configBlob.digest, outer))) await target.write(configBlob, outer)
  const manifest = layeredManifest(base, { digest: configBlob.digest, size: configBlob.size }, descriptor)
  const bytes = Buffer.from(JSON.stringify(manifest))
  return { digest: await target.putManifest(change.tag, manifest.mediaType, bytes, outer), config }
}
