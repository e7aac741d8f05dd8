// Can an app be imported here, and what has to be done for it? Everything that stands against it is found before anything changes.
import { randomUUID } from 'node:crypto'
import { Check } from 'typebox/value'
import { addCert, certMessages, DeisError, messageOf } from '@deis/types'
import { checkName, refuseMoreApps } from '../apps/apps.ts'
import { bounds } from '../apps/bounds.ts'
import { checkBuilderChoice } from '../apps/builder-choice.ts'
import { refuseUnenforced, refuseUnmatched } from '../apps/config.ts'
import { type ConfigMaps, emptyConfig } from '../apps/config-rules.ts'
import { maxKept, structureProblem, typesOf } from '../apps/structure.ts'
import { isDomain } from '../apps/names.ts'
import { refuseAutoscale } from '../apps/settings.ts'
import { mergeSettings, readSettings, type SettingsValues } from '../apps/settings-rules.ts'
import type { Caller, Core } from '../core.ts'
import { type CertFacts, readCertificate } from '../edge/cert-rules.ts'
import { freeDomain } from '../edge/domains.ts'
import { refuseAtIngress } from '../edge/edge.ts'
import { type Artifact, planArtifact } from './artifact.ts'
import type { AppRecords, Manifest } from './format.ts'
import { configOf, currentOf } from './records.ts'

export type Owner = Pick<Caller, 'id' | 'username' | 'isSuperuser'>

/** `id`: of one that is here already, and the same. */
export type PlannedCert = { readonly name: string; readonly facts: CertFacts; readonly id: number | null }

export type Plan = {
  readonly uuid: string
  readonly id: string
  readonly owner: Owner
  readonly settings: SettingsValues
  /** Of the current release. */
  readonly config: ConfigMaps
  readonly artifact: Artifact
  readonly domains: readonly { readonly name: string; readonly certificate: string | null }[]
  readonly certificates: readonly PlannedCert[]
  readonly collaborators: readonly number[]
  /** What does not come along, in sentences. */
  readonly warnings: readonly string[]
}

export type Wanted = { readonly id: string; readonly owner: Owner; readonly rebuild: boolean }

type Problems = {
  /** The result of a check; a refusal is kept, and gives the other value. */
  check<T>(work: () => Promise<T> | T, otherwise: T): Promise<T>
  add(text: string): void
  /** @throws DeisError invalid, when there are some */
  refuse(): void
}

/** More are not read, and each may have taken a look at the database. */
const mostProblems = 50

function collectProblems(id: string): Problems {
  const found = new Set<string>()
  const refuse = (): void => {
    if (found.size === 0) return
    const lines = [...found].map((text) => `  - ${text}`)
    const more = found.size === mostProblems ? ['There may be more.'] : []
    throw invalid([`"${id}" cannot be imported, and nothing was changed:`, ...lines, ...more].join('\n'))
  }
  const add = (text: string): void => {
    found.add(text)
    if (found.size === mostProblems) refuse()
  }
  return {
    add,
    refuse,
    async check(work, otherwise) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof DeisError) || error.code === 'internal') throw error
        add(messageOf(error))
        return otherwise
      }
    },
  }
}

const invalid = (text: string): DeisError => new DeisError('invalid', text)

async function checkFreeName(core: Core, { id, owner }: Wanted): Promise<void> {
  checkName(core, id)
  if ((await core.db.app.count({ where: { id } })) > 0)
    throw invalid(`An app "${id}" exists here already: choose another name with --app, or destroy it.`)
  if (await isDomain(core, id))
    throw invalid(`"${id}" is a domain of another app here: choose another name with --app.`)
  await refuseMoreApps(core, owner)
}

/** As many as an app keeps that was never moved. */
function checkCounts(records: AppRecords, problems: Problems): void {
  const { structure, removed } = records.app
  const { build } = currentOf(records)
  const types = new Set(build ? typesOf(build) : [])
  const others = Object.keys(structure).filter((type) => !types.has(type))
  for (const [count, what] of [
    [others.length, 'of types that its build does not have'],
    [Object.keys(removed).length, 'of types that were removed'],
  ] as const)
    if (count > maxKept) problems.add(`The app has more than ${maxKept} process counts ${what}.`)
}

