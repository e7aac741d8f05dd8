// Which images of ours are deleted from the engine, and when?
import type { Static } from 'typebox'
import type { Engine } from '../engine/engine.ts'
import { hasStatus } from '../engine/error.ts'
import { ImageList } from '../engine/objects.ts'
import { appLabel, ofApp, ofPlatform } from '../labels.ts'

const hourMs = 3_600_000

type Where = { readonly engine: Engine; readonly platform: string }

type Listed = Static<typeof ImageList>[number]

async function remove({ engine }: Where, image: Listed, signal: AbortSignal): Promise<void> {
  const deletes = (name: string, force: boolean): Promise<void> =>
    engine
      .send('deleting an image', { method: 'DELETE', path: `/images/${name}`, query: { force } }, signal)
      .catch((error: unknown) => {
        // 409: a container uses it; it goes another time.
        if (!hasStatus(error, 404, 409)) throw error
      })
  const { Id, RepoTags, RepoDigests } = image
  const copies = (RepoDigests ?? []).filter((name) => !name.startsWith('<none>'))
  if (copies.length === 0) return deletes(Id, true)
  // Another app runs the same image out of a registry: it has that name only from now on, and goes with it.
  for (const tag of RepoTags ?? []) if (tag.startsWith('deis/')) await deletes(encodeURIComponent(tag), false)
}

const listed = ({ engine, platform }: Where, labels: readonly string[], signal: AbortSignal) => {
  const query = { filters: { label: [ofPlatform(platform), ...labels] } }
  return engine.read('listing images', ImageList, { method: 'GET', path: '/images/json', query }, signal)
}

/** Those of no kept release, if they are older than an hour: the release of a newer one may not be stored yet. */
export async function pruneImages(where: Where, keep: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  for (const image of await listed(where, [], signal))
    if (image.Labels?.[appLabel] !== undefined && !keep.has(image.Id) && Date.now() - image.Created * 1000 > hourMs)
      await remove(where, image, signal)
}

/** All of an app. */
export async function forgetImages(where: Where, app: string, signal: AbortSignal): Promise<void> {
  for (const image of await listed(where, [ofApp(app)], signal)) await remove(where, image, signal)
}
