// How do images that a Docker Engine alone has get into a backup, and back into an engine?
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Config } from '@deis/controller/config'
import { imagesIn, openStoredImages, ownRegistry } from '@deis/docker/stored-images'
import { messageOf } from '@deis/types'
import { imagesFile, type Manifest } from './format/manifest.ts'
import { sizeText } from './format/size.ts'
import { loadRegistryImages } from './registry-images.ts'
import { copyFailure, loadHint, saveHint, withStored } from './stored.ts'

type DockerSettings = Config['docker']
type Circumstances = { readonly signal: AbortSignal; say(line: string): void }

/** Others have a registry that they are pulled from. */
export const isOfEngine = (artifact: string): boolean => /^sha256:[0-9a-f]{64}$/.test(artifact)

const progressBytes = 2 ** 28

/** Whether it is lost together with the machine, although it is in a registry. */
export const isOfOwnRegistry = (settings: DockerSettings, artifact: string): boolean => {
  const own = ownRegistry(settings)
  return own !== null && artifact.startsWith(`${own}/`)
}

/** Into the folder of a snapshot. Returns their ids, without those that the engine does not have any more. */
export async function saveImages(
  settings: DockerSettings,
  wanted: ReadonlySet<string>,
  folder: string,
  { signal, say }: Circumstances,
): Promise<string[]> {
  if (wanted.size === 0) return []
  const saved = await withStored(
    () => openStoredImages(settings),
    { signal, hint: saveHint },
    async (images) => {
      const ids: string[] = []
      for (const id of wanted) if (await images.has(id, signal)) ids.push(id)
      if (ids.length === 0) return ids
      await mkdir(join(folder, 'images'), { mode: 0o700 })
      let bytes = 0
      const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const chunk of chunks) {
          const before = Math.floor(bytes / progressBytes)
          bytes += chunk.length
          if (Math.floor(bytes / progressBytes) > before) say(`  images: ${sizeText(bytes)} so far`)
          yield chunk
        }
      }
      try {
        const archive = await images.save(ids, signal)
        const file = createWriteStream(join(folder, imagesFile), { mode: 0o600, flush: true })
        await pipeline(archive, counted, file, { signal })
      } catch (error) {
        throw copyFailure(error)
      }
      return ids
    },
  )
  return saved ?? []
}

/** In what was unpacked. Returns what was found; null: there are none. @throws when one is missing or not whole. */
export async function checkImages(folder: string, manifest: Manifest, signal: AbortSignal): Promise<string | null> {
  const { apps, images = [] } = manifest
  if (images.length === 0) return null
  let found: ReadonlySet<string>
  try {
    found = await imagesIn(join(folder, imagesFile), signal)
  } catch (error) {
    signal.throwIfAborted()
    throw new Error(`the images are damaged: ${messageOf(error)}`, { cause: error })
  }
  const missing = images.find((id) => !found.has(id))
  if (missing !== undefined) {
    const app = apps.find(({ artifact }) => artifact === missing)
    throw new Error(`the image ${missing}${app === undefined ? '' : ` of "${app.id}" v${app.version}`} is missing`)
  }
  return `images: ${images.length} whole`
}

/** What an app needs that has no image in the engine. */
function remedyFor(artifact: string, docker: DockerSettings): string {
  if (isOfEngine(artifact)) return 'is not in the engine: push the app again to build it'
  if (isOfOwnRegistry(docker, artifact))
    return `is pulled from the platform's own registry when the app starts; if that is lost, push the app again`
  return `is pulled when the app starts: ${artifact}`
}

/** Into the engine, from what was unpacked; then names each app whose image is not there. */
export async function loadImages(
  { scheduler, docker, secret }: Pick<Config, 'scheduler' | 'docker'> & { readonly secret: Buffer },
  folder: string,
  { scheduler: before, apps, images: saved = [], registry = [] }: Manifest,
  { signal, say }: Circumstances,
): Promise<void> {
  if (before !== 'docker') return
  if (scheduler !== 'docker') {
    say(`images: none are loaded, because DEIS_SCHEDULER is "${scheduler}", and was "docker"`)
    return
  }
  await withStored(
    () => openStoredImages(docker),
    { signal, hint: loadHint },
    async (images) => {
      if (saved.length > 0) {
        await images.load(createReadStream(join(folder, imagesFile)), signal)
        say(`images: ${saved.length} loaded into the engine`)
      }
      const ours = registry.filter(({ reference }) => isOfOwnRegistry(docker, reference))
      const pushed = await loadRegistryImages({ docker, secret }, folder, ours, { signal, say })
      for (const { id, version, artifact } of apps)
        if (artifact !== null && !pushed.has(artifact) && !(await images.has(artifact, signal)))
          say(`images: that of "${id}" v${version} ${remedyFor(artifact, docker)}`)
    },
  )
}