async function planSettings(core: Core, { app }: AppRecords): Promise<SettingsValues> {
  const { maintenance, routable, whitelist, autoscale, label, builder, buildpacks } = app
  const patch = checkBuilderChoice(
    core,
    readSettings({ maintenance, routable, whitelist, autoscale, label, builder, buildpacks }),
  )
  await refuseAutoscale(core, patch)
  if (whitelist.length > bounds.addressesOfWhitelist)
    throw invalid(`At most ${bounds.addressesOfWhitelist} addresses are allowed in a whitelist.`)
  const none = {
    maintenance: false,
    routable: true,
    whitelist: [],
    autoscale: {},
    label: {},
    builder: null,
    buildpacks: [],
  }
  return mergeSettings(none, patch, core.config.maxProcesses)
}

async function checkEdge(core: Core, { app }: AppRecords, problems: Problems): Promise<void> {
  const asks = [
    [app.maintenance, 'maintenance mode'],
    [app.whitelist.length > 0, 'a whitelist'],
    [app.httpsEnforced === true, 'HTTPS'],
    [typeof app.hsts === 'number', 'HSTS'],
    [app.domains.some(({ certificate }) => certificate !== null), 'certificates'],
  ] as const
  for (const [isAsked, what] of asks) if (isAsked) await problems.check(() => refuseAtIngress(core, what), undefined)
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

async function planCerts(core: Core, owner: Owner, records: AppRecords, problems: Problems): Promise<PlannedCert[]> {
  const certs: PlannedCert[] = []
  for (const { name, certificate, key } of records.certificates) {
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
  { manifest, records }: { manifest: Manifest; records: AppRecords },
  problems: Problems,
): Promise<Plan['domains'][number][]> {
  const domains = new Map<string, Plan['domains'][number]>()
  const certificates = new Set(records.certificates.map(({ name }) => name))
  for (const { domain, certificate } of records.app.domains) {
    if (certificate !== null && !certificates.has(certificate))
      problems.add(`The certificate "${certificate}" of the domain "${domain}" is not in the archive.`)
    // The name under the platform's domain is that of the app.
    const own = domain === manifest.app
    const name = own ? app.id : await problems.check(() => namedDomain(core, caller, app, domain), null)
    if (name === null) continue
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

type Archived = { readonly manifest: Manifest; readonly records: AppRecords }
type Links = Pick<Plan, 'domains' | 'certificates' | 'collaborators' | 'warnings'>

async function planLinksWith(
  core: Core,
  caller: Caller,
  { id, uuid, owner }: Pick<Plan, 'id' | 'uuid' | 'owner'>,
  archive: Archived,
  problems: Problems,
): Promise<Links> {
  const { records } = archive
  const certificates = await planCerts(core, owner, records, problems)
  const domains = await planDomains(core, caller, { id, uuid, ownerId: owner.id }, archive, problems)
  const { ids, missing } = await planCollaborators(core, records.app.collaborators, problems)
  const warnings =
    missing.length === 0
      ? []
      : [`These collaborators have no account here, and were not given access: ${missing.join(', ')}.`]
  return { domains, certificates, collaborators: ids, warnings }
}

/** What others may have changed since the archive came: names, certificates, accounts. @throws DeisError invalid */
export async function planLinks(
  core: Core,
  caller: Caller,
  plan: Pick<Plan, 'id' | 'uuid' | 'owner'>,
  archive: Archived,
): Promise<Links> {
  const problems = collectProblems(plan.id)
  const links = await planLinksWith(core, caller, plan, archive, problems)
  problems.refuse()
  return links
}

/** @throws DeisError invalid with everything that stands against it */
export async function planImport(core: Core, caller: Caller, wanted: Wanted, archive: Archived): Promise<Plan> {
  const { manifest, records } = archive
  const { id, owner } = wanted
  const problems = collectProblems(id)
  const uuid = randomUUID()
  const current = currentOf(records)
  await problems.check(() => checkFreeName(core, wanted), undefined)
  const config = configOf(current.config)
  await problems.check(() => refuseUnenforced(core, emptyConfig, config), undefined)
  await problems.check(() => refuseUnmatched(core, {}, config.tags), undefined)
  const counts = structureProblem(records.app.structure, core.config.maxProcesses)
  if (counts !== null) problems.add(`The app cannot be started here: ${counts}.`)
  checkCounts(records, problems)
  const settings = await problems.check<SettingsValues | null>(() => planSettings(core, records), null)
  await checkEdge(core, records, problems)
  const links = await planLinksWith(core, caller, { id, uuid, owner }, archive, problems)
  const artifact = await problems.check<Artifact | null>(
    () => planArtifact(core, caller, { manifest, ...current, config }, wanted.rebuild),
    null,
  )
  problems.refuse()
  if (settings === null || artifact === null) throw new Error('a problem of an import was lost')
  return { uuid, id, owner, settings, config, artifact, ...links }
}
