// How does the backend "docker" open: apps are containers of a Docker Engine?
import { join } from 'node:path'
import { createArchiver } from '@deis/machine/archive'
import type { Backend, Log } from '@deis/ports/backend'
import type { Credentials } from '@deis/ports/registry'
import { createRegistry } from '@deis/registry/create'
import { createDockerBuilder } from './builder/create.ts'
import { openEngine } from './engine/engine.ts'
import { createDockerScheduler } from './scheduler/create.ts'
import type { DockerSettings } from './settings.ts'

export type { DockerSettings } from './settings.ts'

type Settings = {
  readonly docker: DockerSettings
  readonly dataDir: string
  readonly buildTimeoutSeconds: number
  /** Further variables of all builds. */
  readonly locale: Readonly<Record<string, string>>
  readonly buildEnv: Readonly<Record<string, string>>
}

type Deps = {
  /** Tells this installation from others on the same engine. */
  readonly platform: string
  /** The argument vector of the program that packs and unpacks. */
  readonly archiveProgram: readonly string[]
  /** An app's own registry credentials, by registry host. */
  readonly appRegistry: (app: string) => Promise<Readonly<Record<string, Credentials>>>
  /** Resolves when no router sends or holds requests to an address of an app. */
  readonly drained: (app: string, address: string, signal: AbortSignal) => Promise<void>
  readonly log: Log
}

const openMs = 60_000

export async function openBackend(settings: Settings, deps: Deps): Promise<Backend> {
  const { docker, dataDir } = settings
  const { platform, archiveProgram, appRegistry, drained, log } = deps
  const engine = await openEngine(docker, AbortSignal.timeout(openMs))
  log('info', 'using the Docker Engine', { host: docker.host, version: engine.version, api: engine.api })
  const scheduler = await createDockerScheduler({
    engine,
    platform,
    folder: join(dataDir, 'logs', 'pods'),
    pools: docker.subnets,
    reach: docker.reach,
    registryCredentials: docker.registries.credentials,
    drained,
    log,
  })
  const builder = await createDockerBuilder({
    engine,
    platform,
    archiver: createArchiver(archiveProgram),
    folder: join(dataDir, 'builder', 'sources'),
    appRegistry,
    credentials: docker.registries.credentials,
    timeoutSeconds: settings.buildTimeoutSeconds,
    limits: docker.buildLimits,
    env: { ...settings.locale, ...settings.buildEnv },
    log,
  })
  const registry = createRegistry(docker.registries)
  return { scheduler, builder, registry, intercept: null, close: async () => engine.close() }
}
