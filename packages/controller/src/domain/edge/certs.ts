// Which certificates has a user, and for which domains do they serve (docs/contract/api.md §2.10)?
import { type Certificate, certMessages, DeisError, forbidden, invalidField, notFound } from '@deis/types'
import { isUniqueViolation } from '../../store/errors.ts'
import type * as Row from '../../store/generated/sqlite/client.ts'
import type { Tx } from '../../store/open.ts'
import { appAccess } from '../accounts/access.ts'
import { readCertificate } from './cert-rules.ts'
import { bounds } from '../apps/bounds.ts'
import type { Caller, Core } from '../core.ts'
import { domainInPath } from './domains.ts'
import { changeEdge, refuseAtIngress, type Stored } from './edge.ts'
import { type PageRequest, type Slice, readSlice } from '../apps/page.ts'
import { marked, type Change, unmarked } from '../requests/request-mark.ts'
import { type CertRow, certPurpose, toCertificate } from '../apps/rows.ts'

const whole = {
  owner: { select: { username: true } },
  domains: { select: { domain: true }, orderBy: { domain: 'asc' } },
} as const

export async function certsPage(core: Core, caller: Caller, page: PageRequest): Promise<Slice<Certificate>> {
  const where = { ownerId: caller.id }
  return readSlice(
    page,
    (part) => core.db.certificate.findMany({ where, orderBy: { name: 'asc' }, include: whole, ...part }),
    () => core.db.certificate.count({ where }),
    toCertificate,
  )
}

/** Only the caller's own; admins do not see those of others. */
async function ownCert(core: Core, caller: Caller, name: string): Promise<CertRow> {
  const row = await core.db.certificate.findFirst({ where: { name, ownerId: caller.id }, include: whole })
  if (!row) throw notFound('Certificate')
  return row
}

export async function certNamed(core: Core, caller: Caller, name: string): Promise<Certificate> {
  return toCertificate(await ownCert(core, caller, name))
}

export async function addCert(
  core: Core,
  caller: Caller,
  body: { name: string; certificate: string; key: string },
): Promise<Certificate> {
  const { key, ...facts } = readCertificate(body.certificate, body.key)
  const count = await core.db.certificate.count({ where: { ownerId: caller.id } })
  if (count >= bounds.certificatesOfUser)
    throw invalidField(
      'name',
      `"${caller.username}" has ${count} certificates, the maximum. Remove one with deis certs:remove.`,
    )
  const now = new Date()
  try {
    const sealed = core.vault.seal(certPurpose, key)
    const data = { name: body.name, ownerId: caller.id, ...facts, key: sealed, createdAt: now, updatedAt: now }
    const made = await marked(
      core,
      caller.request,
      async (tx) => toCertificate(await tx.certificate.create({ data, include: whole })),
      (answer) => ({ answer }),
    )
    core.log.info({ certificate: made.name, by: caller.username }, 'certificate added')
    return made
  } catch (error) {
    if (isUniqueViolation(error)) throw invalidField('name', certMessages.taken)
    throw error
  }
}

/** The certificate of a domain, now and when that is undone. */
async function setCertificate(
  core: Core,
  request: Change | undefined,
  { id, appUuid, certificateId }: Row.Domain,
  next: number | null,
): Promise<Stored<undefined>> {
  const set = (to: number | null) => (tx: Tx) =>
    tx.domain.updateMany({ where: { id }, data: { certificateId: to, updatedAt: new Date() } })
  await marked(core, request, set(next), () => ({ answer: null, appUuid }))
  return { value: undefined, undo: () => unmarked(core, request, set(certificateId)) }
}

/** Only to a domain whose app the caller may use; otherwise a certificate could replace another user's (docs/contract/api.md §7 #31). */
export async function attachCert(core: Core, caller: Caller, name: string, raw: string | undefined): Promise<void> {
  const cert = await ownCert(core, caller, name)
  if (!raw?.trim()) throw new DeisError('invalid', 'domain is a required field')
  const where = { domain: domainInPath(raw) }
  const found = await core.db.domain.findUnique({ where, include: { app: { select: { id: true } } } })
  const access = found && (await appAccess(core, caller, found.app.id))
  if (!found || !access) throw notFound('Domain')
  if (!access.role) throw forbidden()
  refuseAtIngress(core, 'certificates')
  await changeEdge(core, found.app.id, async () => {
    const row = await core.db.domain.findUnique({ where: { ...where, appUuid: access.app.uuid } })
    if (!row) throw notFound('Domain')
    if (row.certificateId !== null) throw new DeisError('conflict', 'Domain already has a certificate attached to it')
    return setCertificate(core, caller.request, row, cert.id)
  })
}

type Attached = { readonly certificateId: number; readonly domain: string; readonly app: string }

async function detach(core: Core, request: Change | undefined, { app, ...attached }: Attached): Promise<void> {
  await changeEdge(core, app, async () => {
    const row = await core.db.domain.findFirst({ where: attached })
    if (!row) throw notFound('Domain')
    return setCertificate(core, request, row, null)
  })
}

/** The owner of a certificate may always detach it. */
export async function detachCert(core: Core, caller: Caller, name: string, raw: string): Promise<void> {
  const cert = await ownCert(core, caller, name)
  const found = await core.db.domain.findFirst({
    where: { domain: domainInPath(raw), certificateId: cert.id },
    include: { app: { select: { id: true } } },
  })
  if (!found) throw notFound('Domain')
  await detach(core, caller.request, { certificateId: cert.id, domain: found.domain, app: found.app.id })
}

export async function removeCert(core: Core, caller: Caller, name: string): Promise<void> {
  const cert = await ownCert(core, caller, name)
  const served = { where: { certificateId: cert.id }, include: { app: { select: { id: true } } } } as const
  // Not the change that was asked for, but on the way to it: what a kill leaves of it, the same request ends.
  for (const { domain, app } of await core.db.domain.findMany(served))
    await detach(core, undefined, { certificateId: cert.id, domain, app: app.id })
  await marked(core, caller.request, async (tx) => {
    // Attached again in the meantime, so it is still wanted.
    const { count } = await tx.certificate.deleteMany({ where: { id: cert.id, domains: { none: {} } } })
    if (count === 0)
      throw new DeisError(
        'conflict',
        `Certificate "${name}" was attached to a domain in the meantime, so it was not removed.`,
      )
  })
  core.log.info({ certificate: name, by: caller.username }, 'certificate removed')
}
