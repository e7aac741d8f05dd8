// What has to be finished, undone or resumed when the controller starts (docs/architecture.md, principle 5)?
import type { Unready } from '@deis/ports/resume'
import { messageOf } from '@deis/types'
import { publishChallenges, publishForPeer } from '../acme/challenges.ts'
import { destroyApp } from '../apps/apps.ts'
import { appIds, appPages, atOnce, type StoredApp } from '../apps/bulk.ts'
import { abandonBuilds, cancelForPeer } from '../builds/build.ts'
import { converge } from './converge.ts'
import type { Core } from '../core.ts'
import { unreadyText } from '../apps/failing-apps.ts'
import { leftOver, unfinishedMs } from '../apps/reserved.ts'
import { countsOf, structureProblem } from '../apps/structure.ts'
import { stopForPeer } from '../live/one-offs.ts'
import type { Message } from '../../store/peers.ts'
import { publishRoutes, publishRoutesOf } from '../edge/routing.ts'
import { makeReadable } from '../apps/unreadable.ts'

const workers = 4
const firstRetryMs = 5_000
const lastRetryMs = 300_000
const lookEveryMs = 10_000
/** Well within the time for which such a message counts. */
const notifyRoutersMs = 5_000

/** To the operator, and to those who may see the app. */
function report(core: Core, app: string, error: unknown): void {
  if (!core.here.failingApps.set(app, messageOf(error))) return
  core.log.error({ app, err: error }, 'app could not be brought to its desired state, retrying')
  core.logs.write(app, 'ERROR', messageOf(error))
}

/** The others serve; these are started again by the backend. */
function reportUnready(core: Core, app: string, unready: readonly Unready[]): void {
  const why = unreadyText(unready)
  if (!core.here.failingApps.set(app, why, unready)) return
  core.log.warn({ app, unready }, 'processes of an app are not ready')
  core.logs.write(app, unready.some(({ failed }) => failed) ? 'ERROR' : 'WARN', why)
}

/** Forgets what was reported of apps whose processes are ready by now. */
export async function lookAtUnready(core: Core): Promise<void> {
  for (const app of core.here.failingApps.unready()) {
    const pods = await core.scheduler.observe(app).catch(() => null)
    if (pods?.every(({ type, state }) => type === 'run' || state === 'up' || state === 'terminating'))
      core.here.failingApps.clear(app)
  }
}

/** Tries once, and again in the background until all of it runs or the controller stops. */
async function convergeOrRetry(core: Core, app: string, delay = firstRetryMs): Promise<void> {
  try {
    const unready = await converge(core, app).catch(async (error: unknown) => {
      if (!(await makeReadable(core, app))) throw error
      return converge(core, app)
    })
    if (unready.length === 0) return core.here.failingApps.clear(app)
    reportUnready(core, app, unready)
  } catch (error) {
    if (core.shutdown.aborted) return
    report(core, app, error)
  }
  setTimeout(() => void convergeOrRetry(core, app, Math.min(delay * 2, lastRetryMs)), delay).unref()
}

/** Every app's route, before any router can ask: an empty snapshot would clear what it serves. */
export async function publishAllRoutes(core: Core): Promise<void> {
  for await (const page of appIds(core)) {
    const ids = page.map(({ id }) => id)
    await publishRoutesOf(core, ids, (app, error) => report(core, app, error))
  }
}

/**
 * Whether there is nothing to run and nothing that runs; only asked of backends where pods are all there is. Whatever runs is
 * applied again: until then a backend that found it running does not know how to start it again.
 */
async function isSettled(core: Core, app: StoredApp): Promise<boolean> {
  if (app.pending) return false
  if (app.good === null) return true
  const stored: unknown = JSON.parse(app.structure)
  if (structureProblem(stored, core.config.maxProcesses) !== null) return false
  if (Object.values(countsOf(stored)).some((count) => count > 0)) return false
  return (await core.scheduler.observe(app.id)).length === 0
}

