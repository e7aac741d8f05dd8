// In which order does a controller open its parts, listen, and close them again?
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DeisError } from '@deis/types'
import type { Sockets } from '@deis/lib/held-sockets'
import { listenAt } from '@deis/lib/listen'
import { startMetrics } from '@deis/lib/metrics-listener'
import type { GitServer } from '@deis/git/port'
import { removeRepo } from '@deis/git/repos'
import type { Backend } from '@deis/ports/backend'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { authority, fromHere, reachable } from './address.ts'
import { openBackend } from './backend.ts'
import { type Config, isRouted } from './config.ts'
import { identityOf } from './identity.ts'
import { createPasswords } from './domain/accounts/passwords.ts'
import { startAcme } from './domain/acme/work.ts'
import { abandonBuilds } from './domain/builds/build.ts'
import { appRegistry } from './domain/builds/images.ts'
import { startBackups } from './domain/backups.ts'
import type { Core } from './domain/core.ts'
import { apiHost, createRouteTable } from './domain/edge/routes.ts'
import { publishRoutes } from './domain/edge/routing.ts'
import { createTraffic } from './domain/edge/traffic.ts'
import { clearSpool } from './domain/move/spool.ts'
import { createHere } from './domain/here.ts'
import { keepDrains } from './domain/drains/keep.ts'
import { noMeasures } from './domain/measures.ts'
import { openAppLogs } from './domain/live/logs.ts'
import { createQueue } from './domain/releases/queue.ts'
import { publishAllRoutes, resumeApps, watchPeers } from './domain/releases/start.ts'
import { gitOverHttp } from './git-over-http.ts'
import { openGitServer } from './git-server.ts'
import { createApp } from './http/app.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { startMaintenance } from './maintenance.ts'
import { withKeys } from './secrets.ts'
import { createVault } from './store/crypto.ts'
import { lockFolder } from './store/lock.ts'
import { refuseHalfRestored } from './store/restoring.ts'
import { openPeers } from './store/open-peers.ts'
import { openDb } from './store/open.ts'

export type Controller = {
  readonly api: string
  readonly git: string
  /** What the first account is registered with; null where it needs none, or is there. */
  readonly registrationToken: string | null
  /**
   * `stop` also ends every app process; they come back at the next start. Without it, pushes that run may end before:
   * `pushMs` at most.
   */
  close(options: { readonly stop: boolean; readonly pushMs: number }): Promise<void>
}

/** Where this program's own files are. */
export type Files = {
  readonly migrations: string
  /** Argument vectors. */
  readonly archiveProgram: readonly string[]
  readonly runner: string
  /** `deis-server`, which makes backups. */
  readonly server: string
  /** The folder with the package of the client. */
  readonly client: string
  /** The folder of the page's build. */
  readonly page: string
  /** For the API, then for git: what systemd holds open. */
  readonly sockets: Sockets
}

/** What is known only later, and what closes. */
type State = {
  readonly shutdown: AbortController
  /** Called in reverse. */
  readonly ends: (() => unknown)[]
  /** Whether every app process is ended, too. */
  stop: boolean
  /** Of the API; what was asked for until it listens. */
  port: number
  git: GitServer | null
}

const closeMs = 10_000
/** For those over HTTP that have begun meanwhile. */
const lastPushMs = 5_000
/** More than the grace period of our pods. */
const podSeconds = 120

/** A pod that was deleted has its grace period to end; the one that takes its place starts at once. */
function endingPod(log: Logger): Parameters<typeof lockFolder>[1] {
  return {
    seconds: podSeconds,
    waits: () => log.warn('another controller has this data folder: waiting until it has ended'),
  }
}

