// How does the backend "kubernetes" open: apps are pods of a cluster, built there in Jobs?
import { join } from 'node:path'
import { createArchiver } from '@deis/machine/archive'
import type { Backend, Log } from '@deis/ports/backend'
import type { Credentials, RegistrySettings } from '@deis/ports/registry'
import { createRegistry } from '@deis/registry/create'
import { createHandOff, createJobBuilder } from './builder/create.ts'
import { createKube } from './client/client.ts'
import { loadTransport } from './client/transport.ts'
import { removeOldSettings } from './cluster/old-settings.ts'
import { createKubernetesScheduler } from './scheduler/create.ts'
import type { ClusterSettings } from './settings.ts'

export type { ClusterSettings } from './settings.ts'

export type KubernetesSettings = {
  readonly cluster: ClusterSettings
  readonly dataDir: string
  readonly platformDomain: string
  readonly buildTimeoutSeconds: number
  readonly maxSlugBytes: number
  /** Further variables of all builds. */
  readonly locale: Readonly<Record<string, string>>
  readonly buildEnv: Readonly<Record<string, string>>
}

type Deps = {
  /** Tells this installation from others on the same cluster. */
  readonly platform: string
  /** This controller among those of the installation. */
  readonly instance: string
  readonly alive: (instance: string) => Promise<boolean>
  /** The program that builds inside a pod. */
  readonly runnerFile: string
  /** The argument vector of the program that packs and unpacks. */
  readonly archiveProgram: readonly string[]
  /** An app's own registry credentials, by registry host. */
  readonly appRegistry: (app: string) => Promise<Readonly<Record<string, Credentials>>>
  /** The port that the API listens on, known once it does. */
  readonly apiPort: () => number
  readonly log: Log
}

function registrySettings(cluster: ClusterSettings): RegistrySettings {
  const { host, username, password } = cluster.registry
  return {
    insecure: cluster.insecureRegistries,
    mirrors: cluster.registryMirrors,
    credentials: host === '' || username === '' ? {} : { [host]: { username, password } },
  }
}

export async function openBackend(given: KubernetesSettings, deps: Deps): Promise<Backend> {
  const { cluster, dataDir } = given
  const { platform, instance, alive, runnerFile, archiveProgram, appRegistry, apiPort, log } = deps
  const { transport, server } = await loadTransport()
  log('info', 'using the Kubernetes cluster', { server })
  const kube = createKube(transport)
  const settings = registrySettings(cluster)
  const registry = createRegistry(settings)
  const handOff = createHandOff(() => cluster.podUrl ?? `http://${cluster.podIp ?? 'localhost'}:${apiPort()}`)
  const scheduler = await createKubernetesScheduler({
    kube,
    folder: join(dataDir, 'logs', 'pods'),
    drainSeconds: cluster.drainSeconds,
    quota: cluster.quota,
    secretPrefix: cluster.secretPrefix,
    registryCredentials: settings.credentials,
    routing: cluster.routing,
    ingressClass: cluster.ingressClass,
    ingressIssuer: cluster.ingressIssuer,
    platformDomain: given.platformDomain,
    network: {
      routers: cluster.routing === 'router' ? cluster.ownNamespace : null,
      sources: cluster.appSources,
      blocked: cluster.egressBlocked,
    },
    podSecurity: cluster.podSecurity,
    platform,
    instance,
    alive,
    debug: cluster.debug,
    log,
  })
  const own = cluster.ownNamespace
  if (own !== null)
    void removeOldSettings(kube, own).catch((error: unknown) =>
      log('warn', 'settings of an earlier install stay', { err: error }),
    )
  const builder = await createJobBuilder({
    kube,
    registry,
    archiver: createArchiver(archiveProgram),
    handOff,
    namespace: cluster.buildNamespace,
    images: {
      stack: cluster.stackImage,
      run: cluster.runImage,
      buildah: cluster.buildahImage,
      tools: cluster.toolsImage,
    },
    ...(cluster.cnb === undefined ? {} : { cnb: cluster.cnb }),
    target: { host: cluster.registry.host, organization: cluster.registry.organization },
    credentials: settings.credentials[cluster.registry.host] ?? null,
    insecure: cluster.insecureRegistries,
    mirrors: cluster.registryMirrors,
    appRegistry,
    timeoutSeconds: given.buildTimeoutSeconds,
    maxSlugBytes: given.maxSlugBytes,
    limits: { memory: cluster.buildMemory, cpu: cluster.buildCpu, disk: cluster.buildDisk },
    nodeSelector: cluster.buildNodes,
    blocked: cluster.egressBlocked,
    env: { ...given.locale, ...given.buildEnv },
    cacheFolder: join(dataDir, 'builder', 'cache'),
    runnerFile,
    buildpacks: cluster.buildpacks,
    instance,
    alive,
    log,
  })
  return {
    scheduler,
    builder,
    registry,
    slugs: null,
    intercept: (request, response) => handOff.handle(request, response),
    close: async () => kube.close(),
  }
}
