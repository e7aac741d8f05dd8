// Which route does an app have right now?
import type { AppRoute } from '@deis/types'
import type { Core } from './core.ts'
import { certPurpose } from './rows.ts'

/** Reads how the app is reached and its ready pods; null when it is not to be reached at all. */
async function routeOf(core: Core, id: string): Promise<AppRoute | null> {
  const app = await core.db.app.findUnique({
    where: { id },
    select: {
      destroying: true,
      domains: {
        select: { domain: true, certificate: { select: { certificate: true, key: true } } },
        orderBy: { domain: 'asc' },
      },
      settings: {
        orderBy: { createdAt: 'desc' },
        take: 1,
        select: { routable: true, maintenance: true, whitelist: true },
      },
      tls: { orderBy: { createdAt: 'desc' }, take: 1, select: { httpsEnforced: true } },
    },
  })
  const settings = app?.settings[0]
  if (!app || app.destroying || settings?.routable === false) return null
  const { addresses, shared } = await core.scheduler.upstreams(id)
  const whitelist = (settings?.whitelist ?? []) as string[]
  const certificates = app.domains.flatMap(({ domain, certificate }) =>
    certificate
      ? [
          {
            host: domain,
            certificate: certificate.certificate,
            key: core.vault.open(certPurpose, certificate.key),
          },
        ]
      : [],
  )
  return {
    app: id,
    hosts: app.domains.map(({ domain }) => domain).toSorted(),
    upstreams: [...addresses],
    ...(shared ? { shared } : {}),
    ...(settings?.maintenance ? { maintenance: true } : {}),
    ...(whitelist.length > 0 ? { whitelist } : {}),
    ...(app.tls[0]?.httpsEnforced ? { enforceTls: true } : {}),
    ...(certificates.length > 0 ? { certificates } : {}),
  }
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
