// How do images of the registry that the platform runs leave it for a backup, and come back?
import { imageTag } from '@deis/container/image-names'
import type { Log } from '@deis/ports/backend'
import type { Registry, StoredImage } from '@deis/ports/registry'
import { createRegistry } from '@deis/registry/create'
import { openOwnRegistry } from './builder/registry.ts'
import { openEngine } from './engine/engine.ts'
import { openNetworks } from './scheduler/networks.ts'
import type { DockerSettings } from './settings.ts'

export type StoredRegistry = {
  /** Gives an image for as long as `use` runs. @throws ImageError */
  read: <T>(reference: string, use: (stored: StoredImage) => Promise<T>, signal: AbortSignal) => Promise<T>
  /** Under the reference that it had. @throws ImageError */
  write(reference: string, stored: StoredImage, signal: AbortSignal): Promise<void>
  close(): void
}

type Deps = {
  readonly platform: string
  readonly registryPassword: string
  readonly log: Log
  /** Whether it is made if it is not there. */
  readonly isNeeded: boolean
}

const openMs = 60_000

/** Null: it was never needed, or the operator has one. @throws when there is no engine that can be used, or it does not start. */
export async function openStoredRegistry(
  settings: DockerSettings,
  { platform, registryPassword: password, log, isNeeded }: Deps,
  signal: AbortSignal,
): Promise<StoredRegistry | null> {
  const { target, subnets: pools, registries } = settings
  if (!('port' in target)) return null
  const engine = await openEngine(settings, AbortSignal.timeout(openMs))
  try {
    const networks = openNetworks({ engine, platform, pools, log })
    const own = openOwnRegistry({ engine, platform, networks, ...target, password })
    if (!isNeeded && !(await own.isThere(signal))) {
      engine.close()
      return null
    }
    await own.ensure(signal)
    const registry: Registry = createRegistry({
      ...registries,
      insecure: [...registries.insecure, own.outside],
      credentials: own.credentials,
    })
    return {
      read: (reference, use, signal) => registry.readStored(reference, use, signal),
      async write(reference, stored, signal) {
        const [repository = ''] = reference.split('@')
        const id = stored.manifest.digest
        await registry.writeStored(
          repository,
          imageTag({ sha: id.slice('sha256:'.length), id }, new Date()),
          stored,
          signal,
        )
      },
      close: () => engine.close(),
    }
  } catch (error) {
    engine.close()
    throw error
  }
}
