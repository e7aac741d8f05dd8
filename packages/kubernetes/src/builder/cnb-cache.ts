// Which images of layers kept between builds does a build leave behind, and when are they deleted?
import type { Registry } from '@deis/ports/registry'
import { cacheRepositoryOf, type Target } from '@deis/container/image-names'
import { cacheImageOf, cachePrefix } from './names.ts'

/** Of an app, by tag. */
export async function cachesOf(
  registry: Registry,
  target: Target,
  app: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const tags = await registry.tags(cacheRepositoryOf(target, app), signal)
  return new Map([...tags].filter(([tag]) => tag.startsWith(cachePrefix)))
}

/** The one that a build replaced, and those of other builders; `builder` null: all. */
export async function removeCaches(
  registry: Registry,
  target: Target,
  app: string,
  { before, builder }: { readonly before: ReadonlyMap<string, string>; readonly builder: string | null },
  signal: AbortSignal,
): Promise<void> {
  if (before.size === 0) return
  const own = builder === null ? null : cacheImageOf(target, app, builder)
  const now =
    own === null ? undefined : (await cachesOf(registry, target, app, signal)).get(own.slice(own.lastIndexOf(':') + 1))
  for (const digest of new Set(before.values()))
    if (digest !== now) await registry.remove(`${cacheRepositoryOf(target, app)}@${digest}`, signal)
}
