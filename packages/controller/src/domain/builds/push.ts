// How does a pushed commit become a running release (docs/architecture.md, docs/contract/build-and-route.md §1.9)?
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { messageOf } from '@deis/types'
import type { Submodule } from '@deis/lib/git-tree/measure'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { buildLogFile, buildLogFolder, endBuild, insertBuild, releaseBuild } from './builds.ts'
import { atOnce } from '../apps/bulk.ts'
import { appRow } from '../releases/converge.ts'
import type { Core } from '../core.ts'
import { latestGood } from '../releases/release.ts'
import { publicPort, routersNow } from '../edge/routers.ts'
import { type AppRow, configMaps } from '../apps/rows.ts'
import { beginBuild, type RunningBuild } from './running.ts'

type WholeSource = {
  source(): Readable
  /** Those that were not fetched. */
  readonly submodules: readonly Submodule[]
  close(): Promise<void>
}

export type Push = {
  readonly app: string
  readonly username: string
  readonly sha: string
  readonly ref: string
  readonly options: readonly string[]
  readonly submodules?: readonly Submodule[]
  source(): Readable
  /** Fetches the allowed submodules; null: none are allowed. @throws Error for the user to read */
  readonly withSubmodules?: ((print: (text: string) => void, signal: AbortSignal) => Promise<WholeSource>) | null
  output(text: string): void
  readonly signal: AbortSignal
  /** The next push of the app may begin. */
  readonly ended: Promise<void>
}

/** Older logs and slugs are deleted; rollback needs the slugs of the releases that are kept. */
const keptLogs = 50
const keptReleases = 20

/** Held by the controller that builds the app, for as long as it does. */
export const pushLock = (app: string): string => `push/${app}`

/** The lines also go to the build's own file, which outlives the push. */
async function openBuildLog(
  core: Core,
  app: string,
  uuid: string,
  output: (text: string) => void,
  wrote: () => void,
): Promise<{ print(text: string): void; note(text: string): void; close(): Promise<void> }> {
  const file = buildLogFile(core.config, app, uuid)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const stream = createWriteStream(file, { mode: 0o600 })
  stream.on('error', (error) => core.log.error({ app, build: uuid, err: error }, 'build log cannot be written'))
  return {
    print(text) {
      output(text)
      stream.write(text, wrote)
    },
    note: (text) => void stream.write(text, wrote),
    async close() {
      stream.end()
      // A log that could not be written was reported when it happened.
      await finished(stream).catch(() => {})
    },
  }
}

function address(core: Core, app: string): string {
  const port = publicPort(core)
  return `http://${app}.${core.config.platformDomain}${port === 80 || port === 0 ? '' : `:${port}`}`
}

async function build(
  core: Core,
  app: AppRow,
  row: Row.Build,
  push: Push,
  running: RunningBuild,
  print: (text: string) => void,
): Promise<Row.Build> {
  const { config } = await latestGood(core.db, app)
  let whole: WholeSource | undefined
  try {
    whole = await push.withSubmodules?.(print, push.signal)
    const result = await core.builder.build(
      {
        id: row.uuid,
        app: app.id,
        sha: push.sha,
        config: configMaps(core.vault, config).values,
        source: whole?.source ?? push.source,
        submodules: whole?.submodules ?? push.submodules,
        noCache: push.options.includes('no-cache'),
      },
      print,
      push.signal,
    )
    running.built()
    const { artifact } = result
    const data = {
      status: 'succeeded',
      image: artifact.kind === 'slug' ? artifact.digest : artifact.reference,
      reference: artifact.kind === 'slug' ? null : artifact.reference,
      dockerfile: result.dockerfile ? 'true' : '',
      port: result.port,
      procfile: { ...result.processes },
    }
    await endBuild(core, row.uuid, data)
    return { ...row, ...data }
  } catch (error) {
    await endBuild(core, row.uuid, { status: push.signal.aborted ? 'canceled' : 'failed' })
    // Whatever error the builder gave, the user who pushes is shown who cancelled.
    running.cancelled.throwIfAborted()
    throw error
  } finally {
    await whole?.close()
  }
}

