// How do the records of an app become rows, all of them in one transaction?
import { randomUUID } from 'node:crypto'
import type { ImageFacts } from '@deis/ports/registry'
import { DeisError, type Structure } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import type { Tx } from '../../store/open.ts'
import { certPurpose } from '../apps/rows.ts'
import { countsFor } from '../apps/structure.ts'
import type { Core } from '../core.ts'
import { type Deed, noteDeed } from '../events/deed.ts'
import { isPullable } from './artifact.ts'
import type { AppRecords, BuildRecord, Manifest } from './format.ts'
import type { Plan } from './plan.ts'
import { configOf, currentOf } from './records.ts'

const atOnce = 100

/** Rows are made as they are stored: those of many releases all at once would keep the controller from its other work. */
async function inParts<T, R>(
  records: readonly T[],
  row: (record: T, index: number) => R,
  store: (part: R[]) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < records.length; from += atOnce)
    await store(records.slice(from, from + atOnce).map((record, index) => row(record, from + index)))
}

const times = (created: string): { createdAt: Date; updatedAt: Date } => ({
  createdAt: new Date(created),
  updatedAt: new Date(created),
})

/** What a build row says about what runs; of an artifact that stayed behind: nothing. */
function artifactOf(
  core: Core,
  { plan: { artifact }, moved }: Pick<Import, 'plan' | 'moved'>,
  build: BuildRecord,
  isCurrent: boolean,
): Pick<Row.Build, 'image' | 'reference' | 'port'> {
  const { image, reference, port } = build
  if (artifact.kind === 'slug' && artifact.digest === image && reference === null) return { image, reference, port }
  // What was built has the name of what it is now; what was deployed by a name keeps that.
  if (moved && isCurrent)
    return { image: build.source === 'git' ? moved.reference : image, reference: moved.reference, port }
  if (artifact.kind === 'image' && isCurrent)
    return { image, reference: artifact.facts.reference, port: artifact.facts.ports[0] ?? null }
  return isPullable(core, build) ? { image, reference, port } : { image: '', reference: null, port }
}

function configData(core: Core, plan: Plan, record: AppRecords['configs'][number], uuid: string) {
  const maps = configOf(record)
  return {
    uuid,
    appUuid: plan.uuid,
    owner: record.owner,
    values: core.vault.seal('config', JSON.stringify(maps.values)),
    registry: core.vault.seal('registry', JSON.stringify(maps.registry)),
    memory: maps.memory,
    cpu: maps.cpu,
    tags: maps.tags,
    healthcheck: maps.healthcheck as Row.Prisma.InputJsonObject,
    ...times(record.created),
  }
}

function buildData(
  core: Core,
  given: Import,
  record: BuildRecord,
  uuid: string,
  isCurrent: boolean,
): Row.Prisma.BuildCreateManyInput {
  const { owner, source, sha, ref, procfile, dockerfile, cnb, created } = record
  return {
    uuid,
    appUuid: given.plan.uuid,
    owner,
    source,
    status: 'succeeded',
    ...artifactOf(core, given, record, isCurrent),
    sha,
    ref,
    procfile,
    dockerfile,
    ...(cnb ? { cnb } : {}),
    ...times(created),
  }
}

/** What was built here for the app; null: nothing had to be. */
export type NewBuild = Omit<Row.Prisma.BuildCreateManyInput, 'procfile' | 'dockerfile' | 'sha'> & {
  readonly procfile: Record<string, string>
  readonly dockerfile: string
  readonly sha: string
}

type Import = {
  readonly manifest: Manifest
  readonly records: AppRecords
  readonly plan: Plan
  readonly made: NewBuild | null
  /** The image that came along, as it is here; null: none did. */
  readonly moved: ImageFacts | null
  readonly by: string
  /** Of who asked for it. */
  readonly deed: Deed | undefined
}

/** The counts to start with: types may have other names in what was built here. */
function countsOf(core: Core, { records, made }: Import): { structure: Structure; removed: Structure } {
  const { structure, removed } = records.app
  const { build } = currentOf(records)
  if (!made || !build) return { structure, removed }
  return countsFor(
    { structure, removed },
    { dockerfile: made.dockerfile, sha: made.sha, procfile: made.procfile, cnb: made.cnb ?? null },
    build,
    { removeMissing: core.config.procfileMissingRemove, maxProcesses: core.config.maxProcesses },
  )
}

