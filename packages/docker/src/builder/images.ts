// Which images of ours are deleted from the engine, and when?
import type { Engine } from '../engine/engine.ts'
import { hasStatus } from '../engine/error.ts'
import { ImageList } from '../engine/objects.ts'
import { appLabel, ofApp, ofPlatform } from '../labels.ts'

const hourMs = 3_600_000

type Where = { readonly engine: Engine; readonly platform: string }

async function remove({ engine }: Where, id: string, signal: AbortSignal): Promise<void> {
  const call = { method: 'DELETE', path: `/images/${id}`, query: { force: true } } as const
  await engine.send('deleting an image', call, signal).catch((error: unknown) => {
    // 409: a container uses it; it goes another time.
    if (!hasStatus(error, 404, 409)) throw error
  })
}

const listed = ({ engine, platform }: Where, labels: readonly string[], signal: AbortSignal) => {
  const query = { filters: { label: [ofPlatform(platform), ...labels] } }
  return engine.read('listing images', ImageList, { method: 'GET', path: '/images/json', query }, signal)
}

/** Those of no kept release, if they are older than an hour: the release of a newer one may not be stored yet. */
export async function pruneImages(where: Where, keep: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  for (const { Id, Created, Labels } of await listed(where, [], signal))
    if (Labels?.[appLabel] !== undefined && !keep.has(Id) && Date.now() - Created * 1000 > hourMs)
      await remove(where, Id, signal)
}

/** All of an app. */
export async function forgetImages(where: Where, app: string, signal: AbortSignal): Promise<void> {
  for (const { Id } of await listed(where, [ofApp(app)], signal)) await remove(where, Id, signal)
}
