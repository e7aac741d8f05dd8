// How many processes should run, which do, and how are they restarted (docs/contract/api.md §2.3, §2.4)?
import { DeisError, notFound, type Pod, type Structure, time } from '@deis/types'
import type { ObservedPod } from '@deis/ports/scheduler'
import { applyCurrent, appRow, explain, resumeCurrent } from '../releases/converge.ts'
import type { Caller, Core } from '../core.ts'
import { scaleRequest, structureOf } from '../apps/structure.ts'
import { latestGood, pendingRelease } from '../releases/release.ts'
import { mark } from '../requests/request-mark.ts'
import { type AppRow, procfileOf } from '../apps/rows.ts'

const hidden = new Set<string>(['down', 'crashed', 'destroyed'])

function toPod(pod: ObservedPod): Pod {
  return { name: pod.name, type: pod.type, state: pod.state, release: `v${pod.release}`, started: time(pod.started) }
}

function visible(pods: readonly ObservedPod[], isShown: (pod: ObservedPod) => boolean): Pod[] {
  return pods
    .filter((pod) => !hidden.has(pod.state) && isShown(pod))
    .toSorted((left, right) => right.started.getTime() - left.started.getTime() || left.name.localeCompare(right.name))
    .map(toPod)
}

async function shownReleases(core: Core, app: AppRow): Promise<ReadonlySet<number>> {
  const [good, pending] = await Promise.all([latestGood(core.db, app), pendingRelease(core.db, app)])
  return new Set([good.version, ...(pending ? [pending.version] : [])])
}

const isOfApp =
  (releases: ReadonlySet<number>) =>
  (pod: ObservedPod): boolean =>
    pod.type !== 'run' && releases.has(pod.release)

/**
 * `name` wins over `type`, whose value the original client gets wrong for names of today. `oneOffs`: also those, which
 * belong to whatever release was the current one when they began.
 */
export async function listPods(
  core: Core,
  app: AppRow,
  which: { type?: string; name?: string; oneOffs?: boolean },
): Promise<Pod[]> {
  const [pods, releases] = await Promise.all([observe(core, app), shownReleases(core, app)])
  const ofApp = isOfApp(releases)
  const all = visible(pods, (pod) => ofApp(pod) || (which.oneOffs === true && pod.type === 'run'))
  if (which.name !== undefined) return all.filter((pod) => pod.name === which.name)
  return which.type === undefined ? all : all.filter((pod) => pod.type === which.type)
}

async function observe(core: Core, app: AppRow): Promise<readonly ObservedPod[]> {
  try {
    return await core.scheduler.observe(app.id)
  } catch (error) {
    throw new DeisError('unavailable', `(list pods): ${explain(error)}`, { cause: error })
  }
}

/** More than fits would be stored, fail and be undone. */
async function refuseBeyondCapacity(core: Core, before: Structure, next: Structure): Promise<void> {
  const total = (counts: Structure): number => Object.values(counts).reduce((sum, count) => sum + count, 0)
  const more = total(next) - total(before)
  const { freeProcesses } = more > 0 ? await core.scheduler.capabilities() : {}
  if (freeProcesses !== undefined && more > freeProcesses)
    throw new DeisError(
      'invalid',
      `This platform can run ${freeProcesses} more processes, not ${more}, so nothing was changed. See deis doctor.`,
    )
}

export async function scaleApp(
  core: Core,
  caller: Caller,
  app: AppRow,
  body: Readonly<Record<string, unknown>>,
): Promise<void> {
  await core.queue.run(app.id, async (signal) => {
    const current = await appRow(core, app.id)
    if (!current || current.destroying) throw notFound('App')
    const release = await latestGood(core.db, current)
    if (!release.build) throw new DeisError('invalid', 'No build associated with this release')
    const before = structureOf(current)
    const wanted = scaleRequest(
      body,
      { ...release.build, procfile: procfileOf(release.build) },
      core.config.maxProcesses,
    )
    const next = { ...before, ...wanted }
    if (Object.entries(next).every(([type, count]) => before[type] === count)) return
    await refuseBeyondCapacity(core, before, next)
    core.logs.write(
      app.id,
      'INFO',
      `${caller.username} scaled pods ${Object.entries(wanted)
        .map(([type, count]) => `${type}=${count}`)
        .join(' ')}`,
    )
    const save = (structure: Structure, stored: boolean) =>
      core.db.$transaction(async (tx) => {
        await tx.app.updateMany({ where: { uuid: current.uuid }, data: { structure, updatedAt: new Date() } })
        await mark(core, tx, caller.request, { stored })
      })
    await save(next, true)
    try {
      await applyCurrent(core, current, next, signal)
    } catch (error) {
      if (signal.aborted)
        throw new DeisError(
          'unavailable',
          'The controller is stopping. The new counts are stored, and are applied at its next start.',
          {
            cause: error,
          },
        )
      // What is stored must be what runs.
      await save(before, false)
      await resumeCurrent(core, current, before, signal).catch((again: unknown) =>
        core.log.error({ app: app.id, err: again }, 'the old process counts could not be restored'),
      )
      if (error instanceof DeisError) throw error
      const text = `(scale): ${explain(error)}`
      core.logs.write(app.id, 'ERROR', text)
      throw new DeisError('unavailable', text, { cause: error })
    }
  })
}

/** The original takes `web-abcde` for short: with exactly two hyphens and no app in front, the app's id is added. */
export function fullPodName(app: string, name: string): string {
  return name.split('-').length === 3 && !name.startsWith(`${app}-`) ? `${app}-${name}` : name
}

export async function restartPods(core: Core, app: AppRow, which: { type?: string; name?: string }): Promise<Pod[]> {
  const chosen = which.name === undefined ? which : { name: fullPodName(app.id, which.name) }
  return core.queue.run(app.id, async (signal) => {
    try {
      const pods = await core.scheduler.restart(app.id, chosen, signal)
      return visible(pods, isOfApp(new Set(pods.map((pod) => pod.release))))
    } catch (error) {
      if (signal.aborted) throw new DeisError('unavailable', 'The controller is stopping.', { cause: error })
      const text = `(restart): ${explain(error)}`
      core.logs.write(app.id, 'ERROR', text)
      throw new DeisError('unavailable', text, { cause: error })
    }
  })
}
