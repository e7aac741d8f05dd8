// How does an app get a newer run image under its layers, without a build (docs/contract/api.md §2.6)?
import { randomUUID } from 'node:crypto'
import { DeisError, type Response, type rebaseApp as route } from '@deis/types'
import type { CnbFacts, Rebased } from '@deis/ports/builder'
import { procfileOf, type AppRow } from '../apps/rows.ts'
import type { Caller, Core } from '../core.ts'
import { type FullRelease, latestGood, rebaseSummary } from '../releases/release.ts'
import { releaseMade } from '../releases/release-build.ts'
import { insertBuild } from './build.ts'
import { cnbBuild, cnbRefusal, notHere } from './cnb-build.ts'
import { ownCredentials, refuseForeignImage } from './images.ts'

type Answer = Response<typeof route>

/** A run image may have to be copied from another registry. */
const registryMs = 30 * 60_000
const notRebased = 'there is no run image under it to change. A newer base image comes with the next push'

export function rebaseAnswer(app: string, release: FullRelease, rebased: boolean): Answer {
  const { cnb } = cnbBuild(app, release.build, notRebased)
  return {
    rebased,
    version: release.version,
    build: release.buildUuid ?? '',
    run_image: cnb.runImage,
    run_reference: cnb.runReference,
  }
}

/** Null: nothing is to be done. @throws DeisError */
async function changeImage(
  core: Core,
  caller: Caller,
  app: AppRow,
  { build, config }: FullRelease,
  { id, runImage }: { readonly id: string; readonly runImage: string },
): Promise<Rebased | null> {
  const { reference, cnb } = cnbBuild(app.id, build, notRebased)
  const late = AbortSignal.timeout(registryMs)
  try {
    // The operator's builder names its own, wherever that is.
    if (runImage !== cnb.runImage || build?.source === 'rebase') await refuseForeignImage(core, caller, runImage)
    const request = {
      id,
      app: app.id,
      sha: build?.sha ?? '',
      image: reference,
      runImage,
      credentials: ownCredentials(core, config, runImage),
    }
    return (await core.builder.rebase?.(request, AbortSignal.any([core.shutdown, late]))) ?? null
  } catch (error) {
    if (!late.aborted) throw cnbRefusal(error)
    throw new DeisError(
      'unavailable',
      `The layers of ${runImage} were not copied within ${registryMs / 60_000} minutes, so nothing was changed. Try again.`,
      { cause: error },
    )
  }
}

async function insertRebased(
  core: Core,
  app: AppRow,
  owner: string,
  old: NonNullable<FullRelease['build']>,
  { id, reference, cnb }: { readonly id: string; readonly reference: string; readonly cnb: CnbFacts },
) {
  const { sha, ref, dockerfile, port } = old
  const facts = { source: 'rebase', image: reference, reference, sha, ref, dockerfile, port, cnb } as const
  return insertBuild(core, app, owner, facts, procfileOf(old), 'succeeded', id)
}

/** `notice`: nothing answers requests now. */
export async function rebaseApp(
  core: Core,
  caller: Caller,
  app: AppRow,
  given: string | null,
): Promise<{ readonly answer: Answer; readonly notice: string | null }> {
  if (!core.builder.rebase || core.builder.cnb !== true) throw notHere(core.scheduler.name)
  const before = await latestGood(core.db, app)
  const { cnb } = cnbBuild(app.id, before.build, notRebased)
  const id = randomUUID()
  const runImage = given?.trim() || cnb.runImage
  const rebased = await changeImage(core, caller, app, before, { id, runImage })
  if (rebased === null) return { answer: rebaseAnswer(app.id, before, false), notice: null }
  const { reference, runReference } = rebased
  const { release, notice } = await releaseMade(core, app, {
    owner: caller.username,
    summary: rebaseSummary(caller.username, runImage),
    request: caller.request,
    async make(previous) {
      // Or what was deployed meanwhile would be taken back.
      if (previous.build === null || previous.buildUuid !== before.buildUuid)
        throw new DeisError(
          'conflict',
          `"${app.id}" was deployed while its run image was changed, so nothing was changed. Run deis rebase again.`,
        )
      const facts = { ...cnb, runImage, runReference }
      return insertRebased(core, app, caller.username, previous.build, { id, reference, cnb: facts })
    },
  })
  core.logs.write(app.id, 'INFO', `build ${app.id}-${id.slice(0, 7)} created`)
  return { answer: rebaseAnswer(app.id, release, true), notice }
}
