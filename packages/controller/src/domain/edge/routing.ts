// Which route does an app have right now?
import { type AppRoute, messageOf } from '@deis/types'
import { isRouted } from '../../config.ts'
import { platformCertificate } from '../acme/platform-certificate.ts'
import { apiHost } from './routes.ts'
import { inBulk } from '../apps/bulk.ts'
import type { Core } from '../core.ts'
import { type StoredEdge, readStoredEdges } from './stored-edge.ts'
import { certPurpose } from '../apps/rows.ts'

/** A certificate that cannot be opened is left out: the app itself can still be reached. */
function certificatesOf(core: Core, app: StoredEdge): NonNullable<AppRoute['certificates']> {
  return app.domains.flatMap(({ domain, certificate, key }) => {
    if (certificate === null || key === null) return []
    try {
      return [{ host: domain, certificate, key: core.vault.open(certPurpose, key) }]
    } catch (error) {
      core.log.error({ app: app.id, domain, err: error }, 'a certificate cannot be used')
      core.logs.write(app.id, 'ERROR', `the certificate of ${domain} cannot be used: ${messageOf(error)}`)
      return []
    }
  })
}

/** Names of apps under the platform's domain share one certificate where the platform has it. */
async function wildcardFor(core: Core, { domains }: StoredEdge): Promise<NonNullable<AppRoute['certificates']>> {
  if (!core.config.acme?.dnsHook) return []
  const labels = domains.filter(({ domain, certificate }) => !domain.includes('.') && certificate === null)
  if (labels.length === 0) return []
  const [shared] = await platformCertificate(core)
  return shared ? labels.map(({ domain }) => ({ ...shared, host: domain })) : []
}

/** Null: routers do not serve the API, or it does not listen yet. */
async function platformRoute(core: Core): Promise<AppRoute | null> {
  const { apiUpstream: upstream } = core.here
  if (upstream === null) return null
  const certificates = await platformCertificate(core)
  return {
    app: apiHost,
    hosts: [apiHost],
    upstreams: [upstream],
    shared: true,
    platform: true,
    ...(certificates.length > 0 ? { certificates, redirectTls: true } : {}),
  }
}

/** Null when it is not to be reached at all. */
async function routeOf(core: Core, app: StoredEdge): Promise<AppRoute | null> {
  if (!app.routable) return null
  const { addresses, shared } = await core.scheduler.upstreams(app.id)
  const { whitelist } = app
  const certificates = [...certificatesOf(core, app), ...(await wildcardFor(core, app))]
  return {
    app: app.id,
    hosts: app.domains.map(({ domain }) => domain).toSorted(),
    upstreams: [...addresses],
    ...(shared ? { shared } : {}),
    ...(app.release === null ? {} : { release: app.release }),
    ...(app.maintenance ? { maintenance: true } : {}),
    ...(whitelist.length > 0 ? { whitelist: [...whitelist] } : {}),
    ...(app.httpsEnforced ? { enforceTls: true } : {}),
    ...(app.httpsEnforced === null && core.config.acme !== null ? { redirectTls: true } : {}),
    ...(app.hsts !== null ? { hsts: app.hsts } : {}),
    ...(certificates.length > 0 ? { certificates } : {}),
  }
}

export type Publishing = { again: boolean; done: Promise<void> }

async function publish(core: Core, ids: readonly string[]): Promise<void> {
  const found = await readStoredEdges(core, ids)
  for (const id of ids) {
    const app = found.get(id)
    if (id === apiHost && isRouted(core.config)) core.routes.set(id, await platformRoute(core))
    else core.routes.set(id, app ? await routeOf(core, app) : null)
  }
}

/**
 * Publishes the apps' routes; calls that come while one is under way are served by one more look, so the last published route is never
 * stale.
 */
function publishSome(core: Core, ids: readonly string[]): Promise<void> {
  const all = core.here.publishing
  const others = ids.flatMap((id) => all.get(id) ?? [])
  for (const other of others) other.again = true
  const mine = new Map(ids.filter((id) => !all.has(id)).map((id) => [id, { again: true, done: Promise.resolve() }]))
  const done = (async () => {
    try {
      for (let wanted = [...mine]; wanted.length > 0; wanted = [...mine].filter(([, one]) => one.again)) {
        for (const [, one] of wanted) one.again = false
        await publish(
          core,
          wanted.map(([id]) => id),
        )
      }
    } finally {
      for (const id of mine.keys()) all.delete(id)
    }
  })()
  for (const [id, one] of mine) all.set(id, Object.assign(one, { done }))
  return Promise.all([done, ...others.map((other) => other.done)]).then(() => {})
}

export function publishRoutes(core: Core, id: string): Promise<void> {
  return publishSome(core, [id])
}

/** The routes of many apps; `failed` is called for one that cannot be read; the others are published all the same. */
export function publishRoutesOf(
  core: Core,
  ids: readonly string[],
  failed: (app: string, error: unknown) => void,
): Promise<void> {
  return inBulk(core, ids, (some) => publishSome(core, some), failed)
}
