// What of this installation will an imported app be linked to: domains, certificates and collaborators?
import { Check } from 'typebox/value'
import { addCert, certMessages, DeisError } from '@deis/types'
import { bounds } from '../apps/bounds.ts'
import type { Caller, Core } from '../core.ts'
import { type CertFacts, readCertificate } from '../edge/cert-rules.ts'
import { freeDomain } from '../edge/domains.ts'
import type { AppRecords, Manifest } from './format.ts'
import { collectProblems, invalid, type Problems } from './problems.ts'

export type Owner = Pick<Caller, 'id' | 'username' | 'isSuperuser'>

/** `id`: of one that is here already, and the same. */
export type PlannedCert = { readonly name: string; readonly facts: CertFacts; readonly id: number | null }

export type Archived = { readonly manifest: Manifest; readonly records: AppRecords }
type Target = {
  readonly id: string
  readonly uuid: string
  readonly owner: Owner
  /** Only with the name that it has from the platform. */
  readonly withoutDomains: boolean
}

export type Links = {
  readonly domains: readonly { readonly name: string; readonly certificate: string | null }[]
  readonly certificates: readonly PlannedCert[]
  readonly collaborators: readonly number[]
  /** What does not come along, in sentences. */
  readonly warnings: readonly string[]
}

async function planCert(
  core: Core,
  owner: Owner,
  given: { name: string; certificate: string; key: string },
): Promise<PlannedCert> {
  const { name } = given
  if (!Check(addCert.body, given)) throw invalid(`The certificate "${name}": ${certMessages.name}.`)
  const facts = readCertificate(given.certificate, given.key)
  const there = await core.db.certificate.findUnique({ where: { name } })
  if (!there) return { name, facts, id: null }
  if (there.ownerId !== owner.id || there.fingerprint !== facts.fingerprint)
    throw invalid(`Another certificate is named "${name}" here: rename or remove one of the two.`)
  return { name, facts, id: there.id }
}

async function planCerts(
  core: Core,
  owner: Owner,
  certificates: AppRecords['certificates'],
  problems: Problems,
): Promise<PlannedCert[]> {
  const certs: PlannedCert[] = []
  for (const { name, certificate, key } of certificates) {
    const cert = await problems.check(() => planCert(core, owner, { name, certificate, key }), null)
    if (cert) certs.push(cert)
  }
  const more = certs.filter(({ id }) => id === null).length
  const count = more === 0 ? 0 : await core.db.certificate.count({ where: { ownerId: owner.id } })
  if (count + more > bounds.certificatesOfUser)
    problems.add(`"${owner.username}" would have more than ${bounds.certificatesOfUser} certificates.`)
  return certs
}

/** What the API says about a domain does not always name it. */
async function namedDomain(
  core: Core,
  caller: Caller,
  app: { id: string; uuid: string; ownerId: number },
  domain: string,
): Promise<string> {
  try {
    return await freeDomain(core, caller, app, domain)
  } catch (error) {
    if (!(error instanceof DeisError) || error.fields?.domain === undefined) throw error
    throw invalid(`The domain "${domain}": ${error.fields.domain.join(' ')}`)
  }
}

async function planDomains(
  core: Core,
  caller: Caller,
  app: { id: string; uuid: string; ownerId: number },
  { manifest, records }: Archived,
  problems: Problems,
): Promise<Links['domains'][number][]> {
  const domains = new Map<string, Links['domains'][number]>()
  const certificates = new Set(records.certificates.map(({ name }) => name))
  for (const { domain, certificate } of records.app.domains) {
    if (certificate !== null && !certificates.has(certificate))
      problems.add(`The certificate "${certificate}" of the domain "${domain}" is not in the archive.`)
    // The name under the platform's domain is that of the app.
    const own = domain === manifest.app
    const name = own ? app.id : await problems.check(() => namedDomain(core, caller, app, domain), null)
    if (name === null) {
      problems.advise('To import the app without its domains and their certificates: --without-domains')
      continue
    }
    if (domains.has(name)) problems.add(`The domain "${name}" is in the archive twice.`)
    else domains.set(name, { name, certificate })
  }
  return [...domains.values()]
}

async function planCollaborators(
  core: Core,
  names: readonly string[],
  problems: Problems,
): Promise<{ ids: number[]; missing: string[] }> {
  if (names.length > bounds.collaboratorsOfApp) {
    problems.add(`The app would have more than ${bounds.collaboratorsOfApp} collaborators.`)
    return { ids: [], missing: [] }
  }
  const found = await core.db.user.findMany({
    where: { username: { in: [...names] } },
    select: { id: true, username: true },
  })
  const known = new Set(found.map(({ username }) => username))
  return { ids: found.map(({ id }) => id), missing: [...new Set(names)].filter((name) => !known.has(name)) }
}

/** The archive as if it had no domains but the name that the app has from its platform; and those that it had. */
function withoutDomains({ manifest, records }: Archived): { archive: Archived; left: string[] } {
  const { app, certificates } = records
  const domains = app.domains.filter(({ domain }) => domain === manifest.app)
  const used = new Set(domains.map(({ certificate }) => certificate))
  return {
    archive: {
      manifest,
      records: {
        ...records,
        app: { ...app, domains },
        certificates: certificates.filter(({ name }) => used.has(name)),
      },
    },
    left: app.domains.flatMap(({ domain }) => (domain === manifest.app ? [] : [domain])),
  }
}

export async function planLinksWith(
  core: Core,
  caller: Caller,
  { id, uuid, owner, withoutDomains: without }: Target,
  whole: Archived,
  problems: Problems,
): Promise<Links> {
  const { archive, left } = without ? withoutDomains(whole) : { archive: whole, left: [] }
  const { records } = archive
  const certificates = await planCerts(core, owner, records.certificates, problems)
  const domains = await planDomains(core, caller, { id, uuid, ownerId: owner.id }, archive, problems)
  const { ids, missing } = await planCollaborators(core, records.app.collaborators, problems)
  const warnings = [
    ...(missing.length === 0
      ? []
      : [`These collaborators have no account here, and were not given access: ${missing.join(', ')}.`]),
    ...(left.length === 0 ? [] : [`These domains stayed behind: ${left.join(', ')}. deis domains:add adds them here.`]),
  ]
  return { domains, certificates, collaborators: ids, warnings }
}

/** What others may have changed since the archive came: names, certificates, accounts. @throws DeisError invalid */
export async function planLinks(core: Core, caller: Caller, plan: Target, archive: Archived): Promise<Links> {
  const problems = collectProblems(plan.id)
  const links = await planLinksWith(core, caller, plan, archive, problems)
  problems.refuse()
  return links
}
