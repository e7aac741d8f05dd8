// Under which names is an app reached, and how does it get and lose them (docs/contract/api.md §2.8)?
import { type Domain, DeisError, domainMessages, invalidField, notFound } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import { bounds } from '../apps/bounds.ts'
import type { Caller, Core } from '../core.ts'
import { domainName, isOfPlatform, labelOf, spellings } from './domain-rules.ts'
import { changeEdge } from './edge.ts'
import { isReserved, oneNameAtATime } from '../apps/names.ts'
import { foreignName, type Holder } from '../apps/name-space.ts'
import { type PageRequest, type Slice, readSlice } from '../apps/page.ts'
import { marked, unmarked } from '../requests/request-mark.ts'
import { type AppRow, toDomain } from '../apps/rows.ts'

export async function domainsPage(core: Core, app: AppRow, page: PageRequest): Promise<Slice<Domain>> {
  const where = { appUuid: app.uuid }
  return readSlice(
    page,
    (part) => core.db.domain.findMany({ where, orderBy: { domain: 'asc' }, ...part }),
    () => core.db.domain.count({ where }),
    (row) => toDomain(app.id, row),
  )
}

function refuseReserved(core: Core, name: string): void {
  const label = labelOf(name, core.config.platformDomain)
  if (label !== undefined && isReserved(core.config, label)) throw invalidField('domain', `${name} is a reserved name.`)
}

/** Refuses the platform's domain, names under it, where every app has a name of its own, and wildcards over public suffixes. */
function refusePlatform(core: Core, name: string): void {
  if (isOfPlatform(name, core.config.platformDomain))
    throw invalidField('domain', `"${name}" belongs to the platform, where every app has a name of its own.`)
  if (/^\*\.[^.]+$/.test(name))
    throw invalidField(
      'domain',
      `"${name}" covers domains of other owners. Use your own domain, as in "*.example${name.slice(1)}".`,
    )
}

/** Names that other apps have, also by a wildcard. `app` may be one that is not stored yet. */
async function refuseTaken(core: Core, app: Holder & { id: string }, written: string, name: string): Promise<void> {
  const taken = await core.db.domain.findFirst({
    where: { domain: { in: spellings(name, core.config.platformDomain) } },
  })
  if (taken?.appUuid === app.uuid) throw invalidField('domain', `The domain "${name}" already belongs to "${app.id}".`)
  if (taken)
    throw invalidField(
      'domain',
      taken.domain === written ? domainMessages.taken : `The domain ${name} is already in use by another app`,
    )
  const why = await foreignName(core, app, [name])
  if (why !== null) throw invalidField('domain', `"${name}" cannot be added: ${why}.`)
}

/** The stored form of a name that such an app can have. @throws DeisError why it cannot */
export async function freeDomain(
  core: Core,
  caller: Caller,
  app: Holder & { readonly id: string },
  raw: string,
): Promise<string> {
  const name = domainName(raw)
  refuseReserved(core, name)
  await refuseTaken(core, app, raw.trim(), name)
  if (!caller.isSuperuser) refusePlatform(core, name)
  return name
}

async function refuseMore(core: Core, app: AppRow): Promise<void> {
  const count = await core.db.domain.count({ where: { appUuid: app.uuid } })
  if (count >= bounds.domainsOfApp)
    throw invalidField('domain', `"${app.id}" has ${count} domains, the maximum. Remove one with deis domains:remove.`)
}

async function insertDomain(core: Core, caller: Caller, app: AppRow, name: string): Promise<Row.Domain> {
  const now = new Date()
  try {
    return await marked(
      core,
      caller.request,
      (tx) =>
        tx.domain.create({
          data: { domain: name, appUuid: app.uuid, owner: caller.username, createdAt: now, updatedAt: now },
        }),
      (row) => ({ answer: toDomain(app.id, row) }),
    )
  } catch (error) {
    if (isUniqueViolation(error)) throw invalidField('domain', domainMessages.taken)
    throw error
  }
}

export async function addDomain(core: Core, caller: Caller, app: AppRow, raw: string): Promise<Domain> {
  const name = domainName(raw)
  refuseReserved(core, name)
  return changeEdge(core, app.id, async () => {
    const row = await oneNameAtATime(core, async () => {
      // The app may have been transferred since the request came.
      const { ownerId } = await core.db.app.findUniqueOrThrow({ where: { uuid: app.uuid }, select: { ownerId: true } })
      await refuseTaken(core, { id: app.id, uuid: app.uuid, ownerId }, raw.trim(), name)
      if (!caller.isSuperuser) refusePlatform(core, name)
      await refuseMore(core, app)
      return insertDomain(core, caller, app, name)
    })
    core.logs.write(app.id, 'INFO', `domain ${name} added`)
    return {
      value: toDomain(app.id, row),
      undo: () => unmarked(core, caller.request, (tx) => tx.domain.deleteMany({ where: { id: row.id } })),
    }
  })
}

/** The stored form of a name in a path. @throws 404 for an invalid name */
export function domainInPath(raw: string): string {
  try {
    return domainName(raw)
  } catch (error) {
    if (error instanceof DeisError) throw notFound('Domain')
    throw error
  }
}

export async function removeDomain(core: Core, caller: Caller, app: AppRow, raw: string): Promise<void> {
  const domain = domainInPath(raw)
  await changeEdge(core, app.id, async () => {
    const row = await core.db.domain.findFirst({ where: { domain, appUuid: app.uuid } })
    if (!row) throw notFound('Domain')
    await marked(core, caller.request, (tx) => tx.domain.deleteMany({ where: { id: row.id } }))
    core.logs.write(app.id, 'INFO', `domain ${domain} removed`)
    return { value: undefined, undo: () => unmarked(core, caller.request, (tx) => tx.domain.create({ data: row })) }
  })
}
