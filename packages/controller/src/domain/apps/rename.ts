// How does an app get another name, with everything that it has, and without a moment in which it is not reached?
//
//   reserve ─▶ images, processes, history under the new name ─▶ swap ─▶ routes ─▶ the old name is destroyed
//              └ the new name is a row that is being destroyed     └ one transaction: now it is the old name that is
//
// Whoever is killed leaves one row that is being destroyed, which the next start deletes: the new name before the swap, the old
// one after it. Backends know apps by their names only, so that all of an app's processes are replaced, as by a deploy.
import { X509Certificate } from 'node:crypto'
import { type App, appIdMessages, DeisError, invalidField, notFound, type Structure } from '@deis/types'
import { NameTaken } from '@deis/ports/scheduler'
import type { Tx } from '../../store/open.ts'
import type { Caller, Core } from '../core.ts'
import { edgeOf, exposeApp, routesChanged } from '../edge/edge.ts'
import { appRow, applyRelease, explain } from '../releases/converge.ts'
import { type FullRelease, latestGood, pendingRelease } from '../releases/release.ts'
import { mark } from '../requests/request-mark.ts'
import { checkName, destroyApp } from './apps.ts'
import { isDomain, oneNameAtATime } from './names.ts'
import { type Copies, copyHistory, copyImages, copyLogs, copyOf } from './renamed-copies.ts'
import { keepReserved, type Reserved, reserveName } from './reserved.ts'
import { type AppRow, toApp, withOwner } from './rows.ts'
import { desiredStructure } from './structure.ts'

/** A router that does not answer must not hold up a change for ever; its next snapshot is right in any case. */
const acknowledgeMs = 5_000

type Renaming = {
  readonly caller: Caller
  readonly app: AppRow
  readonly release: FullRelease
  readonly structure: Structure
  readonly to: Reserved
}

const refuse = (text: string): DeisError => new DeisError('conflict', `${text} Nothing was changed.`)

/** What would be lost, or would go on under a name that is gone. Call it in the app's queue. */
async function refuseBusy(core: Core, app: AppRow): Promise<void> {
  const { id } = app
  const running = { where: { appUuid: app.uuid, status: 'running' }, select: { uuid: true } } as const
  if (await core.db.build.findFirst(running))
    throw refuse(`A build of "${id}" is running. Wait until it has ended, or cancel it: deis builds:cancel -a ${id}.`)
  if (core.isPushing(id)) throw refuse(`A push to "${id}" is running. Wait until it has ended.`)
  if (await pendingRelease(core.db, app)) throw refuse(`A release of "${id}" is not deployed yet. Wait until it is.`)
  const oneOff = (await core.scheduler.observe(id)).find(({ type }) => type === 'run')
  if (oneOff)
    throw refuse(
      `The one-off process "${oneOff.name}" is running. Wait until it has ended, or stop it: deis ps:stop ${oneOff.name} -a ${id}.`,
    )
}

/** Old and new processes run side by side for a while. */
async function refuseBeyondCapacity(core: Core, structure: Structure): Promise<void> {
  const more = Object.values(structure).reduce((sum, count) => sum + count, 0)
  const { freeProcesses } = await core.scheduler.capabilities()
  if (freeProcesses !== undefined && more > freeProcesses)
    throw refuse(
      `The ${more} processes of the app are started under the new name before the old ones end, and this platform can run ${freeProcesses} more. Scale it down first, or see deis doctor.`,
    )
}

async function reserve(core: Core, app: AppRow, id: string): Promise<Reserved> {
  return oneNameAtATime(core, async () => {
    if ((await core.db.app.count({ where: { id } })) > 0) throw invalidField('id', appIdMessages.taken)
    if (await isDomain(core, id, app.uuid)) throw invalidField('id', `${id} is already a domain of another app`)
    return reserveName(core, id, { ownerId: app.ownerId, own: app.uuid })
  })
}

