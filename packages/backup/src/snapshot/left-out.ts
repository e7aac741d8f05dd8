// What did the platform have that a backup does not, in words?
import { isOfEngine, isOfOwnRegistry } from '../images.ts'
import type { Platform } from '../platform.ts'
import type { StoredApp } from './apps.ts'

type Leaving = Pick<Platform, 'scheduler' | 'slugs' | 'images'>
type Built = Pick<StoredApp, 'id' | 'artifact'>

/** Of images, by what has to be done for their apps after a restore. */
function imagesLeftOut({ scheduler, images }: Leaving, apps: readonly Built[], saved: readonly string[]): string[] {
  if (scheduler === 'process') return []
  const there = new Set(saved)
  const told = new Map<string, string[]>()
  for (const { id, artifact } of apps) {
    if (artifact === null || there.has(artifact)) continue
    const what = whyLeftOut(artifact, images)
    told.set(what, [...(told.get(what) ?? []), id])
  }
  return [...told].map(([what, ids]) => `images of ${ids.length} app(s), such as "${ids[0]}", ${what}`)
}

function whyLeftOut(artifact: string, images: Platform['images']): string {
  if (images !== null && isOfEngine(artifact))
    return images.which === 'none'
      ? 'that the engine alone has (DEIS_BACKUP_IMAGES): they have to be built again'
      : 'that the engine does not have any more: push these apps again'
  if (images !== null && isOfOwnRegistry(images.engine, artifact))
    return images.which === 'none'
      ? "that the platform's own registry has (DEIS_BACKUP_IMAGES): if that is lost, too, push these apps again"
      : "that the platform's own registry does not have any more: push these apps again"
  return 'that a registry has: they are pulled again'
}

export function leftOut(platform: Leaving, apps: readonly Built[], saved: readonly string[]): string[] {
  return [
    'logs of apps and of builds, and caches of builds',
    ...(platform.slugs === 'current' ? ['slugs of earlier releases: a rollback to them needs another push'] : []),
    ...imagesLeftOut(platform, apps, saved),
  ]
}
