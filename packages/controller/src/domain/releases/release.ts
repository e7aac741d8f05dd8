// How is a release created, with a number of its own, and described in one line (docs/architecture.md, principle 4, docs/contract/api.md §3.3, §3.4)?
import { randomUUID } from 'node:crypto'
import { DeisError, type Structure } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import type { Tx } from '../../store/open.ts'
import { type ConfigMaps, emptyConfig } from '../apps/config-rules.ts'
import type { Core } from '../core.ts'
import { announceRelease } from './deploy-hooks.ts'
import type { ReleaseParts } from './formation.ts'
import { type Change, mark } from '../requests/request-mark.ts'
import { type AppRow, cnbOf, configMaps, procfileOf } from '../apps/rows.ts'

export type FullRelease = Row.Release & { readonly config: Row.Config; readonly build: Row.Build | null }

const whole = { config: true, build: true } as const

/** The newest release that did not fail: what new config and builds start from. */
export async function latestGood(db: Tx, app: AppRow): Promise<FullRelease> {
  const found = await db.release.findFirst({
    where: { appUuid: app.uuid, state: 'deployed' },
    orderBy: { version: 'desc' },
    include: whole,
  })
  if (!found) throw new DeisError('internal', `app ${app.id} has no release`)
  return found
}

/** A release that was stored but not yet deployed: left by a controller that was killed. */
export async function pendingRelease(db: Tx, app: AppRow): Promise<FullRelease | null> {
  return db.release.findFirst({
    where: { appUuid: app.uuid, state: 'pending' },
    orderBy: { version: 'desc' },
    include: whole,
  })
}

export async function releaseOf(db: Tx, app: AppRow, version: number): Promise<FullRelease | null> {
  return db.release.findUnique({ where: { appUuid_version: { appUuid: app.uuid, version } }, include: whole })
}

/** Everything the scheduler needs of a release that has a build. */
export function releaseParts({ vault }: Pick<Core, 'vault'>, app: AppRow, release: FullRelease): ReleaseParts {
  if (!release.build) throw new DeisError('invalid', 'No build associated with this release')
  const { image, reference, sha, dockerfile, port } = release.build
  return {
    app: app.id,
    version: release.version,
    summary: release.summary,
    created: release.createdAt,
    config: configMaps(vault, release.config),
    build: { image, reference, sha, dockerfile, port, procfile: procfileOf(release.build), cnb: cnbOf(release.build) },
  }
}

/** Takes the app's row lock on PostgreSQL; on SQLite the transaction has the whole file anyway. */
async function lockApp(tx: Tx, app: AppRow, changes: { structure?: Structure; removed?: Structure }): Promise<void> {
  await tx.app.update({ where: { uuid: app.uuid }, data: { ...changes, updatedAt: new Date() } })
}

async function nextVersion(tx: Tx, app: AppRow): Promise<number> {
  const { _max } = await tx.release.aggregate({ where: { appUuid: app.uuid }, _max: { version: true } })
  return (_max.version ?? 0) + 1
}

export function configRow(
  core: Core,
  app: { readonly uuid: string },
  owner: string,
  maps: ConfigMaps = emptyConfig,
): Row.Prisma.ConfigUncheckedCreateInput {
  const now = new Date()
  return {
    uuid: randomUUID(),
    appUuid: app.uuid,
    owner,
    values: core.vault.seal('config', JSON.stringify(maps.values)),
    registry: core.vault.seal('registry', JSON.stringify(maps.registry)),
    memory: maps.memory,
    cpu: maps.cpu,
    tags: maps.tags,
    healthcheck: maps.healthcheck as Row.Prisma.InputJsonObject,
    createdAt: now,
    updatedAt: now,
  }
}

