// How are the parts of a controller connected, and in which order do they close?
import { createHmac, randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DeisError } from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { openBackend } from './backend.ts'
import { type Config, loopback } from './config.ts'
import type { Core } from './domain/core.ts'
import { appAccess } from './domain/accounts/access.ts'
import { asCaller } from './domain/accounts/auth.ts'
import { appRegistry } from './domain/builds/images.ts'
import { keyOwner } from './domain/accounts/keys.ts'
import { openAppLogs } from './domain/live/logs.ts'
import { receivePush } from './domain/builds/push.ts'
import { createHere } from './domain/here.ts'
import { createPasswords } from './domain/accounts/passwords.ts'
import { createQueue } from './domain/releases/queue.ts'
import { apiHost, createRouteTable } from './domain/edge/routes.ts'
import { publishRoutes } from './domain/edge/routing.ts'
import { abandonBuilds, publishAllRoutes, resumeApps, watchPeers } from './domain/releases/start.ts'
import type { GitServer } from '@deis/git/port'
import { removeRepo } from '@deis/git/repos'
import { startGitServer } from '@deis/git/ssh/ssh'
import { createApp } from './http/app.ts'
import { startMaintenance } from './maintenance.ts'
import { createVault, secretFile } from './store/crypto.ts'
import { lockFolder } from './store/lock.ts'
import { dialectOf, openDb } from './store/open.ts'
import { noPeers, type Peers } from './store/peers.ts'

export type Controller = {
  readonly api: string
  readonly git: string
  /** What the first account is registered with; null where it needs none, or is there. */
  readonly registrationToken: string | null
  /** `stop` also ends every app process; they come back at the next start. */
  close(options: { readonly stop: boolean }): Promise<void>
}

/** Where this program's own files are. */
export type Files = {
  readonly migrations: string
  /** Argument vectors. */
  readonly hookProgram: readonly string[]
  readonly archiveProgram: readonly string[]
  readonly runner: string
}

const closeMs = 10_000
const pushMs = 5_000
/** More than the grace period of our pods. */
const podSeconds = 90

function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** An address that clients can use: not the wildcard that the server may listen on. */
export function reachable(listening: string, asked: string): string {
  if (listening !== '0.0.0.0' && listening !== '::') return listening
  return /^[a-z0-9][a-z0-9.-]*$|^\[[0-9a-f:.]+\]$/i.test(asked) ? asked.replace(/^\[|\]$/g, '') : 'localhost'
}

/** Keys that the operator did not give are made once and kept in files that only the controller's user reads. */
async function withKeys(config: Config): Promise<{ config: Config; secret: Buffer }> {
  const file = (name: string): string => join(config.dataDir, 'keys', name)
  const secret =
    config.secretKey === undefined ? await secretFile(file('secret.key')) : Buffer.from(config.secretKey, 'hex')
  const builderKey = config.builderKey ?? (await secretFile(file('builder.key'))).toString('hex')
  const routerKey = config.routerKey ?? (await secretFile(file('router.key'))).toString('hex')
  const registrationToken =
    config.registrationToken ??
    (loopback.has(config.apiHost) ? null : (await secretFile(file('registration.token'))).toString('hex'))
  return { config: { ...config, builderKey, routerKey, registrationToken }, secret }
}

function startGit(core: Core, files: Files): Promise<GitServer> {
  const { config, db } = core
  return startGitServer({
    host: config.apiHost,
    port: config.gitPort,
    folder: join(config.dataDir, 'repos'),
    hostKeyFolder: join(config.dataDir, 'keys'),
    hookProgram: files.hookProgram,
    gitPath: 'git',
    path: config.path,
    maxPackBytes: config.maxPackBytes,
    sourceLimits: config.source,
    anyBranch: config.anyBranch,
    submodules: config.submodules,
    identify: async (fingerprint) => {
      const username = await keyOwner(core, fingerprint)
      return username === null ? null : { username }
    },
    authorize: async (username, app) => {
      const user = await db.user.findUnique({ where: { username } })
      const found = user?.isActive ? await appAccess(core, asCaller(user), app) : null
      if (!found) return 'no app'
      return found.role ? 'ok' : 'forbidden'
    },
    deployBranch: async (app) =>
      (await db.app.findUnique({ where: { id: app }, select: { deployBranch: true } }))?.deployBranch ?? null,
    setDeployBranch: async (app, branch) => {
      await db.app.updateMany({ where: { id: app }, data: { deployBranch: branch } })
    },
    deploy: (push) => receivePush(core, push),
    log: (level, message, fields) => core.log[level](fields, message),
  })
}

async function openPeers(databaseUrl: string, log: Logger): Promise<Peers> {
  const instance = randomUUID()
  if (dialectOf(databaseUrl) === 'sqlite') return noPeers(instance)
  const { postgresPeers } = await import('./store/peers-postgresql.ts')
  return postgresPeers(databaseUrl, instance, (error) =>
    log.warn({ err: error }, 'other controllers cannot be reached through the database'),
  )
}

