// Under which names is an app reached, and how does it get and lose them (contract/api.md §2.8)?
import { type Domain, DeisError, domainMessages, invalidField, notFound } from '@deis/types'
import type * as Row from '../store/generated/sqlite/client.ts'
import { isUniqueViolation } from '../store/errors.ts'
import type { Caller, Core } from './core.ts'
import { domainName, spellings } from './domainRules.ts'
import { changeEdge } from './edge.ts'
import { isReserved } from './names.ts'
import { type PageRequest, type Slice, readSlice } from './page.ts'
import { type AppRow, toDomain } from './rows.ts'

export async function domainsPage(core: Core, app: AppRow, page: PageRequest): Promise<Slice<Domain>> {
  const where = { appUuid: app.uuid }
  return readSlice(
    page,
    (part) => core.db.domain.findMany({ where, orderBy: { domain: 'asc' }, ...part }),
    () => core.db.domain.count({ where }),
    (row) => toDomain(app.id, row),
  )
}

/** Names of the platform itself, and names that other apps have, are nobody's to take. */
async function refuseForeign(core: Core, written: string, name: string): Promise<void> {
  const { platformDomain } = core.config
  const names = spellings(name, platformDomain)
  const label = names.find((one) => !one.includes('.'))
  if (label !== undefined && isReserved(core.config, label)) throw invalidField('domain', `${name} is a reserved name.`)
  if (name.includes('.') && (name === platformDomain || name === `*.${platformDomain}`))
    throw invalidField('domain', `${name} belongs to the platform, which gives every app its own name there`)
  const taken = await core.db.domain.findFirst({ where: { domain: { in: names } } })
  if (!taken) return
  throw invalidField(
    'domain',
    taken.domain === written ? domainMessages.taken : `The domain ${name} is already in use by another app`,
  )
}

async function insertDomain(core: Core, app: AppRow, owner: string, name: string): Promise<Row.Domain> {
  const now = new Date()
  try {
    return await core.db.domain.create({
      data: { domain: name, appUuid: app.uuid, owner, createdAt: now, updatedAt: now },
    })
  } catch (error) {
    if (isUniqueViolation(error)) throw invalidField('domain', domainMessages.taken)
    throw error
  }
}

export async function addDomain(core: Core, caller: Caller, app: AppRow, raw: string): Promise<Domain> {
  const name = domainName(raw)
  return changeEdge(core, app.id, async () => {
    await refuseForeign(core, raw.trim(), name)
    const row = await insertDomain(core, app, caller.username, name)
    core.logs.say(app.id, 'INFO', `domain ${name} added`)
    return {
      value: toDomain(app.id, row),
      undo: () => core.db.domain.deleteMany({ where: { id: row.id } }),
    }
  })
}

/** The stored form of a name in a path; what is no name is no domain of anybody. */
export function domainInPath(raw: string): string {
  try {
    return domainName(raw)
  } catch (error) {
    if (error instanceof DeisError) throw notFound('Domain')
    throw error
  }
}

export async function removeDomain(core: Core, app: AppRow, raw: string): Promise<void> {
  const domain = domainInPath(raw)
  await changeEdge(core, app.id, async () => {
    const row = await core.db.domain.findFirst({ where: { domain, appUuid: app.uuid } })
    if (!row) throw notFound('Domain')
    await core.db.domain.deleteMany({ where: { id: row.id } })
    core.logs.say(app.id, 'INFO', `domain ${domain} removed`)
    return { value: undefined, undo: () => core.db.domain.create({ data: row }) }
  })
}
