// How do layers get from one repository to another?
import type { Descriptor } from './documents.ts'
import type { Repository } from './repository.ts'

/** How many are copied at a time. */
const atOnce = 3

const mostKnown = 10_000

/** In which repository of a registry a layer has been seen: others are given it from there, not once more from elsewhere. */
export type Known = { find(host: string, digest: string): string | null; add(at: Repository, digest: string): void }

export function createKnown(most = mostKnown): Known {
  const names = new Map<string, string>()
  return {
    find: (host, digest) => names.get(`${host} ${digest}`) ?? null,
    add({ host, name }, digest) {
      const key = `${host} ${digest}`
      // The newest are last.
      names.delete(key)
      names.set(key, name)
      for (const oldest of names.keys()) {
        if (names.size <= most) break
        names.delete(oldest)
      }
    },
  }
}

async function copyLayer(
  from: Repository,
  { digest, size }: Descriptor,
  target: Repository,
  known: Known,
  signal: AbortSignal,
): Promise<void> {
  if (await target.has(digest, signal)) return
  const near = from.host === target.host ? from.name : known.find(target.host, digest)
  if (near !== null && near !== target.name && (await target.mount(digest, near, signal))) return
  await from.stream(digest, (content) => target.write({ digest, size, open: () => content }, signal, 1), signal)
}

/** Mounted where the registry can do that, else sent. */
export async function copyLayers(
  from: Repository,
  layers: readonly Descriptor[],
  target: Repository,
  known: Known,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...new Map(layers.map((layer) => [layer.digest, layer])).values()]
  const work = async (): Promise<void> => {
    for (let layer = waiting.shift(); layer; layer = waiting.shift()) {
      await copyLayer(from, layer, target, known, signal)
      known.add(target, layer.digest)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}
