// How does the backend "docker" open: apps are containers of a Docker Engine?
import { join } from 'node:path'
import { createArchiver } from '@deis/machine/archive'
import type { Backend, Log } from '@deis/ports/backend'
import type { Credentials } from '@deis/ports/registry'
import { createRegistry } from '@deis/registry/create'
import { createDockerBuilder } from './builder/create.ts'
import { ownCredentials, ownHost, withOwnAccount } from './builder/registry.ts'
import { openEngine } from './engine/engine.ts'
import { withLocalImages } from './local-images.ts'
import { createDockerScheduler } from './scheduler/create.ts'
import { openNetworks } from './scheduler/networks.ts'
import type { DockerSettings } from './settings.ts'

export type { DockerSettings } from './settings.ts'

type Settings = {
  readonly docker: DockerSettings
  readonly dataDir: string
  readonly buildTimeoutSeconds: number
  readonly maxSlugBytes: number
  /** Further variables of all builds. */
  readonly locale: Readonly<Record<string, string>>
  readonly buildEnv: Readonly<Record<string, string>>
}

type Deps = {
  /** Tells this installation from others on the same engine. */
  readonly platform: string
  /** Of the registry that the platform runs; no other installation has it. */
  readonly registryPassword: string
  /** The program that builds inside a container. */
  readonly runnerFile: string
  /** The argument vector of the program that packs and unpacks. */
  readonly archiveProgram: readonly string[]
  /** An app's own registry credentials, by registry host. */
  readonly appRegistry: (app: string) => Promise<Readonly<Record<string, Credentials>>>
  /** Resolves when no router sends or holds requests to an address of an app. */
  readonly drained: (app: string, address: string, signal: AbortSignal) => Promise<void>
  readonly log: Log
}

const openMs = 60_000

const isGlibc = (): boolean =>
  'glibcVersionRuntime' in (process.report.getReport() as { readonly header: object }).header

export async function openBackend(settings: Settings, deps: Deps): Promise<Backend> {
  const { docker, dataDir } = settings
  const { platform, archiveProgram, runnerFile, appRegistry, registryPassword, drained, log } = deps
  const engine = await openEngine(docker, AbortSignal.timeout(openMs))
  log('info', 'using the Docker Engine', { host: docker.host, version: engine.version, api: engine.api })
  const networks = openNetworks({ engine, platform, pools: docker.subnets, log })
  const { insecure, credentials } = docker.registries
  const port = 'port' in docker.target ? docker.target.port : null
  const registries =
    port === null
      ? docker.registries
      : {
          ...docker.registries,
          insecure: [...insecure, ownHost(port)],
          credentials: { ...credentials, ...ownCredentials(port, registryPassword) },
        }
  const scheduler = await createDockerScheduler({
    engine,
    networks,
    platform,
    folder: join(dataDir, 'logs', 'pods'),
    stateFolder: join(dataDir, 'docker'),
    pools: docker.subnets,
    reach: docker.reach,
    registryCredentials: registries.credentials,
    drained,
    log,
  })
  const builder = await createDockerBuilder({
    engine,
    platform,
    archiver: createArchiver(archiveProgram),
    folder: join(dataDir, 'builder', 'sources'),
    stateFolder: join(dataDir, 'builder', 'docker'),
    layerCacheBytes: docker.caches.layerBytes,
    buildpackCacheBytes: docker.caches.buildpackBytes,
    appRegistry,
    registries: docker.registries,
    target: 'port' in docker.target ? { ...docker.target, password: registryPassword } : docker.target,
    cnb: docker.cnb,
    dockerfileBuilder: docker.dockerfileBuilder,
    frontends: docker.frontends,
    timeoutSeconds: settings.buildTimeoutSeconds,
    limits: docker.buildLimits,
    networks,
    images: { stack: docker.stackImage, run: docker.runImage },
    buildpacks: docker.buildpacks,
    maxSlugBytes: settings.maxSlugBytes,
    runnerFile,
    // Images of stacks have none; one that was made for another C library would not start there.
    node: isGlibc() ? process.execPath : null,
    env: { ...settings.locale, ...settings.buildEnv },
    log,
  })
  const asked = createRegistry(registries)
  const registry = withLocalImages(port === null ? asked : withOwnAccount(asked, ownHost(port)), {
    engine,
    allowed: docker.localImages,
  })
  return { scheduler, builder, registry, slugs: null, intercept: null, close: async () => engine.close() }
}