/** @throws an error whose message is for the user who pushes; the push is declined then. */
export async function receivePush(core: Core, push: Push): Promise<void> {
  const app = await appRow(core, push.app)
  if (!app || app.destroying) throw new Error(`App ${push.app} does not exist`)
  // The git server allows one push at a time to this controller.
  const held = await core.peers.tryLock(pushLock(app.id))
  if (!held) throw new Error('Another git push is ongoing')
  const uuid = randomUUID()
  const running = beginBuild(core, uuid, push.ended)
  const signal = AbortSignal.any([push.signal, held.signal])
  try {
    await receive(core, app, { ...push, signal }, uuid, running)
  } finally {
    await held.release()
    running.end()
  }
}

/** In case the connection breaks. Only the user who pushes sees it; it is not in the build's log. */
function whereToLook(app: string, uuid: string): string {
  return `If this connection breaks, see the rest with: deis builds:logs ${uuid} --follow --app ${app}\n`
}

/** What a push shows when the controller stops. */
async function whenStopping(core: Core, app: string, uuid: string): Promise<string> {
  const look = `deis builds:logs ${uuid} --follow --app ${app}`
  const release = await core.db.release.findFirst({ where: { buildUuid: uuid } })
  return release
    ? `The controller is stopping. The deploy of v${release.version} continues when it starts again. To follow it:\n    ${look}`
    : `The controller is stopping, and nothing was changed. Push again in a moment. To see what was built so far:\n    ${look}`
}

async function receive(core: Core, app: AppRow, push: Push, uuid: string, running: RunningBuild): Promise<void> {
  const row = await insertBuild(
    core,
    app,
    push.username,
    { source: 'git', image: '', sha: push.sha, ref: push.ref, dockerfile: '', port: null, reference: null },
    {},
    'running',
    uuid,
  )
  const log = await openBuildLog(core, app.id, row.uuid, push.output, running.wrote)
  try {
    log.print('Starting build... but first, coffee!\n')
    push.output(whereToLook(app.id, row.uuid))
    const signal = AbortSignal.any([push.signal, running.cancelled])
    const built = await build(core, app, row, { ...push, signal }, running, log.print)
    log.print('Build complete.\nLaunching App...\n')
    core.logs.write(app.id, 'INFO', `build ${app.id}-${row.uuid.slice(0, 7)} created`)
    const { release, notice } = await releaseBuild(core, app, built)
    if (notice !== null) log.print(` !     ${notice}\n`)
    log.print(
      `Done, ${app.id}:v${release.version} deployed to Workflow\n\nUse 'deis open' to view this application in your browser\n\nTo learn more, use 'deis help'\n\n`,
    )
    log.print(`${address(core, app.id)}\n`)
    const { warning } = routersNow(core)
    if (warning !== null) log.print(`\n !     ${warning}\n`)
  } catch (error) {
    const shown = core.shutdown.aborted
      ? new Error(await whenStopping(core, app.id, row.uuid), { cause: error })
      : error
    // The git server shows it to the user who pushes.
    log.note(`${messageOf(shown)}\n`)
    throw shown
  } finally {
    await log.close()
    running.closeLog()
  }
  await tidy(core, app).catch((error: unknown) =>
    core.log.warn({ app: app.id, err: error }, 'old builds could not be deleted'),
  )
}

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
          AND n."state" <> 'failed' AND n."buildUuid" IS NOT NULL) < ${keptReleases}`
    for (const { artifact } of kept) used.add(artifact)
    after = last
    await turn()
  }
}

async function tidy(core: Core, app: AppRow): Promise<void> {
  await core.builder.prune(await artifactsInUse(core))
  const kept = await core.db.build.findMany({
    where: { appUuid: app.uuid },
    orderBy: { createdAt: 'desc' },
    take: keptLogs,
    select: { uuid: true },
  })
  const keep = new Set(kept.map(({ uuid }) => `${uuid}.log`))
  const folder = join(buildLogFolder(core.config), app.id)
  for (const name of await readdir(folder)) if (!keep.has(name)) await rm(join(folder, name), { force: true })
}
