// How do layers get from one repository to another?
import type { Descriptor } from './documents.ts'
import type { Repository } from './repository.ts'

/** How many are copied at a time. */
const atOnce = 3

async function copyLayer(from: Repository, layer: Descriptor, target: Repository, signal: AbortSignal): Promise<void> {
  const { digest, size } = layer
  if (await target.has(digest, signal)) return
  if (from.host === target.host && (await target.mount(digest, from.name, signal))) return
  await from.stream(digest, (content) => target.write({ digest, size, open: () => content }, signal, 1), signal)
}

/** Mounted where the registry can do that, else sent. */
export async function copyLayers(
  from: Repository,
  layers: readonly Descriptor[],
  target: Repository,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...new Map(layers.map((layer) => [layer.digest, layer])).values()]
  const work = async (): Promise<void> => {
    for (let layer = waiting.shift(); layer; layer = waiting.shift()) await copyLayer(from, layer, target, signal)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}
