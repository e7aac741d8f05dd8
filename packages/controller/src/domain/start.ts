// What has to be finished, undone or taken up again when the controller starts (design §1.5)?
import { messageOf } from '@deis/types'
import { destroyApp } from './apps.ts'
import { converge } from './converge.ts'
import type { Core } from './core.ts'
import { publishRoutes } from './routing.ts'

const atOnce = 4
const firstRetryMs = 5_000
const lastRetryMs = 300_000

/** Builds that ended with the controller that ran them. */
export async function abandonBuilds(core: Core): Promise<void> {
  await core.builder.recover()
  await core.db.build.updateMany({ where: { status: 'running' }, data: { status: 'abandoned', updatedAt: new Date() } })
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
  const apps = await core.db.app.findMany({
    orderBy: { id: 'asc' },
    include: { owner: { select: { username: true } } },
  })
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