async function openFolder({ dataDir, scheduler }: Config, log: Logger, { ends }: State): Promise<void> {
  // Users of apps may pass through this folder; private data is in subfolders that they cannot enter.
  await mkdir(dataDir, { recursive: true, mode: 0o755 })
  for (const name of ['state', 'keys', 'logs']) await mkdir(join(dataDir, name), { recursive: true, mode: 0o700 })
  const lock = await lockFolder(join(dataDir, 'state'), scheduler === 'kubernetes' ? endingPod(log) : undefined)
  ends.push(() => lock.release())
  // After the lock: a restore holds it while it works.
  await refuseHalfRestored(dataDir)
}

async function open(
  given: Config,
  files: Files,
  log: Logger,
  state: State,
): Promise<{ core: Core; backend: Backend; metrics: Metrics | null }> {
  const { ends, shutdown } = state
  await openFolder(given, log, state)
  const { config, secret } = await withKeys(given)
  const { db, read, close } = await openDb(config.databaseUrl, files.migrations)
  ends.push(close)
  const peers = await openPeers(config.databaseUrl, (error) =>
    log.warn({ err: error }, 'other controllers cannot be reached through the database'),
  )
  ends.push(() => peers.close())
  const routes = createRouteTable(config.platformDomain, { routersExpected: config.routing === 'router' })
  const vault = createVault(secret)
  const backend = await openBackend({
    config,
    routes,
    ...identityOf(secret),
    peers,
    log,
    runnerFile: files.runner,
    archiveProgram: files.archiveProgram,
    appRegistry: (app) => appRegistry({ db, vault }, app),
    apiPort: () => state.port,
  })
  const { scheduler, builder, registry } = backend
  const metrics = config.metrics === null ? null : await createMetrics(config.scheduler)
  ends.push(() => backend.close())
  ends.push(() => scheduler.close({ stop: state.stop }))
  const core: Core = {
    config,
    db,
    read,
    vault,
    passwords: createPasswords(),
    scheduler,
    builder,
    registry,
    peers,
    here: createHere(),
    traffic: createTraffic(),
    queue: createQueue(shutdown.signal, peers.lock),
    routes,
    logs: openAppLogs(
      join(config.dataDir, 'logs'),
      () => new Date(),
      (error) => log.error({ err: error }, 'app log cannot be written'),
      (app, at, text) => peers.notify({ kind: 'line', app, at, text }),
    ),
    measures: metrics?.measures ?? noMeasures,
    log,
    shutdown: shutdown.signal,
    history: () => state.git?.history ?? null,
    slugs: backend.slugs,
    isPushing: (app) => state.git?.isPushing(app) ?? false,
    removeRepo: async (app) => {
      await state.git?.cancelPushes(app)
      await removeRepo(join(config.dataDir, 'repos'), app)
    },
  }
  return { core, backend, metrics }
}

async function showMetrics(core: Core, metrics: Metrics, { ends }: State): Promise<void> {
  const { config, log } = core
  metrics.observe(core)
  const listener = await startMetrics(config.metrics!, metrics)
  ends.push(() => listener.close())
  log.info({ port: listener.port }, 'metrics are shown')
}

