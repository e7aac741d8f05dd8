// Which route does an app have right now?
import type { AppRoute } from '@deis/types'
import type { Core } from './core.ts'

/** Reads domains and ready pods; null when the app is not to be reached at all. */
async function routeOf(core: Core, id: string): Promise<AppRoute | null> {
  const app = await core.db.app.findUnique({
    where: { id },
    select: {
      destroying: true,
      domains: { select: { domain: true } },
      settings: { orderBy: { createdAt: 'desc' }, take: 1, select: { routable: true } },
    },
  })
  if (!app || app.destroying || app.settings[0]?.routable === false) return null
  const { addresses, shared } = await core.scheduler.upstreams(id)
  const hosts = app.domains.map(({ domain }) => domain).toSorted()
  return { app: id, hosts, upstreams: [...addresses], ...(shared ? { shared } : {}) }
}

const running = new WeakMap<Core, Map<string, { again: boolean; done: Promise<void> }>>()

/** Publishes the app's route; calls that come while one is under way are served by one more look, so the last word is never stale. */
export function publishRoutes(core: Core, id: string): Promise<void> {
  const all = running.get(core) ?? new Map<string, { again: boolean; done: Promise<void> }>()
  running.set(core, all)
  const current = all.get(id)
  if (current) {
    current.again = true
    return current.done
  }
  const mine = { again: true, done: Promise.resolve() }
  all.set(id, mine)
  mine.done = (async () => {
    try {
      while (mine.again) {
        mine.again = false
        core.routes.set(id, await routeOf(core, id))
      }
    } finally {
      all.delete(id)
    }
  })()
  return mine.done
}
