// What is cleaned up from time to time, independent of requests?
import { join } from 'node:path'
import { appPages } from './domain/apps/bulk.ts'
import type { Core } from './domain/core.ts'
import { deleteOldDeviceLogins } from './domain/accounts/device-logins.ts'
import { deleteOldEvents } from './domain/events/events.ts'
import { deleteOldRequests } from './domain/requests/requests.ts'
import type { GitServer } from '@deis/git/port'
import { maintainRepo } from '@deis/git/repos'

const everyMs = 24 * 3600 * 1000
const deleteEveryMs = 3600 * 1000

/** Packs repositories that have no push running; a failure is logged and retried the next day. */
async function maintain(core: Core, git: GitServer): Promise<void> {
  const repos = { program: 'git', path: core.config.path, folder: join(core.config.dataDir, 'repos') }
  for await (const page of appPages(core))
    for (const { id, destroying } of page) {
      if (core.shutdown.aborted) return
      if (destroying || git.isPushing(id)) continue
      try {
        await maintainRepo(repos, id, core.shutdown)
      } catch (error) {
        if (!core.shutdown.aborted) core.log.warn({ app: id, err: error }, 'repository maintenance failed')
      }
    }
}

/** Returns the function that ends it. */
export function startMaintenance(core: Core, git: GitServer): () => void {
  const timer = setInterval(() => {
    maintain(core, git).catch((error: unknown) => core.log.error({ err: error }, 'maintenance failed'))
  }, everyMs)
  timer.unref()
  const deleteOld = (): void => {
    Promise.all([deleteOldRequests(core), deleteOldDeviceLogins(core)]).catch((error: unknown) =>
      core.log.error({ err: error }, 'old requests and logins could not be deleted'),
    )
    deleteOldEvents(core).catch((error: unknown) => core.log.error({ err: error }, 'old events could not be deleted'))
  }
  deleteOld()
  const deleting = setInterval(deleteOld, deleteEveryMs)
  deleting.unref()
  return () => {
    clearInterval(timer)
    clearInterval(deleting)
  }
}
