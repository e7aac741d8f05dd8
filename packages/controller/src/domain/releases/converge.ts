// How does an app come to run what its newest release says, and go back when it cannot (docs/architecture.md, principle 5, docs/contract/api.md §3.5)?
import { DeisError, messageOf, type Structure } from '@deis/types'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Unready } from '@deis/ports/resume'
import { DeployFailure, type Formation } from '@deis/ports/scheduler'
import type { Core } from '../core.ts'
import { desiredStructure } from '../apps/structure.ts'
import { type Autoscale, formation } from './formation.ts'
import { type FullRelease, latestGood, pendingRelease, releaseParts } from './release.ts'
import { exposeApp } from '../edge/edge.ts'
import { publishRoutes } from '../edge/routing.ts'
import { type AppRow, procfileOf, withOwner } from '../apps/rows.ts'
import { idleNotice } from './serving.ts'

/** A router that does not answer must not hold up a deploy for ever; its next snapshot is right in any case. */
const routedMs = 5_000

/** Errors of the backend itself are retried this often before the deploy fails. */
const retryDelaysMs = [100, 300, 1_000, 3_000, 10_000]

export async function appRow(core: Core, id: string): Promise<AppRow | null> {
  return core.db.app.findUnique({ where: { id }, include: withOwner })
}

async function formationOf(core: Core, app: AppRow, release: FullRelease, structure: Structure): Promise<Formation> {
  const settings = await core.db.settings.findFirst({ where: { appUuid: app.uuid }, orderBy: { createdAt: 'desc' } })
  return formation(
    releaseParts(core, app, release),
    structure,
    { routable: settings?.routable ?? true, autoscale: (settings?.autoscale ?? {}) as Autoscale },
    core.config,
  )
}

/** Routes the app's ready processes, and waits until routers have applied that. */
async function route(core: Core, id: string): Promise<void> {
  await publishRoutes(core, id)
  await core.routes.acknowledged(id, routedMs)
}

/** Repeats what failed for reasons of the backend; a DeployFailure is final at once. */
async function insist<T>(core: Core, wanted: Formation, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      const delay = retryDelaysMs[attempt]
      if (error instanceof DeployFailure || error instanceof DeisError) throw error
      core.measures.schedulerFailed()
      if (delay === undefined) throw error
      core.log.warn({ app: wanted.app, release: wanted.release, err: error }, 'scheduler failed, retrying')
      await sleep(delay, undefined, { signal })
    }
  }
}

const applyFormation = (core: Core, wanted: Formation, signal: AbortSignal): Promise<void> =>
  insist(core, wanted, signal, () =>
    core.scheduler.apply(wanted, signal, (line) => core.logs.write(wanted.app, 'INFO', line)),
  )

/** Of a release that was deployed: what is missing of it starts, each process by itself. */
const resumeFormation = (core: Core, wanted: Formation, signal: AbortSignal): Promise<readonly Unready[]> =>
  insist(core, wanted, signal, () => core.scheduler.resume(wanted, signal))

/** The whole explanation of a failed deploy: cause, evidence, next step. */
export function explain(error: unknown): string {
  if (!(error instanceof DeployFailure)) return messageOf(error)
  const evidence = error.evidence.map((line) => `    ${line}`)
  return [error.message, ...evidence, error.hint].filter((line) => line !== '').join('\n')
}

/** The summary of a failed release (docs/contract/api.md §3.4). */
function failedSummary(release: FullRelease, previous: FullRelease): string {
  if (/ rolled back to v\d+$/.test(release.summary))
    return `${previous.owner} performed roll back to a release that failed`
  if (release.build && release.buildUuid !== previous.buildUuid)
    return `${release.build.owner} deployed ${release.build.uuid.slice(0, 7)} which failed`
  return `${release.owner} deployed a config that failed`
}