async function resumeApp(core: Core, app: StoredApp, podsOnly: boolean): Promise<void> {
  if (app.destroying) {
    // The page was read a while ago: what was asked for since may have made an app of it, or a rename given it another name.
    const left = await leftOver(core, app.uuid)
    if (left !== null) await destroyApp(core, left)
    return
  }
  // Unknown: try.
  if (podsOnly && (await isSettled(core, app).catch(() => false))) return
  await convergeOrRetry(core, app.id)
}

/** Converges every app that needs it, a few at a time. Resolves when each was tried. */
export async function resumeApps(core: Core): Promise<void> {
  const { podsOnly = false } = await core.scheduler.capabilities()
  for await (const page of appPages(core)) {
    const rest = [...page]
    const worker = async (): Promise<void> => {
      for (let app = rest.shift(); app && !core.shutdown.aborted; app = rest.shift())
        await resumeApp(core, app, podsOnly).catch((error: unknown) => {
          if (!core.shutdown.aborted) core.log.error({ err: error }, 'an app could not be resumed')
        })
    }
    await Promise.all(Array.from({ length: workers }, worker))
    if (core.shutdown.aborted) return
  }
}

/** What a controller left unfinished that died while this one runs on. Only while there may be others. */
async function takeOver(core: Core, busy: Set<string>): Promise<void> {
  // Without one there is nothing of a build to look for in the backend, which would be asked at every look.
  if (await core.db.build.findFirst({ where: { status: 'running' }, select: { uuid: true } })) await abandonBuilds(core)
  const old = new Date(Date.now() - unfinishedMs)
  const left = await core.db.app.findMany({
    where: {
      OR: [
        { destroying: true, updatedAt: { lt: old } },
        { releases: { some: { state: 'pending', updatedAt: { lt: old } } } },
      ],
    },
    select: { id: true, uuid: true, destroying: true },
    take: atOnce,
  })
  for (const app of left) {
    if (busy.has(app.id) || core.queue.isBusy(app.id) || core.here.reserved.has(app.uuid)) continue
    busy.add(app.id)
    const work: Promise<unknown> = app.destroying ? destroyApp(core, app) : converge(core, app.id)
    work
      .catch((error: unknown) => {
        if (!core.shutdown.aborted) core.log.error({ app: app.id, err: error }, 'unfinished work failed')
      })
      .finally(() => busy.delete(app.id))
      // Runs in the background.
      .catch(() => {})
  }
}

async function handleMessage(core: Core, message: Message | null): Promise<void> {
  if (message === null) {
    await publishChallenges(core)
    return publishAllRoutes(core)
  }
  if (message.kind === 'app') return publishRoutes(core, message.app)
  if (message.kind === 'line') return core.logs.copy(message.app, message.at, message.text)
  if (message.kind === 'routers') return core.routes.reportPeer(message.of, message)
  if (message.kind === 'challenges') return publishForPeer(core, message.change)
  if (message.kind === 'challenged') return core.here.acme.peerAnswered(message.change, message.of)
  if (message.kind === 'stop') return stopForPeer(core, message.app, message.process, message.by)
  cancelForPeer(core, message.build, message.by)
}

/** Takes over the work of controllers that died; one that still runs holds the app's lock. Returns the function that ends it. */
export function watchPeers(core: Core): () => void {
  core.peers.onMessage((message) => {
    handleMessage(core, message).catch((error: unknown) =>
      core.log.error({ err: error }, 'a message from another controller could not be handled'),
    )
  })
  if (!core.peers.shared) return () => {}
  const notifyRouterCounts = (): void =>
    core.peers.notify({ kind: 'routers', of: core.peers.instance, ...core.routes.own() })
  notifyRouterCounts()
  const notifying = setInterval(notifyRouterCounts, notifyRoutersMs)
  notifying.unref()
  const busy = new Set<string>()
  const timer = setInterval(() => {
    takeOver(core, busy).catch((error: unknown) => core.log.error({ err: error }, 'could not look for unfinished work'))
  }, lookEveryMs)
  timer.unref()
  return () => {
    clearInterval(notifying)
    clearInterval(timer)
  }
}