/** Everything that runs, under the new name. Nothing leads there yet. */
async function start(core: Core, { app, release, structure, to }: Renaming, signal: AbortSignal): Promise<Copies> {
  await core.scheduler.prepare(to.id, signal)
  const copies = await copyImages(core, app, release.build, to.id, signal)
  const edge = await edgeOf(core, app.id)
  if (!edge) throw notFound('App')
  const renamed = (host: string): string => (host === app.id ? to.id : host)
  await core.scheduler.setEdge(
    {
      ...edge,
      app: to.id,
      hosts: edge.hosts.map(renamed),
      certificates: edge.certificates.map(({ host, name }) => ({ host: renamed(host), name })),
    },
    signal,
  )
  if (!release.build) return copies
  const build = { ...release.build, ...copyOf(copies, release.build) }
  await applyRelease(core, { ...app, id: to.id }, { ...release, build }, structure, signal)
  return copies
}

/** The name under the platform's domain. One that the app does not have is not added. */
async function renameDomain(core: Core, tx: Tx, { app, to }: Renaming, now: Date): Promise<void> {
  const old = await tx.domain.findUnique({ where: { domain: app.id }, include: { certificate: true } })
  if (old?.appUuid !== app.uuid) return
  await tx.domain.delete({ where: { id: old.id } })
  if ((await tx.domain.count({ where: { domain: to.id } })) > 0) return
  const host = `${to.id}.${core.config.platformDomain}`
  const fits = old.certificate && new X509Certificate(old.certificate.certificate).checkHost(host) !== undefined
  await tx.domain.create({
    data: {
      domain: to.id,
      appUuid: app.uuid,
      owner: old.owner,
      certificateId: fits ? old.certificateId : null,
      createdAt: old.createdAt,
      updatedAt: now,
    },
  })
}

/** From here on it is the app of the new name. */
async function swap(core: Core, renaming: Renaming, copies: Copies): Promise<App> {
  const { caller, app, to } = renaming
  return oneNameAtATime(core, async () => {
    if (await isDomain(core, to.id, app.uuid)) throw refuse(`"${to.id}" became a domain of another app.`)
    return core.db.$transaction(async (tx) => {
      const now = new Date()
      const rows = [
        // No app is called like a uuid with its capitals: the name is free until the second one has it.
        { uuid: to.uuid, destroying: true, id: `FREE-${to.uuid}` },
        { uuid: app.uuid, destroying: false, id: to.id },
        { uuid: to.uuid, destroying: true, id: app.id },
      ]
      for (const { id, ...where } of rows) {
        const { count } = await tx.app.updateMany({ where, data: { id, updatedAt: now } })
        if (count === 0) throw refuse(`"${app.id}" was destroyed, or its renaming ended, in the meantime.`)
      }
      await renameDomain(core, tx, renaming, now)
      if (copies.size > 0)
        for (const build of await tx.build.findMany({ where: { appUuid: app.uuid } })) {
          const copy = copyOf(copies, build)
          if (copy) await tx.build.update({ where: { uuid: build.uuid }, data: copy })
        }
      const made = toApp(await tx.app.findUniqueOrThrow({ where: { uuid: app.uuid }, include: withOwner }))
      await mark(core, tx, caller.request, { stored: true, appUuid: app.uuid, answer: made })
      return made
    })
  })
}

/** Routers send requests to the new processes; then no request is at the old ones, or they had their time. */
async function moveRequests(core: Core, { app, to }: Renaming, old: readonly string[]): Promise<void> {
  await exposeApp(core, to.id, core.shutdown).catch((error: unknown) =>
    core.log.error({ app: to.id, err: error }, 'the edge of a renamed app could not be applied'),
  )
  await routesChanged(core, to.id)
  await core.routes.acknowledged(to.id, acknowledgeMs)
  await routesChanged(core, app.id)
  const limitMs = core.config.graceSeconds * 1000
  await core.routes.drained(app.id, old, limitMs, core.shutdown)
}