async function markFailed(
  core: Core,
  app: AppRow,
  release: FullRelease,
  previous: FullRelease,
  why: string,
): Promise<void> {
  const now = new Date()
  await core.db.$transaction([
    core.db.release.update({
      where: { uuid: release.uuid },
      data: { state: 'failed', summary: failedSummary(release, previous), exception: `error: ${why}`, updatedAt: now },
    }),
    core.db.app.update({ where: { uuid: app.uuid }, data: { structure: release.before ?? {}, updatedAt: now } }),
  ])
}

async function markDeployed(core: Core, app: AppRow, release: FullRelease): Promise<void> {
  // The row may have been deleted with its app in the meantime; updateMany does not fail then.
  await core.db.release.updateMany({
    where: { uuid: release.uuid, state: 'pending' },
    data: { state: 'deployed', updatedAt: new Date() },
  })
  core.here.failingApps.clear(app.id)
  // Afterwards: the route names the release that is stored as deployed.
  await route(core, app.id)
  core.here.acme.wake()
}

/** Also written to the app's log; null when requests are answered. */
async function warnIfIdle(core: Core, app: AppRow, release: FullRelease, structure: Structure): Promise<string | null> {
  if (!release.build) return null
  const build = { ...release.build, procfile: procfileOf(release.build) }
  if (idleNotice(app.id, structure, build, true) === null) return null
  const settings = await core.db.settings.findFirst({
    where: { appUuid: app.uuid },
    orderBy: { createdAt: 'desc' },
    select: { routable: true },
  })
  const notice = idleNotice(app.id, structure, build, settings?.routable ?? true)
  if (notice !== null) core.logs.write(app.id, 'WARN', notice)
  return notice
}

/**
 * Deploys a pending release. Call inside the app's queue. Returns a notice when nothing answers requests then.
 * @throws DeisError invalid with the contract's text when it fails; the previous release serves then.
 */
export async function deploy(
  core: Core,
  app: AppRow,
  release: FullRelease,
  signal: AbortSignal,
): Promise<string | null> {
  const previous = await latestGood(core.db, app)
  const began = performance.now()
  const seconds = (): number => (performance.now() - began) / 1000
  let structure: Structure
  try {
    const current = (await appRow(core, app.id)) ?? app
    structure = desiredStructure(current, core.config.maxProcesses)
    await applyFormation(core, await formationOf(core, app, release, structure), signal)
    signal.throwIfAborted()
    await markDeployed(core, app, release)
    core.measures.deploy('deployed', seconds())
  } catch (error) {
    // Stopping or destroying: nothing is decided here; the next start continues, or the app is destroyed.
    if (signal.aborted) throw new DeisError('unavailable', messageOf(signal.reason), { cause: error })
    core.measures.deploy('failed', seconds())
    const why = explain(error)
    await markFailed(core, app, release, previous, why)
    const text = await goBack(core, app, release, previous, why, signal)
    core.logs.write(app.id, 'ERROR', text)
    throw new DeisError('invalid', text, { cause: error })
  }
  return warnIfIdle(core, app, release, structure)
}

/** The error of a failed deploy; `back`: the release that serves again, if there is one. */
export function failureText(version: number, back: number | null, why: string): string {
  return back === null ? `(app::deploy): ${why}` : `(app::deploy): ${rollingText(version, back)}\n${why}`
}

function rollingText(version: number, back: number): string {
  return `There was a problem deploying v${version}. Rolling back process types to release v${back}.`
}

async function goBack(
  core: Core,
  app: AppRow,
  failed: FullRelease,
  previous: FullRelease,
  why: string,
  signal: AbortSignal,
): Promise<string> {
  if (!previous.build) {
    // Nothing to go back to, so nothing of it may run.
    await formationOf(core, app, failed, {})
      .then((nothing) => core.scheduler.apply(nothing, signal, () => {}))
      .catch((error: unknown) =>
        core.log.error({ app: app.id, err: error }, 'clean-up after a failed first deploy failed'),
      )
    return failureText(failed.version, null, why)
  }
  core.logs.write(app.id, 'ERROR', rollingText(failed.version, previous.version))
  const text = failureText(failed.version, previous.version, why)
  try {
    const current = (await appRow(core, app.id)) ?? app
    await resumeFormation(
      core,
      await formationOf(core, app, previous, desiredStructure(current, core.config.maxProcesses)),
      signal,
    )
    return text
  } catch (error) {
    core.log.error({ app: app.id, release: previous.version, err: error }, 'rolling back failed')
    return `${text}\nRolling back failed as well: ${explain(error)}`
  }
}

