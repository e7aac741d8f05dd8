// Can an app be imported here, and what has to be done for it? Everything that stands against it is found before anything changes.
import { randomUUID } from 'node:crypto'
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
import { refuseAtIngress } from '../edge/edge.ts'
import { type Artifact, planArtifact } from './artifact.ts'
import type { AppRecords } from './format.ts'
import { type Archived, type Links, type Owner, planLinksWith } from './links.ts'
import { collectProblems, invalid, type Problems } from './problems.ts'
import { configOf, currentOf } from './records.ts'

export type Plan = {
  readonly uuid: string
  readonly id: string
  readonly owner: Owner
  readonly settings: SettingsValues
  /** Of the current release. */
  readonly config: ConfigMaps
  readonly artifact: Artifact
  readonly withoutDomains: boolean
} & Links

export type Wanted = Pick<Plan, 'id' | 'owner' | 'withoutDomains'> & { readonly rebuild: boolean }

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

/** @throws DeisError invalid with everything that stands against it */
export async function planImport(core: Core, caller: Caller, wanted: Wanted, archive: Archived): Promise<Plan> {
  const { manifest, records } = archive
  const { id, owner, withoutDomains } = wanted
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
  const links = await planLinksWith(core, caller, { id, uuid, owner, withoutDomains }, archive, problems)
  const artifact = await problems.check<Artifact | null>(
    () => planArtifact(core, caller, { manifest, ...current, config }, wanted.rebuild),
    null,
  )
  problems.refuse()
  if (settings === null || artifact === null) throw new Error('a problem of an import was lost')
  return { uuid, id, owner, withoutDomains, settings, config, artifact, ...links }
}
