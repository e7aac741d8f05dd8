// Which images of ours are deleted from the registry, and when?
import type { Registry } from '@deis/ports/registry'
import { cacheRepositoryOf, repositoryOf, tagTime, type Target } from './image-names.ts'

const hourMs = 3_600_000
/** Every build adds a few layers; beyond this number all are deleted, and the next build starts without a cache. */
const maxCachedLayers = 300

/** The platform's images in one repository, by digest, that are not kept and have only old tags. */
export function unneeded(
  tags: ReadonlyMap<string, string>,
  kept: (digest: string) => boolean,
  now: number,
): readonly string[] {
  const young = new Set<string>()
  const ours = new Set<string>()
  for (const [tag, digest] of tags) {
    const made = tagTime(tag)
    // A tag that is not the platform's keeps its image.
    if (made === null || now - made.getTime() < hourMs) young.add(digest)
    else ours.add(digest)
  }
  return [...ours].filter((digest) => !young.has(digest) && !kept(digest))
}

/** The apps of references below the target; references elsewhere are not ours. */
export function appsOf(target: Target, references: Iterable<string>): Set<string> {
  const prefix = repositoryOf(target, '')
  const apps = [...references]
    .filter((reference) => reference.startsWith(prefix))
    .map((reference) => reference.slice(prefix.length).split('@')[0] ?? '')
  return new Set(apps.filter((app) => /^[a-z0-9][a-z0-9-]*$/.test(app)))
}

async function removeAll(
  registry: Registry,
  repository: string,
  digests: Iterable<string>,
  signal: AbortSignal,
): Promise<void> {
  for (const digest of new Set(digests)) await registry.remove(`${repository}@${digest}`, signal)
}

export async function pruneImages(
  registry: Registry,
  target: Target,
  apps: Iterable<string>,
  keep: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  for (const app of apps) {
    const repository = repositoryOf(target, app)
    const tags = await registry.tags(repository, signal)
    const old = unneeded(tags, (digest) => keep.has(`${repository}@${digest}`), Date.now())
    await removeAll(registry, repository, old, signal)
    const cache = cacheRepositoryOf(target, app)
    const layers = await registry.tags(cache, signal)
    if (layers.size > maxCachedLayers) await removeAll(registry, cache, layers.values(), signal)
  }
}

/** Everything of an app. */
export async function forgetImages(
  registry: Registry,
  target: Target,
  app: string,
  references: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const repository = repositoryOf(target, app)
  const tags = await registry.tags(repository, signal)
  const ours = [...tags].filter(([tag]) => tagTime(tag) !== null).map(([, digest]) => digest)
  const named = references
    .filter((reference) => reference.startsWith(`${repository}@`))
    .map((reference) => reference.slice(repository.length + 1))
  await removeAll(registry, repository, [...ours, ...named], signal)
  const cache = cacheRepositoryOf(target, app)
  await removeAll(registry, cache, (await registry.tags(cache, signal)).values(), signal)
}
