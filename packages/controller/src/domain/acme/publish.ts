// How do routers get the certificates that the platform has got?
import type * as Row from '../../store/generated/sqlite/client.ts'
import { appIds } from '../apps/bulk.ts'
import type { Core } from '../core.ts'
import { routesChanged } from '../edge/edge.ts'
import { apiHost } from '../edge/routes.ts'

/** A name has a new certificate. */
export async function publishCertificate(
  core: Core,
  { host, domainId }: Pick<Row.AcmeName, 'host' | 'domainId'>,
): Promise<void> {
  if (domainId !== null) {
    const found = await core.db.domain.findUnique({
      where: { id: domainId },
      select: { app: { select: { id: true } } },
    })
    if (found) await routesChanged(core, found.app.id)
    return
  }
  await routesChanged(core, apiHost)
  // Those of all apps have it.
  if (host.startsWith('*.'))
    for await (const page of appIds(core)) for (const { id } of page) await routesChanged(core, id)
}
