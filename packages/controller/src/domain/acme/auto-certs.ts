// What do users see of automatic certificates, and what can they change?
import { type AutoCert, DeisError, forbidden, notFound, time } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { visibleTo, appAccess } from '../accounts/access.ts'
import { type PageRequest, readSlice, type Slice } from '../apps/page.ts'
import type { AppRow } from '../apps/rows.ts'
import type { Caller, Core } from '../core.ts'
import { domainInPath } from '../edge/domains.ts'
import { changeEdge } from '../edge/edge.ts'
import { marked, unmarked } from '../requests/request-mark.ts'
import { hostOf, platformHosts } from './hosts.ts'
import { inWords } from './problem.ts'

const withApp = { domain: { select: { app: { select: { id: true } } } } } as const
type NameRow = Row.AcmeName & { readonly domain: { readonly app: { readonly id: string } } | null }

function toAutoCert(row: NameRow): AutoCert {
  const { errorType: type, errorDetail: detail, errorAt: at } = row
  return {
    host: row.host,
    app: row.domain?.app.id ?? null,
    state: row.state as AutoCert['state'],
    issuer: row.issuer,
    expires: row.expires ? time(row.expires) : null,
    next: time(row.state === 'issued' ? (row.renewAt ?? row.nextAt) : row.nextAt),
    attempts: row.attempts,
    error: type !== null && at !== null ? { type, detail: inWords(type, detail ?? ''), at: time(at) } : null,
  }
}

export async function autoCertsPage(core: Core, caller: Caller, page: PageRequest): Promise<Slice<AutoCert>> {
  const own = platformHosts(core.config)
  const ofApps = { domain: { app: visibleTo(caller) } }
  const where = caller.isSuperuser ? { OR: [{ domainId: { not: null } }, { host: { in: own } }] } : ofApps
  return readSlice(
    page,
    (part) => core.db.acmeName.findMany({ where, include: withApp, orderBy: { host: 'asc' }, ...part }),
    () => core.db.acmeName.count({ where }),
    toAutoCert,
  )
}

type AppCerts = { app: string; enabled: boolean; results: AutoCert[] }

export async function autoCertsOf(core: Core, app: AppRow): Promise<AppCerts> {
  const row = await core.db.app.findUniqueOrThrow({ where: { uuid: app.uuid }, select: { autoCerts: true } })
  const rows = await core.db.acmeName.findMany({
    where: { domain: { appUuid: app.uuid } },
    include: withApp,
    orderBy: { host: 'asc' },
  })
  return { app: app.id, enabled: core.config.acme !== null && row.autoCerts !== false, results: rows.map(toAutoCert) }
}

const notHere = (): DeisError =>
  new DeisError(
    'invalid',
    'This platform gets no certificates by itself, so nothing was changed. Its operator can change that (DEIS_ACME).',
  )

export async function turnAutoCerts(core: Core, caller: Caller, app: AppRow, isOn: boolean): Promise<AppCerts> {
  if (core.config.acme === null) throw notHere()
  const { uuid } = app
  await changeEdge(core, app.id, async () => {
    const { autoCerts: before } = await core.db.app.findUniqueOrThrow({ where: { uuid }, select: { autoCerts: true } })
    const set = (autoCerts: boolean | null) => (tx: { app: Core['db']['app'] }) =>
      tx.app.updateMany({ where: { uuid }, data: { autoCerts } })
    await marked(core, caller.request, set(isOn), () => ({ answer: null, appUuid: uuid }))
    return { value: undefined, undo: () => unmarked(core, caller.request, set(before)) }
  })
  core.logs.write(app.id, 'INFO', `automatic certificates turned ${isOn ? 'on' : 'off'}`)
  if (isOn)
    await core.db.acmeName.updateMany({
      where: {
        domain: { appUuid: uuid },
        NOT: { state: 'issued' },
        OR: [{ errorType: null }, { errorType: { not: 'rateLimited' } }],
        leaseUntil: null,
      },
      data: { nextAt: new Date(), attempts: 0 },
    })
  core.here.acme.wake()
  return autoCertsOf(core, app)
}

/** Now, and as if nothing had failed. */
export async function retryAutoCert(core: Core, caller: Caller, raw: string): Promise<void> {
  if (core.config.acme === null) throw notHere()
  const host = hostOf(domainInPath(raw), core.config.platformDomain)
  const row = await core.db.acmeName.findUnique({ where: { host }, include: withApp })
  if (!row || (row.domain === null && !platformHosts(core.config).includes(host))) throw notFound('Domain')
  const access = row.domain ? await appAccess(core, caller, row.domain.app.id) : null
  if (!caller.isSuperuser && !access) throw notFound('Domain')
  if (!caller.isSuperuser && !access?.role) throw forbidden()
  if (row.state === 'issued')
    throw new DeisError('conflict', `"${host}" has a certificate, and is not due. It is renewed by itself.`)
  // More tries before that only make the limit last, also for the names of others.
  if (row.errorType === 'rateLimited' && row.nextAt.getTime() > Date.now() && !caller.isSuperuser)
    throw new DeisError(
      'conflict',
      `A limit of the CA is reached, so "${host}" is tried again at ${time(row.nextAt)}: ${row.errorDetail ?? ''}`,
    )
  await marked(core, caller.request, (tx) =>
    tx.acmeName.updateMany({ where: { host, leaseUntil: null }, data: { nextAt: new Date(), attempts: 0 } }),
  )
  core.here.acme.wake()
}
