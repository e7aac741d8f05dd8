// How does a pushed commit become a running release (docs/architecture.md, docs/contract/build-and-route.md §1.9)?
import { messageOf } from '@deis/types'
import type { BuildRequest } from '@deis/ports/builder'
import type { Push, WholeSource } from '@deis/ports/push'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { type AppRow, cnbOf, configMaps, settingsValues } from '../apps/rows.ts'
import type { Core } from '../core.ts'
import { type Deed, endDeed, newDeed, type Result } from '../events/deed.ts'
import { publicPort, routersNow } from '../edge/routes.ts'
import { appRow } from '../releases/converge.ts'
import { latestGood } from '../releases/release.ts'
import { releaseBuild } from '../releases/release-build.ts'
import { type RunningBuild, withBuild } from './build.ts'
import { deleteArtifacts, deleteLogs } from './tidy.ts'

type Discard = () => Promise<void>

/** The branch that is deployed; null: none was chosen. */
export async function deployBranch({ db }: Core, id: string): Promise<string | null> {
  return (await db.app.findUnique({ where: { id }, select: { deployBranch: true } }))?.deployBranch ?? null
}

export async function setDeployBranch({ db }: Core, id: string, branch: string): Promise<void> {
  await db.app.updateMany({ where: { id }, data: { deployBranch: branch } })
}

function address(core: Core, app: string): string {
  const port = publicPort(core)
  return `http://${app}.${core.config.platformDomain}${port === 80 || port === 0 ? '' : `:${port}`}`
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

/** What the app chose to be built with, and what its image is made of now. */
async function cnbRequest(
  core: Core,
  app: AppRow,
  current: Row.Build | null,
): Promise<Pick<BuildRequest, 'builder' | 'buildpacks' | 'previous'>> {
  const row = await core.db.settings.findFirst({ where: { appUuid: app.uuid }, orderBy: { createdAt: 'desc' } })
  const { builder, buildpacks } = row ? settingsValues(row) : { builder: null, buildpacks: [] }
  const previous = current && cnbOf(current) ? current.reference : null
  return {
    ...(builder === null ? {} : { builder }),
    ...(buildpacks.length === 0 ? {} : { buildpacks }),
    ...(previous === null ? {} : { previous }),
  }
}

/** @returns the row of the build that succeeded */
async function make(
  core: Core,
  app: AppRow,
  push: Push,
  build: RunningBuild,
  print: (text: string) => void,
  later: (discard: Discard) => void,
): Promise<Row.Build> {
  const { config, build: current } = await latestGood(core.db, app)
  const signal = AbortSignal.any([push.signal, build.signal])
  let whole: WholeSource | undefined
  try {
    whole = await push.withSubmodules?.(print, signal)
    const request = {
      id: build.uuid,
      app: app.id,
      sha: push.sha,
      config: configMaps(core.vault, config).values,
      source: whole?.source ?? push.source,
      submodules: whole?.submodules ?? push.submodules,
      noCache: push.options.includes('no-cache'),
      ...(await cnbRequest(core, app, current)),
      later,
    }
    return await build.succeed(await core.builder.build(request, print, signal))
  } catch (error) {
    return await build.fail(error, signal.aborted)
  } finally {
    await whole?.close()
  }
}

async function makeAndDeploy(
  core: Core,
  app: AppRow,
  push: Push,
  build: RunningBuild,
  later: (discard: Discard) => void,
  deed: Deed,
): Promise<void> {
  const print = (text: string): void => {
    push.output(text)
    build.log.write(text)
  }
  try {
    print('Starting build... but first, coffee!\n')
    push.output(whereToLook(app.id, build.uuid))
    const row = await make(core, app, push, build, print, later)
    print('Build complete.\nLaunching App...\n')
    core.logs.write(app.id, 'INFO', `build ${app.id}-${build.uuid.slice(0, 7)} created`)
    const { release, notice } = await releaseBuild(core, app, row, { deed })
    if (notice !== null) print(` !     ${notice}\n`)
    print(
      `Done, ${app.id}:v${release.version} deployed to Workflow\n\nUse 'deis open' to view this application in your browser\n\nTo learn more, use 'deis help'\n\n`,
    )
    print(`${address(core, app.id)}\n`)
    const { warning } = routersNow(core)
    if (warning !== null) print(`\n !     ${warning}\n`)
  } catch (error) {
    const shown = core.shutdown.aborted
      ? new Error(await whenStopping(core, app.id, build.uuid), { cause: error })
      : error
    // The git server shows it to the user who pushes.
    build.log.write(`${messageOf(shown)}\n`)
    throw shown
  }
}

async function deedOfPush(core: Core, push: Push, app: AppRow): Promise<Deed> {
  const user = await core.db.user.findUnique({ where: { username: push.username }, select: { id: true } })
  const deed = newDeed({
    actor: user === null ? null : { id: user.id, name: push.username },
    action: 'git.push',
    target: push.ref,
    address: push.address,
    agent: null,
    requestId: null,
  })
  return Object.assign(deed, { app: { uuid: app.uuid, id: app.id }, details: { sha: push.sha } })
}

/** The push does not wait for it, and another one may begin meanwhile; what a kill leaves is deleted at the next start. */
function deleteLater({ here }: Core, discard: Discard, failed: (error: unknown) => void): void {
  const done = discard()
    .catch(failed)
    .then(() => void here.deleting.delete(done))
  here.deleting.add(done)
}

/** @throws an error whose message is for the user who pushes; the push is declined then. */
export async function receivePush(core: Core, push: Push): Promise<void> {
  const app = await appRow(core, push.app)
  if (!app || app.destroying) throw new Error(`App ${push.app} does not exist`)
  const deed = await deedOfPush(core, push, app)
  const end = (result: Result): Promise<void> =>
    endDeed(core, deed, result, null).catch((error: unknown) =>
      core.log.error({ app: app.id, err: error }, 'the event of a push could not be recorded'),
    )
  await withBuild(core, app, push, async (build) => {
    const left: Discard[] = []
    const failed = (error: unknown): void =>
      core.log.warn({ app: app.id, err: error }, 'old builds could not be deleted')
    try {
      await makeAndDeploy(core, app, push, build, (discard) => left.push(discard), deed)
      // Who follows the build does not wait for what is deleted.
      await build.log.close()
      await deleteLogs(core, app).catch(failed)
      // Reads the releases of all apps: the user who pushes has the answer by then.
      left.push(() => push.ended.then(() => deleteArtifacts(core)))
    } finally {
      for (const discard of left) deleteLater(core, discard, failed)
    }
  }).then(
    () => end('ok'),
    async (error: unknown) => {
      // A release that is stored is deployed at the next start.
      if (!(core.shutdown.aborted && deed.isNoted)) await end('failed')
      throw error
    },
  )
}
