// Which certificate has the platform for its API, and for all names under its domain?
import type { AppRoute } from '@deis/types'
import { certPurpose } from '../apps/rows.ts'
import type { Core } from '../core.ts'
import { apiHost } from '../edge/routes.ts'
import { hostOf } from './hosts.ts'

type Certificates = NonNullable<AppRoute['certificates']>

/** The platform's own, for its API; or the one for all names under its domain. */
export async function platformCertificate({ db, config, vault }: Core): Promise<Certificates> {
  if (config.acme === null) return []
  const host = hostOf(apiHost, config.platformDomain)
  const wildcard = `*.${config.platformDomain}`
  const rows = await db.acmeName.findMany({
    where: { host: { in: [host, wildcard] }, certificate: { not: null }, expires: { gt: new Date() } },
  })
  const found = rows.find((row) => row.host === host) ?? rows[0]
  if (!found?.certificate || !found.key) return []
  return [{ host, certificate: found.certificate, key: vault.open(certPurpose, found.key) }]
}
