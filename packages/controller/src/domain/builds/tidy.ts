// Which logs, slugs and images of old builds are deleted after a deploy?
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { atOnce } from '../apps/bulk.ts'
import type { AppRow } from '../apps/rows.ts'
import type { Core } from '../core.ts'
import { buildLogFolder } from './log.ts'

const keptLogs = 50

/** Slugs and images that an app may still roll back to. */
async function artifactsInUse(core: Core): Promise<Set<string>> {
  const used = new Set<string>()
  for (let after = ''; ;) {
    const page = await core.db.app.findMany({
      where: { uuid: { gt: after } },
      orderBy: { uuid: 'asc' },
      take: atOnce,
      select: { uuid: true },
    })
    const last = page.at(-1)?.uuid
    if (last === undefined) return used
    // The same span of apps again: what is kept of each is counted in one statement.
    const kept = await core.db.$queryRaw<{ artifact: string }[]>`
      SELECT DISTINCT COALESCE(b."reference", b."image") AS "artifact" FROM "Release" r
      JOIN "Build" b ON b."uuid" = r."buildUuid"
      WHERE r."appUuid" > ${after} AND r."appUuid" <= ${last} AND r."state" <> 'failed' AND (
        SELECT COUNT(*) FROM "Release" n WHERE n."appUuid" = r."appUuid" AND n."version" > r."version"
          AND n."state" <> 'failed' AND n."buildUuid" IS NOT NULL) < ${core.config.keptReleases}`
    for (const { artifact } of kept) used.add(artifact)
    after = last
    await turn()
  }
}

/** One at a time: what became superfluous meanwhile, or when the controller ended, is deleted after the next push. */
export async function deleteArtifacts(core: Core): Promise<void> {
  const { builder, here, shutdown } = core
  if (here.isPruning) return
  here.isPruning = true
  try {
    await builder.prune(await artifactsInUse(core), shutdown)
  } catch (error) {
    if (!shutdown.aborted) throw error
  } finally {
    here.isPruning = false
  }
}

/** Only while no other build of the app runs. */
export async function deleteLogs(core: Core, app: AppRow): Promise<void> {
  const kept = await core.db.build.findMany({
    where: { appUuid: app.uuid },
    orderBy: { createdAt: 'desc' },
    take: keptLogs,
    select: { uuid: true },
  })
  const keep = new Set(kept.map(({ uuid }) => `${uuid}.log`))
  const folder = buildLogFolder(core, app.id)
  for (const name of await readdir(folder)) if (!keep.has(name)) await rm(join(folder, name), { force: true })
}