/** What an earlier controller left is settled, and routes are known, before anybody can ask. */
async function listen(
  core: Core,
  intercept: Backend['intercept'],
  files: Files,
  state: State,
): Promise<{ gitUrl: (asked: string) => string }> {
  const { config, log } = core
  const { ends } = state
  ends.push(
    core.scheduler.onChange((app) => {
      publishRoutes(core, app).catch((error: unknown) => log.error({ app, err: error }, 'routes cannot be published'))
    }),
    ...(config.quarantine ? [] : [watchPeers(core), keepDrains(core)]),
  )
  await clearSpool(core)
  if (!config.quarantine) await abandonBuilds(core)
  await publishAllRoutes(core)
  const [apiSocket, gitSocket] = files.sockets
  const git = await openGitServer(core, gitSocket)
  state.git = git
  if (!config.quarantine) ends.push(startMaintenance(core, git))
  const gitUrl = (asked: string): string =>
    config.gitUrl ?? `ssh://git@${authority(reachable(config.gitHost, asked), git.port)}`
  const takesGit = gitOverHttp(core, git)
  const server = createApp(
    core,
    { url: gitUrl, hostKeys: git.hostKeys },
    (request, response) => takesGit(request, response) || (intercept?.(request, response) ?? false),
    files,
  )
  ends.push(async () => void (await Promise.all(core.here.deleting)))
  // Connections wait for the next controller where systemd holds the port open, and are not accepted to be refused.
  let closed: Promise<void> | null = null
  const close = (): Promise<void> => (closed ??= closeServer(server))
  core.shutdown.addEventListener('abort', () => void close())
  // Pushes over HTTP are told.
  ends.push(
    () => within(server, close()),
    () => git.close(state.stop ? 0 : lastPushMs),
  )
  await server.ready()
  const place = { host: config.apiHost, port: config.apiPort, held: apiSocket }
  state.port = await listenAt(server.server, place, (line) => log.warn(line))
  const { address } = server.server.address() as AddressInfo
  core.here.apiUpstream = config.apiUpstream ?? (config.publicApi ? fromHere(address, state.port) : null)
  if (isRouted(config)) await publishRoutes(core, apiHost)
  if (!config.quarantine) ends.push(startAcme(core))
  if (!config.quarantine) ends.push(startBackups({ config, peers: core.peers, log, program: files.server }))
  return { gitUrl }
}

/** Accepts nothing more, and resolves when what was accepted is answered: what waits for work that was aborted is at once. */
async function closeServer(server: FastifyInstance): Promise<void> {
  const closed = once(server.server, 'close')
  server.server.close()
  server.server.closeIdleConnections()
  await server.close()
  await closed
}

/** Connections that are still open after a while are closed. */
async function within({ server }: FastifyInstance, closed: Promise<void>): Promise<void> {
  const late = setTimeout(() => server.closeAllConnections(), closeMs)
  await closed
  clearTimeout(late)
}

/** The rest of the platform goes on meanwhile: a push needs it. */
async function finishPushes({ log }: Core, { git }: State, pushMs: number): Promise<void> {
  if (git === null) return
  const finishing = git.finish(pushMs)
  const late = setTimeout(() => log.info(`waiting up to ${pushMs / 1000} s for pushes that run`), 1_000)
  if (!(await finishing)) log.warn(`pushes did not end within ${pushMs / 1000} s and are cancelled`)
  clearTimeout(late)
}

async function closeAll({ ends }: State): Promise<void> {
  for (const end of ends.toReversed()) await end()
}

/** Opens everything, listens, and resumes what an earlier controller left. */
export async function startController(given: Config, files: Files, log: Logger): Promise<Controller> {
  const state: State = { shutdown: new AbortController(), ends: [], stop: false, port: given.apiPort, git: null }
  try {
    const { core, backend, metrics } = await open(given, files, log, state)
    if (metrics !== null) await showMetrics(core, metrics, state)
    const { gitUrl } = await listen(core, backend.intercept, files, state)
    const { config } = core
    const resuming = config.quarantine
      ? Promise.resolve()
      : resumeApps(core).catch((error: unknown) => log.error({ err: error }, 'apps could not be resumed'))
    return {
      api: `http://${authority(reachable(config.apiHost, 'localhost'), state.port)}`,
      git: gitUrl('localhost'),
      registrationToken: (await core.db.user.count()) === 0 ? config.registrationToken : null,
      async close({ stop, pushMs }) {
        state.stop = stop
        if (!stop) await finishPushes(core, state, pushMs)
        state.shutdown.abort(new DeisError('unavailable', 'The controller is stopping. Try again in a moment.'))
        await core.queue.idle()
        await resuming
        await core.logs.flush()
        await closeAll(state)
      },
    }
  } catch (error) {
    await closeAll(state)
    throw error
  }
}
