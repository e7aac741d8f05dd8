// How does an image of an app leave this engine for another installation, and how does one come from there? Both by way of the
// registry where images of builds go: engines of all versions push and pull, but write archives of images each in its own way.
import { randomUUID } from 'node:crypto'
import { imageTag, repositoryOf } from '@deis/container/image-names'
import type { ImageTransfer } from '@deis/ports/builder'
import { ImageError, type Registry, type RegistrySettings } from '@deis/ports/registry'
import { architectureOf } from '@deis/registry/facts'
import type { Engine } from '../engine/engine.ts'
import { hasStatus } from '../engine/error.ts'
import { PushFailure, pushImage } from '../engine/push.ts'
import { accountOf } from '../engine/registry-auth.ts'
import type { Destination } from './registry.ts'

type Deps = {
  readonly engine: Engine
  readonly platform: string
  readonly registry: Registry
  readonly registries: RegistrySettings
  readonly destination: (signal: AbortSignal) => Promise<Destination>
  /** Images by reference that are being read, and not deleted before that ends. */
  readonly inUse: Set<string>
}

const workMs = 60_000

/** In place of an app, for images that only the engine has, while they are read. No app has a slash. */
export const exportsOf = (platform: string): string => `exports/${platform}`

const isOfEngine = (reference: string): boolean => reference.startsWith('sha256:')

export function createTransfer({ engine, platform, registry, registries, destination, inUse }: Deps): ImageTransfer {
  const readOfEngine: ImageTransfer['read'] = async (id, use, signal) => {
    const to = await destination(signal)
    const repository = repositoryOf({ ...to, host: to.outside }, exportsOf(platform))
    const tag = imageTag({ sha: id.slice('sha256:'.length), id: randomUUID() }, new Date())
    const account = accountOf(registries.credentials, to.outside)
    const reference = await pushImage(engine, id, { repository, tag }, account, signal).catch((error: unknown) => {
      if (error instanceof PushFailure) throw new ImageError(error.message, error.hint, { cause: error })
      if (!hasStatus(error, 404)) throw error
      throw new ImageError(
        `the image ${id} is no longer in this Docker Engine, and no registry has it`,
        'push the app again to build it',
        { cause: error },
      )
    })
    inUse.add(reference)
    try {
      return await registry.readStored(reference, use, signal)
    } finally {
      inUse.delete(reference)
      // What stays is deleted when builds are tidied.
      await registry.remove(reference, AbortSignal.timeout(workMs)).catch(() => false)
    }
  }

  return {
    platform: { os: 'linux', architecture: architectureOf(process.arch) },
    async read(reference, use, signal) {
      if (isOfEngine(reference)) return readOfEngine(reference, use, signal)
      await destination(signal)
      return registry.readStored(reference, use, signal)
    },
    async write(app, image, signal) {
      const to = await destination(signal)
      const tag = imageTag({ sha: image.manifest.digest.slice('sha256:'.length), id: randomUUID() }, new Date())
      return registry.writeStored(repositoryOf({ ...to, host: to.outside }, app), tag, image, signal)
    },
  }
}
