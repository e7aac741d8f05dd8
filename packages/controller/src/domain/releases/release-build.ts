// How does a build that succeeded become the release that an app runs?
import { DeisError, notFound, type Structure } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { type BuildShape, countsFor, countsOf, desiredStructure } from '../apps/structure.ts'
import { type AppRow, procfileOf } from '../apps/rows.ts'
import type { Core } from '../core.ts'
import type { Change } from '../requests/request-mark.ts'
import { appRow, deploy } from './converge.ts'
import { buildSummary, createRelease, type FullRelease, latestGood } from './release.ts'

const missingProcfile =
  'Last deployment had a Procfile but is missing in this deploy. For a successful deployment provide a Procfile.'

function shape(build: Row.Build): BuildShape {
  return { ...build, procfile: procfileOf(build) }
}

/** A release that runs, and a notice when nothing of it answers requests. */
export type Deployed = { readonly release: FullRelease; readonly notice: string | null }

type Making = {
  readonly owner: string
  readonly summary: string
  readonly request: Change | undefined
  /** The build; gets what it is to replace. An error leaves everything as it was. */
  make(previous: FullRelease): Promise<Row.Build>
}

/** Makes and deploys a release. Waits for its turn among the app's changes. */
export async function releaseMade(core: Core, app: AppRow, { make, ...by }: Making): Promise<Deployed> {
  return core.queue.run(app.id, async (signal) => {
    const current = await appRow(core, app.id)
    if (!current || current.destroying) throw notFound('App')
    const previous = await latestGood(core.db, current)
    const build = await make(previous)
    const before: Structure = desiredStructure(current, core.config.maxProcesses)
    const old = previous.build ? shape(previous.build) : null
    if (
      core.config.rejectIfProcfileMissing &&
      old &&
      Object.keys(old.procfile).length > 0 &&
      Object.keys(shape(build).procfile).length === 0
    )
      throw new DeisError('conflict', missingProcfile)
    const counts = countsFor({ structure: before, removed: countsOf(current.removed) }, shape(build), old, {
      removeMissing: core.config.procfileMissingRemove,
      maxProcesses: core.config.maxProcesses,
    })
    const release = await createRelease(core, current, {
      ...by,
      config: previous.configUuid,
      buildUuid: build.uuid,
      ...counts,
      before,
    })
    return { release, notice: await deploy(core, current, release, signal) }
  })
}

/** The release of a finished build. */
export const releaseBuild = (core: Core, app: AppRow, build: Row.Build, request?: Change): Promise<Deployed> =>
  releaseMade(core, app, {
    owner: build.owner,
    summary: buildSummary(build.owner, build),
    request,
    make: async () => build,
  })