async function storeEdge(core: Core, tx: Tx, { records, plan, by }: Import, now: Date): Promise<void> {
  const { uuid, owner, domains, certificates, settings } = plan
  const stamps = { createdAt: now, updatedAt: now }
  const ids = new Map<string, number>()
  for (const { name, facts, id } of certificates) {
    const data = { name, ownerId: owner.id, ...facts, key: core.vault.seal(certPurpose, facts.key), ...stamps }
    ids.set(name, id ?? (await tx.certificate.create({ data })).id)
  }
  for (const { name, certificate } of domains)
    await tx.domain.create({
      data: {
        domain: name,
        appUuid: uuid,
        owner: owner.username,
        certificateId: certificate === null ? null : (ids.get(certificate) ?? null),
        ...stamps,
      },
    })
  const { label, ...values } = settings
  await tx.settings.create({
    data: {
      uuid: randomUUID(),
      appUuid: uuid,
      owner: by,
      ...values,
      label: label as Row.Prisma.InputJsonObject,
      ...stamps,
    },
  })
  const { httpsEnforced, hsts = null } = records.app
  if (httpsEnforced !== null || hsts !== null)
    await tx.tls.create({ data: { uuid: randomUUID(), appUuid: uuid, owner: by, httpsEnforced, hsts, ...stamps } })
  await tx.grant.createMany({ data: plan.collaborators.map((userId) => ({ appUuid: uuid, userId })) })
}

/**
 * The app that was reserved becomes an app with everything that it had, and a release more, which says where it comes from.
 * @returns the number of that release
 */
export async function storeImport(core: Core, given: Import): Promise<{ version: number; summary: string }> {
  const { manifest, records, plan, made, by, deed } = given
  const now = new Date()
  const { structure, removed } = countsOf(core, given)
  const current = currentOf(records)
  const configs = records.configs.map(() => randomUUID())
  const builds = records.builds.map(() => randomUUID())
  const version = Math.max(...records.releases.slice(-1).map((one) => one.version)) + 1
  const summary = `${by} imported ${manifest.app} from ${manifest.from}`
  const shared = { appUuid: plan.uuid, before: structure }
  await core.db.$transaction(async (tx) => {
    const { deployBranch } = records.app
    const { count } = await tx.app.updateMany({
      where: { uuid: plan.uuid, destroying: true },
      data: { destroying: false, structure, removed, deployBranch, updatedAt: now },
    })
    if (deed) deed.app = { uuid: plan.uuid, id: plan.id }
    await noteDeed(tx, deed, true)
    if (count === 0) throw new DeisError('conflict', `The import of "${plan.id}" was ended by another controller.`)
    await inParts(
      records.configs,
      (record, index) => configData(core, plan, record, configs[index] ?? ''),
      (data) => tx.config.createMany({ data }),
    )
    await inParts(
      records.builds,
      (record, index) => buildData(core, given, record, builds[index] ?? '', index === current.release.build),
      (data) => tx.build.createMany({ data }),
    )
    if (made) await tx.build.create({ data: made })
    await inParts(
      records.releases,
      ({ version: number, owner, summary: text, state, exception, config, build, created }) => ({
        uuid: randomUUID(),
        version: number,
        owner,
        summary: text,
        state,
        exception,
        configUuid: configs[config] ?? '',
        buildUuid: build === null ? null : (builds[build] ?? null),
        ...shared,
        ...times(created),
      }),
      (data) => tx.release.createMany({ data }),
    )
    await tx.release.create({
      data: {
        uuid: randomUUID(),
        version,
        owner: by,
        summary,
        state: 'deployed',
        configUuid: configs[current.release.config] ?? '',
        buildUuid: made?.uuid ?? (current.release.build === null ? null : (builds[current.release.build] ?? null)),
        ...shared,
        createdAt: now,
        updatedAt: now,
      },
    })
    await storeEdge(core, tx, given, now)
  })
  return { version, summary }
}