export type NewRelease = {
  readonly owner: string
  readonly summary: string
  /** A new config row, or the uuid of the one to use again. */
  readonly config: Row.Prisma.ConfigUncheckedCreateInput | string
  readonly buildUuid: string | null
  /** The counts to run it with. */
  readonly structure: Structure
  /** Counts of types that its build does not have; absent: unchanged. */
  readonly removed?: Structure
  /** The counts to go back to when it fails. */
  readonly before: Structure
  /** What asked for it. */
  readonly request?: Change
}

/** Stores the release, its config and the structure in one short transaction. Pending when there is a build to deploy. */
export async function createRelease(core: Core, app: AppRow, release: NewRelease): Promise<FullRelease> {
  const created = await core.db.$transaction(async (tx) => {
    const { structure, removed } = release
    await lockApp(tx, app, { structure, ...(removed ? { removed } : {}) })
    const version = await nextVersion(tx, app)
    const configUuid =
      typeof release.config === 'string' ? release.config : (await tx.config.create({ data: release.config })).uuid
    await mark(core, tx, release.request, { stored: true, version })
    const now = new Date()
    return tx.release.create({
      data: {
        uuid: randomUUID(),
        appUuid: app.uuid,
        version,
        owner: release.owner,
        summary: release.summary,
        state: release.buildUuid === null ? 'deployed' : 'pending',
        configUuid,
        buildUuid: release.buildUuid,
        before: release.before,
        createdAt: now,
        updatedAt: now,
      },
      include: whole,
    })
  })
  core.logs.write(app.id, 'INFO', created.summary)
  const { version, summary, owner: user, build } = created
  announceRelease(core, { app: app.id, version, summary, sha: build?.sha ?? '', user })
  return created
}

type Keys = { added: string[]; changed: string[]; deleted: string[] }

function compare(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): Keys {
  const same = (key: string): boolean => JSON.stringify(before[key]) === JSON.stringify(after[key])
  const sorted = (keys: string[]): string[] => keys.toSorted()
  return {
    added: sorted(Object.keys(after).filter((key) => !Object.hasOwn(before, key))),
    changed: sorted(Object.keys(after).filter((key) => Object.hasOwn(before, key) && !same(key))),
    deleted: sorted(Object.keys(before).filter((key) => !Object.hasOwn(after, key))),
  }
}

function groups(keys: Keys, what: string): string {
  const named = (verb: string, list: string[]): string[] =>
    list.length > 0 ? [`${verb} ${what}${list.join(', ')}`] : []
  return [...named('added', keys.added), ...named('changed', keys.changed), ...named('deleted', keys.deleted)].join(
    ', ',
  )
}

const differs = (keys: Keys): boolean => keys.added.length + keys.changed.length + keys.deleted.length > 0

/** What a config change did; an empty list when nothing changed. */
function configChanges(before: ConfigMaps, after: ConfigMaps): string[] {
  const limits = (['memory', 'cpu'] as const).filter((map) => differs(compare(before[map], after[map])))
  const probes = (map: ConfigMaps['healthcheck']): Record<string, unknown> =>
    Object.fromEntries(Object.entries(map).map(([type, value]) => [type || 'default', value]))
  return [
    groups(compare(before.values, after.values), ''),
    limits.length > 0 ? `changed limits for ${limits.join(', ')}` : '',
    groups(compare(before.tags, after.tags), 'tag '),
    groups(compare(before.registry, after.registry), 'registry info '),
    groups(compare(probes(before.healthcheck), probes(after.healthcheck)), 'healthcheck info for proc type '),
  ].filter((part) => part !== '')
}

/** `autotest added FOO, changed BAR and autotest added tag ssd`; empty when there is nothing to say. */
export function configSummary(user: string, before: ConfigMaps, after: ConfigMaps): string {
  return configChanges(before, after)
    .map((part) => `${user} ${part}`)
    .join(' and ')
}

export function buildSummary(user: string, build: { readonly sha: string; readonly image: string }): string {
  return `${user} deployed ${build.sha === '' ? build.image : build.sha.slice(0, 7)}`
}

export const rebaseSummary = (user: string, runImage: string): string => `${user} rebased onto ${runImage}`
