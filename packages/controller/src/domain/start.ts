// What has to be finished, undone or taken up again when the controller starts (design §1.5)?
import { messageOf } from '@deis/types'
import { destroyApp } from './apps.ts'
import { cancelForPeer } from './cancelBuild.ts'
import { converge } from './converge.ts'
import type { Core } from './core.ts'
import { pushLock } from './push.ts'
import type { Message } from '../store/peers.ts'
import { publishRoutes } from './routing.ts'
import { withOwner } from './rows.ts'

const atOnce = 4
const firstRetryMs = 5_000
const lastRetryMs = 300_000
/** Unfinished for this long: perhaps nobody works on it any more. */
const unfinishedMs = 10_000
const lookEveryMs = 10_000

/** Builds that ended with the controller that ran them. */
export async function abandonBuilds(core: Core): Promise<void> {
  await core.builder.recover()
  const running = await core.db.build.findMany({
    where: { status: 'running' },
    include: { app: { select: { id: true } } },
  })
  for (const { uuid, app } of running) {
    // Whoever builds holds the app's push; another controller's build goes on.
    const held = await core.peers.tryLock(pushLock(app.id))
    if (!held) continue
    try {
      await core.db.build.updateMany({
        where: { uuid, status: 'running' },
        data: { status: 'abandoned', updatedAt: new Date() },
      })
    } finally {
      await held.release()
    }
  }
}

/** Tries once; what fails is tried again in the background until the app is as it should be or the controller stops. */
async function settle(core: Core, app: string, delay = firstRetryMs): Promise<void> {
  try {
    await converge(core, app)
  } catch (error) {
    if (core.shutdown.aborted) return
    core.log.error({ app, err: error }, 'app cannot be brought to its desired state, trying again')
    core.logs.say(app, 'ERROR', messageOf(error))
    setTimeout(() => void settle(core, app, Math.min(delay * 2, lastRetryMs)), delay).unref()
  }
}

/** Every app's route, before any router can ask: an empty snapshot would clear what it serves. */
export async function publishAllRoutes(core: Core): Promise<void> {
  const apps = await core.db.app.findMany({ select: { id: true } })
  await Promise.all(apps.map(({ id }) => publishRoutes(core, id)))
}

/** Converges every app, a few at a time. Resolves when each was tried. */
export async function takeUp(core: Core): Promise<void> {
  const apps = await core.db.app.findMany({ orderBy: { id: 'asc' }, include: withOwner })
  const rest = [...apps]
  const worker = async (): Promise<void> => {
    for (let app = rest.shift(); app && !core.shutdown.aborted; app = rest.shift()) {
      if (!app.destroying) await settle(core, app.id)
      else
        await destroyApp(core, app).catch((error: unknown) =>
          core.log.error({ err: error }, 'an app could not be destroyed'),
        )
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** What a controller left unfinished that died while this one runs on. Only while there may be others. */
async function takeOver(core: Core, busy: Set<string>): Promise<void> {
  await abandonBuilds(core)
  const old = new Date(Date.now() - unfinishedMs)
  const left = await core.db.app.findMany({
    where: {
      OR: [
        { destroying: true, updatedAt: { lt: old } },
        { releases: { some: { state: 'pending', updatedAt: { lt: old } } } },
      ],
    },
    include: withOwner,
  })
  for (const app of left) {
    if (busy.has(app.id) || core.queue.isBusy(app.id)) continue
    busy.add(app.id)
    const work = app.destroying ? destroyApp(core, app) : converge(core, app.id)
    work
      .catch((error: unknown) => {
        if (!core.shutdown.aborted) core.log.error({ app: app.id, err: error }, 'unfinished work failed')
      })
      .finally(() => busy.delete(app.id))
      // Nobody waits for it.
      .catch(() => {})
  }
}

async function hear(core: Core, message: Message | null): Promise<void> {
  if (message === null) return publishAllRoutes(core)
  if (message.kind === 'app') return publishRoutes(core, message.app)
  if (message.kind === 'line') return core.logs.take(message.app, message.at, message.text)
  cancelForPeer(core, message.build, message.by)
}

/** Looks after other controllers' work; whoever still does it holds the app's lock. Returns the function that ends it. */
export function watchPeers(core: Core): () => void {
  core.peers.onMessage((message) => {
    hear(core, message).catch((error: unknown) =>
      core.log.error({ err: error }, 'a message of another controller could not be followed'),
    )
  })
  if (!core.peers.shared) return () => {}
  const busy = new Set<string>()
  const timer = setInterval(() => {
    takeOver(core, busy).catch((error: unknown) => core.log.error({ err: error }, 'unfinished work was not looked for'))
  }, lookEveryMs)
  timer.unref()
  return () => clearInterval(timer)
}