/** Makes the app run this release, whatever is stored. */
export async function applyRelease(
  core: Core,
  app: AppRow,
  release: FullRelease,
  structure: Structure,
  signal: AbortSignal,
): Promise<void> {
  await applyFormation(core, await formationOf(core, app, release, structure), signal)
}

/** Makes the app run its current release in this structure, all of it or nothing. */
export async function applyCurrent(core: Core, app: AppRow, structure: Structure, signal: AbortSignal): Promise<void> {
  const release = await latestGood(core.db, app)
  if (!release.build) throw new DeisError('invalid', 'No build associated with this release')
  await applyFormation(core, await formationOf(core, app, release, structure), signal)
  await route(core, app.id)
}

/**
 * Runs its current release in this structure again, as far as it is not there, each process by itself; for apps that lost their
 * processes. Returns those that are not ready.
 */
export async function resumeCurrent(
  core: Core,
  app: AppRow,
  structure: Structure,
  signal: AbortSignal,
): Promise<readonly Unready[]> {
  const release = await latestGood(core.db, app)
  if (!release.build) return []
  const unready = await resumeFormation(core, await formationOf(core, app, release, structure), signal)
  await route(core, app.id)
  return unready
}

/** After a reboot nothing runs: the last good release serves while the unfinished deploy is tried, which may take its whole time. */
async function serveMeanwhile(core: Core, app: AppRow, pending: FullRelease, signal: AbortSignal): Promise<void> {
  const good = await latestGood(core.db, app)
  if (!good.build || (await core.scheduler.observe(app.id)).some((pod) => pod.state === 'up')) return
  try {
    const before = desiredStructure({ structure: pending.before }, core.config.maxProcesses)
    await resumeFormation(core, await formationOf(core, app, good, before), signal)
    await publishRoutes(core, app.id)
  } catch (error) {
    signal.throwIfAborted()
    core.log.warn({ app: app.id, release: good.version, err: error }, 'the last good release does not run')
  }
}

/** In the app's queue, once its edge is applied. Null: the app is gone, or about to be. */
async function whileThere<T>(
  core: Core,
  id: string,
  work: (app: AppRow, signal: AbortSignal) => Promise<T>,
): Promise<T | null> {
  return core.queue.run(id, async (signal) => {
    const app = await appRow(core, id)
    if (!app || app.destroying) return null
    await exposeApp(core, id, signal)
    return work(app, signal)
  })
}

/**
 * Brings one app to its desired state after a start: carries a pending release on, or runs the last good one again. Returns the
 * processes that are not ready then: they are started again by themselves, and all others serve.
 */
export async function converge(core: Core, id: string): Promise<readonly Unready[]> {
  const unready = await whileThere(core, id, async (app, signal) => {
    const pending = await pendingRelease(core.db, app)
    if (!pending?.build) return resumeCurrent(core, app, desiredStructure(app, core.config.maxProcesses), signal)
    core.log.info({ app: id, release: pending.version }, 'continuing a deploy')
    await serveMeanwhile(core, app, pending, signal)
    await deploy(core, app, pending, signal)
    return []
  })
  return unready ?? []
}

/** Runs the current release of an app that came here with its releases, all of it or nothing. Without a build nothing runs. */
export async function runImported(core: Core, id: string): Promise<void> {
  await whileThere(core, id, async (app, signal) => {
    const release = await latestGood(core.db, app)
    if (release.build) await applyCurrent(core, app, desiredStructure(app, core.config.maxProcesses), signal)
  })
}