async function undo(core: Core, { id, uuid }: Reserved, app: string, error: unknown): Promise<never> {
  // What is there is not ours to remove.
  if (error instanceof NameTaken) {
    await core.db.app.deleteMany({ where: { uuid, destroying: true } })
    throw new DeisError('conflict', `${error.message}. Nothing was changed.`, { cause: error })
  }
  await destroyApp(core, { id, uuid }).catch((again: unknown) =>
    core.log.error({ app: id, err: again }, 'a renaming could not be undone, the next start does it'),
  )
  if (error instanceof DeisError) throw error
  throw new DeisError('invalid', `"${app}" keeps its name, because it does not run as "${id}": ${explain(error)}`, {
    cause: error,
  })
}

type Renamed = { readonly made: App; readonly left: Reserved }

/** Call it in the app's queue. @returns what is left of the old name, too */
async function rename(core: Core, caller: Caller, app: AppRow, id: string, signal: AbortSignal): Promise<Renamed> {
  const current = await appRow(core, app.id)
  if (!current || current.destroying || current.uuid !== app.uuid) throw notFound('App')
  await refuseBusy(core, current)
  const release = await latestGood(core.db, current)
  const structure = desiredStructure(current, core.config.maxProcesses)
  if (release.build) await refuseBeyondCapacity(core, structure)
  const to = await reserve(core, current, id)
  const renaming = { caller, app: current, release, structure, to }
  const stop = keepReserved(core, to)
  try {
    const { addresses } = await core.scheduler.upstreams(app.id)
    const made = await moved(core, renaming, signal)
    core.logs.write(id, 'INFO', `${caller.username} renamed ${app.id} to ${id}`)
    core.log.info({ app: id, was: app.id, by: caller.username }, 'app renamed')
    // What waits knows the app by its old name.
    core.queue.cancel(app.id, new DeisError('conflict', `"${app.id}" is now "${id}". Repeat this with -a ${id}.`))
    core.here.drainsChanged()
    core.here.acme.wake()
    await moveRequests(core, renaming, addresses).catch((error: unknown) =>
      core.log.error({ app: id, err: error }, 'the routes of a renamed app could not be changed'),
    )
    return { made, left: { uuid: to.uuid, id: app.id } }
  } finally {
    stop()
  }
}

/** All that can fail: until it has ended the app is what it was. */
async function moved(core: Core, renaming: Renaming, signal: AbortSignal): Promise<App> {
  const { app, to } = renaming
  try {
    return await core.queue.run(to.id, async (own) => {
      const both = AbortSignal.any([signal, own])
      const copies = await start(core, renaming, both)
      await copyHistory(core, app.id, to.id, both)
      await copyLogs(core, app.id, to.id)
      both.throwIfAborted()
      return swap(core, renaming, copies)
    })
  } catch (error) {
    // The next start undoes it.
    if (core.shutdown.aborted)
      throw new DeisError('unavailable', `The controller is stopping, and "${app.id}" keeps its name.`, {
        cause: error,
      })
    return undo(core, to, app.id, error)
  }
}

/** Resolves when it serves under the new name, and nothing of the old one is left. */
export async function renameApp(core: Core, caller: Caller, app: AppRow, wanted: string): Promise<App> {
  const id = wanted.trim()
  checkName(core, id)
  if (id === app.id) throw invalidField('id', 'This is the name of the app already.')
  const all = core.here.renaming
  if (all.has(app.uuid)) throw refuse(`"${app.id}" is being renamed.`)
  all.add(app.uuid)
  try {
    const { made, left } = await core.queue.run(app.id, (signal) => rename(core, caller, app, id, signal))
    await destroyApp(core, left).catch((error: unknown) =>
      core.log.error(
        { app: left.id, err: error },
        'the old name of an app could not be removed, the next start does it',
      ),
    )
    return made
  } finally {
    all.delete(app.uuid)
  }
}
