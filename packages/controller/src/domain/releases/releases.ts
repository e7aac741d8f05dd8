// Which releases did an app have, and how is an earlier one run again (docs/contract/api.md §2.7)?
import { DeisError, notFound, type Release } from '@deis/types'
import { appRow, deploy } from './converge.ts'
import type { Caller, Core } from '../core.ts'
import { countsFor, countsOf, desiredStructure } from '../apps/structure.ts'
import { type PageRequest, type Slice, readSlice } from '../apps/page.ts'
import { createRelease, latestGood, releaseOf } from './release.ts'
import { type AppRow, procfileOf, toRelease } from '../apps/rows.ts'

export async function releasesPage(core: Core, app: AppRow, page: PageRequest): Promise<Slice<Release>> {
  const where = { appUuid: app.uuid }
  return readSlice(
    page,
    (part) => core.db.release.findMany({ where, orderBy: { version: 'desc' }, ...part }),
    () => core.db.release.count({ where }),
    (row) => toRelease(app.id, row),
  )
}

/** `v3`, and nothing else. */
export async function releaseNamed(core: Core, app: AppRow, name: string): Promise<Release> {
  const version = /^v(\d{1,9})$/.exec(name)?.[1]
  const row = version === undefined ? null : await releaseOf(core.db, app, Number(version))
  if (!row) throw notFound('Release')
  return toRelease(app.id, row)
}

function targetVersion(raw: unknown, current: number): number {
  if (raw === undefined || raw === null || raw === '') return current - 1
  const value =
    typeof raw === 'number'
      ? Math.trunc(raw)
      : typeof raw === 'string' && /^\s*-?\d{1,9}\s*$/.test(raw)
        ? Number(raw)
        : Number.NaN
  if (!Number.isSafeInteger(value))
    throw new DeisError(
      'invalid',
      `invalid literal for int() with base 10: '${typeof raw === 'string' ? raw : JSON.stringify(raw)}'`,
    )
  return value
}

/** `notice`: set when nothing of it answers requests. */
export type RolledBack = { readonly version: number; readonly notice: string | null }

/** The same build and config rows under a new number; nothing is built or resolved again. */
export async function rollBack(core: Core, caller: Caller, app: AppRow, raw: unknown): Promise<RolledBack> {
  return core.queue.run(app.id, async (signal) => {
    const current = await appRow(core, app.id)
    if (!current || current.destroying) throw notFound('App')
    const good = await latestGood(core.db, current)
    const version = targetVersion(raw, good.version)
    if (version < 1) throw new DeisError('invalid', 'version cannot be below 0')
    if (version === 1) throw new DeisError('invalid', 'Cannot roll back to initial release.')
    const target = await releaseOf(core.db, current, version)
    if (!target) throw new DeisError('invalid', 'Release matching query does not exist.')
    if (target.state === 'failed') throw new DeisError('invalid', 'Cannot roll back to failed release.')
    if (!target.build) throw new DeisError('invalid', 'No build associated with this release')
    if (target.build.image === '')
      throw new DeisError(
        'invalid',
        `v${version} cannot be run here: its build was left behind when the app was imported. ${target.build.sha === '' ? 'Deploy its image again' : `Push its commit ${target.build.sha.slice(0, 8)} again`}: that makes a new release of it.`,
      )
    const before = desiredStructure(current, core.config.maxProcesses)
    const old = good.build ? { ...good.build, procfile: procfileOf(good.build) } : null
    const counts = countsFor(
      { structure: before, removed: countsOf(current.removed) },
      { ...target.build, procfile: procfileOf(target.build) },
      old,
      { removeMissing: core.config.procfileMissingRemove, maxProcesses: core.config.maxProcesses },
    )
    const release = await createRelease(core, current, {
      owner: caller.username,
      summary: `${caller.username} rolled back to v${version}`,
      config: target.configUuid,
      buildUuid: target.buildUuid,
      ...counts,
      before,
      request: caller.request,
    })
    return { version: release.version, notice: await deploy(core, current, release, signal) }
  })
}
