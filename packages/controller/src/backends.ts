// Which scheduler and which builder run, by the operator's choice? Only the chosen ones are loaded.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Builder } from './builder/port.ts'
import type { Config } from './config.ts'
import type { RouteTable } from './domain/routes.ts'
import type { Credentials, Registry, RegistrySettings } from './registry/port.ts'
import type { Scheduler } from './scheduler/port.ts'
import type { Peers } from './store/peers.ts'

export type Backends = {
  readonly scheduler: Scheduler
  readonly builder: Builder
  readonly registry: Registry | null
  /** Takes requests that are no part of the API; returns whether it did. */
  readonly intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null
  /** After the scheduler was closed. */
  close(): Promise<void>
}

type Deps = {
  readonly config: Config
  readonly routes: RouteTable
  /** Tells this installation from others on the same cluster. */
  readonly platform: string
  readonly peers: Peers
  readonly log: Logger
  /** The program that builds inside a pod. */
  readonly runnerFile: string
  /** The argument vector of the program that packs and unpacks. */
  readonly archiveProgram: readonly string[]
  /** An app's own registry credentials, by registry host. */
  readonly appRegistry: (app: string) => Promise<Readonly<Record<string, Credentials>>>
  /** The port that the API listens on, known once it does. */
  readonly apiPort: () => number
}

type Say = (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void

const sayTo =
  (log: Logger): Say =>
  (level, message, fields) =>
    log[level](fields, message)

async function onThisMachine({ config, routes, archiveProgram, log }: Deps): Promise<Backends> {
  const [
    { openAccounts },
    { openIsolation },
    { createArchiver },
    { openFirewall },
    { findShell },
    { createProcessScheduler },
    { createNativeBuilder },
  ] = await Promise.all([
    import('./os/accounts.ts'),
    import('./os/isolation.ts'),
    import('./os/archive.ts'),
    import('./os/firewall.ts'),
    import('./os/shell.ts'),
    import('./scheduler/process/create.ts'),
    import('./builder/native/create.ts'),
  ])
  const { dataDir, path, locale } = config
  const say = sayTo(log)
  const accounts = await openAccounts(dataDir)
  if (!accounts.isolated) log.warn({ reason: accounts.reason }, 'apps are not isolated from each other')
  const isolation = await openIsolation()
  if (isolation.kind === 'group') log.warn({ reason: isolation.detail }, 'processes may outlive their apps')
  const ports = { first: config.portFirst, last: config.portLast }
  const firewall = await openFirewall({
    folder: dataDir,
    path,
    ports,
    failed: (error) => log.error({ err: error }, 'ports of apps could not be closed again'),
  })
  const archiver = createArchiver(archiveProgram)
  const shell = findShell(path)
  const slugFolder = join(dataDir, 'slugs')
  const scheduler = await createProcessScheduler({
    folder: join(dataDir, 'ps'),
    slugFolder,
    accounts,
    archiver,
    isolation,
    ports,
    firewall,
    drained: (app, address, signal) => routes.drained(app, address, config.drainSeconds * 1000, signal),
    log: say,
    path,
    shell,
    locale,
  })
  const builder = await createNativeBuilder({
    folder: join(dataDir, 'builder'),
    slugFolder,
    accounts,
    archiver,
    isolation,
    path,
    shell,
    timeoutSeconds: config.buildTimeoutSeconds,
    maxSlugBytes: config.maxSlugBytes,
    passEnv: { ...locale, ...config.buildEnv },
    log: say,
  })
  return { scheduler, builder, registry: null, intercept: null, close: async () => {} }
}

function registrySettings({ cluster }: Config): RegistrySettings {
  const { host, username, password } = cluster.registry
  return {
    insecure: cluster.insecureRegistries,
    mirrors: cluster.registryMirrors,
    credentials: host === '' || username === '' ? {} : { [host]: { username, password } },
  }
}

async function onCluster(deps: Deps): Promise<Backends> {
  const { config, platform, peers, log, runnerFile, archiveProgram, appRegistry, apiPort } = deps
  const [
    { loadTransport },
    { createKube },
    { removeOldSettings },
    { createKubernetesScheduler },
    { createRegistry },
    { createArchiver },
    job,
  ] = await Promise.all([
    import('./kube/transport.ts'),
    import('./kube/client.ts'),
    import('./kube/old-settings.ts'),
    import('./scheduler/kubernetes/create.ts'),
    import('./registry/create.ts'),
    import('./os/archive.ts'),
    import('./builder/job/create.ts'),
  ])
  const { cluster, dataDir } = config
  const say = sayTo(log)
  const { transport, server } = await loadTransport()
  log.info({ server }, 'using the Kubernetes cluster')
  const kube = createKube(transport)
  const settings = registrySettings(config)
  const registry = createRegistry(settings)
  const { instance } = peers
  const alive = (other: string): Promise<boolean> => peers.alive(other)
  const handOff = job.createHandOff(() => cluster.podUrl ?? `http://${cluster.podIp ?? 'localhost'}:${apiPort()}`)
  const scheduler = await createKubernetesScheduler({
    kube,
    folder: join(dataDir, 'logs', 'pods'),
    drainSeconds: cluster.drainSeconds,
    quota: cluster.quota,
    secretPrefix: cluster.secretPrefix,
    registryCredentials: settings.credentials,
    routing: cluster.routing,
    ingressClass: cluster.ingressClass,
    platformDomain: config.platformDomain,
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
    log: say,
  })
  const own = cluster.ownNamespace
  if (own !== null)
    void removeOldSettings(kube, own).catch((error: unknown) =>
      say('warn', 'settings of an earlier install stay', { err: error }),
    )
  const builder = await job.createJobBuilder({
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
    target: { host: cluster.registry.host, organization: cluster.registry.organization },
    credentials: settings.credentials[cluster.registry.host] ?? null,
    insecure: cluster.insecureRegistries,
    mirrors: cluster.registryMirrors,
    appRegistry,
    timeoutSeconds: config.buildTimeoutSeconds,
    maxSlugBytes: config.maxSlugBytes,
    limits: { memory: cluster.buildMemory, cpu: cluster.buildCpu, disk: cluster.buildDisk },
    nodeSelector: cluster.buildNodes,
    blocked: cluster.egressBlocked,
    env: { ...config.locale, ...config.buildEnv },
    cacheFolder: join(dataDir, 'builder', 'cache'),
    runnerFile,
    buildpacks: cluster.buildpacks,
    instance,
    alive,
    log: say,
  })
  return {
    scheduler,
    builder,
    registry,
    intercept: (request, response) => handOff.handle(request, response),
    close: async () => kube.close(),
  }
}

export function openBackends(deps: Deps): Promise<Backends> {
  return deps.config.scheduler === 'kubernetes' ? onCluster(deps) : onThisMachine(deps)
}
