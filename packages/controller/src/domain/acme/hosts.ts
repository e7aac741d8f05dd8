// Which host names does the platform get certificates for?
import { isRouted } from '../../config.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import type { Core } from '../core.ts'
import { apiHost } from '../edge/routes.ts'

/** Names that are found at once; the rest follows. */
const atOnce = 200

/** As clients ask for it: a name without a dot is under the platform's domain. */
export function hostOf(domain: string, platformDomain: string): string {
  return domain.includes('.') ? domain : `${domain}.${platformDomain}`
}

/** Names of the platform itself; with a wildcard for all apps where DNS can prove it. */
export function platformHosts(config: Core['config']): string[] {
  if (config.acme === null) return []
  if (config.acme.dnsHook !== null) return [`*.${config.platformDomain}`]
  return isRouted(config) ? [hostOf(apiHost, config.platformDomain)] : []
}

/** Whose certificates are not their users' own, and not turned off. */
export const isAutomatic = {
  certificateId: null,
  app: { destroying: false, OR: [{ autoCerts: null }, { autoCerts: true }] },
}

async function addHost(core: Core, host: string, domainId: number | null): Promise<void> {
  const now = new Date()
  // A name that comes back, perhaps in another app, still has its certificate, and its failures still count at the CA.
  const { count } = await core.db.acmeName.updateMany({ where: { host }, data: { domainId, updatedAt: now } })
  if (count > 0) return
  const data = { host, domainId, state: 'pending', attempts: 0, nextAt: now, createdAt: now, updatedAt: now }
  await core.db.acmeName.create({ data }).catch((error: unknown) => {
    // Another controller was faster.
    if (!isUniqueViolation(error)) throw error
  })
}

/** Adds names that are wanted, and deletes those that nothing has any more. @returns whether there may be more to add */
export async function syncHosts(core: Core): Promise<boolean> {
  const { config, db } = core
  const own = platformHosts(config)
  for (const host of own) if ((await db.acmeName.count({ where: { host } })) === 0) await addHost(core, host, null)
  const missing = await db.domain.findMany({
    where: {
      ...isAutomatic,
      acmeName: null,
      // With a wildcard for all of them, names of apps need none of their own.
      ...(config.acme?.dnsHook ? { domain: { contains: '.' } } : {}),
      // A name is asked for when there is something to reach.
      app: { ...isAutomatic.app, releases: { some: { state: 'deployed', buildUuid: { not: null } } } },
    },
    select: { id: true, domain: true },
    orderBy: { id: 'asc' },
    take: atOnce,
  })
  for (const { id, domain } of missing) await addHost(core, hostOf(domain, config.platformDomain), id)
  const gone = { domainId: null, host: { notIn: own }, leaseUntil: null, txtValue: null }
  await db.acmeName.deleteMany({ where: { ...gone, OR: [{ expires: null }, { expires: { lt: new Date() } }] } })
  return missing.length === atOnce
}

/** After a change of the platform's domain: no app has names under the former one any more. */
export async function releaseFormerHosts({ db, config }: Core): Promise<void> {
  const labels = await db.acmeName.findMany({
    where: { domain: { NOT: { domain: { contains: '.' } } } },
    select: { host: true, domain: { select: { domain: true } } },
  })
  const former = labels.filter(({ host, domain }) => domain && host !== hostOf(domain.domain, config.platformDomain))
  for (const { host } of former) await db.acmeName.updateMany({ where: { host }, data: { domainId: null } })
}