/** A pod that was deleted has its grace period to end; the one that takes its place starts at once. */
function endingPod(log: Logger): Parameters<typeof lockFolder>[1] {
  return {
    seconds: podSeconds,
    waits: () => log.warn('another controller has this data folder: waiting until it has ended'),
  }
}

/** Opens everything, listens, and resumes what an earlier controller left. */
export async function startController(given: Config, files: Files, log: Logger): Promise<Controller> {
  const { dataDir } = given
  // Users of apps may pass through this folder; private data is in subfolders that they cannot enter.
  await mkdir(dataDir, { recursive: true, mode: 0o755 })
  for (const name of ['state', 'keys', 'logs']) await mkdir(join(dataDir, name), { recursive: true, mode: 0o700 })
  const lock = await lockFolder(join(dataDir, 'state'), given.scheduler === 'kubernetes' ? endingPod(log) : undefined)
  const ends: (() => Promise<void>)[] = [() => lock.release()]
  const closeAll = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end()
  }
  try {
    const { config, secret } = await withKeys(given)
    const store = await openDb(config.databaseUrl, files.migrations)
    ends.push(() => store.close())
    const shutdown = new AbortController()
    const peers = await openPeers(config.databaseUrl, log)
    ends.push(() => peers.close())
    const routes = createRouteTable(config.platformDomain, {
      routersExpected: config.routing === 'router',
    })
    let port = config.apiPort
    const vault = createVault(secret)
    const backend = await openBackend({
      config,
      routes,
      // All controllers of one installation have this key, and no other one does.
      platform: createHmac('sha256', secret).update('platform').digest('hex').slice(0, 16),
      peers,
      log,
      runnerFile: files.runner,
      archiveProgram: files.archiveProgram,
      appRegistry: (app) => appRegistry({ db: store.db, vault }, app),
      apiPort: () => port,
    })
    const { scheduler, builder, registry } = backend
    let stop = false
    ends.push(() => backend.close())
    ends.push(() => scheduler.close({ stop }))
    const running: { git: GitServer | null } = { git: null }
    const core: Core = {
      config,
      db: store.db,
      vault,
      passwords: createPasswords(),
      scheduler,
      builder,
      registry,
      peers,
      here: createHere(),
      queue: createQueue(shutdown.signal, peers.lock),
      routes,
      logs: openAppLogs(
        join(dataDir, 'logs'),
        () => new Date(),
        (error) => log.error({ err: error }, 'app log cannot be written'),
        (app, at, text) => peers.notify({ kind: 'line', app, at, text }),
      ),
      log,
      shutdown: shutdown.signal,
      removeRepo: async (app) => {
        await running.git?.cancelPushes(app)
        await removeRepo(join(dataDir, 'repos'), app)
      },
    }
    const unwatch = scheduler.onChange((app) => {
      publishRoutes(core, app).catch((error: unknown) => log.error({ app, err: error }, 'routes cannot be published'))
    })
    ends.push(async () => unwatch())
    const endWatching = watchPeers(core)
    ends.push(async () => endWatching())
    await abandonBuilds(core)
    await publishAllRoutes(core)
    if (config.apiUpstream !== null)
      routes.set(apiHost, { app: apiHost, hosts: [apiHost], upstreams: [config.apiUpstream], shared: true })
    const git = await startGit(core, files)
    running.git = git
    // A restart lets builds end that are nearly done; stopping the platform does not wait for them.
    ends.push(() => git.close(stop ? 0 : pushMs))
    const endMaintenance = startMaintenance(core, git)
    ends.push(async () => endMaintenance())
    const gitUrl = (asked: string): string =>
      config.gitUrl ?? `ssh://git@${authority(reachable(config.apiHost, asked), git.port)}`
    const server = createApp(core, gitUrl, backend.intercept)
    ends.push(() => closeServer(server))
    await server.listen({ host: config.apiHost, port: config.apiPort })
    const address = server.server.address()
    if (typeof address === 'object' && address) port = address.port
    const resuming = resumeApps(core).catch((error: unknown) => log.error({ err: error }, 'apps could not be resumed'))
    return {
      api: `http://${authority(reachable(config.apiHost, 'localhost'), port)}`,
      git: gitUrl('localhost'),
      registrationToken: (await store.db.user.count()) === 0 ? config.registrationToken : null,
      async close(options) {
        stop = options.stop
        shutdown.abort(new DeisError('unavailable', 'The controller is stopping. Try again in a moment.'))
        await core.queue.idle()
        await resuming
        await core.logs.flush()
        await closeAll()
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** Requests that wait for work that was just aborted answer at once; other connections are closed after a while. */
async function closeServer(server: FastifyInstance): Promise<void> {
  const late = setTimeout(() => server.server.closeAllConnections(), closeMs)
  await server.close()
  clearTimeout(late)
}
