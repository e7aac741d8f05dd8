// How is an app created, listed and destroyed (docs/contract/api.md §2.3, §3.2)?
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { type App, appIdMessages, appIdPattern, DeisError, invalidField, messageOf, time } from '@deis/types'
import { NameTaken } from '@deis/ports/scheduler'
import { isUniqueViolation } from '../../store/errors.ts'
import { visibleTo } from '../accounts/access.ts'
import { buildLogFolder } from '../builds/log.ts'
import { backendWords } from '../backend-words.ts'
import { bounds } from './bounds.ts'
import { atOnce } from './bulk.ts'
import type { Caller, Core } from '../core.ts'
import { countsOf } from './structure.ts'
import { announceRelease } from '../releases/deploy-hooks.ts'
import { inventName, isDomain, isReserved, oneNameAtATime } from './names.ts'
import { type PageRequest, type Slice, readSlice } from './page.ts'
import { configRow, latestGood } from '../releases/release.ts'
import { endEdgeChanges, exposeApp, routesChanged } from '../edge/edge.ts'
import { noteDeed } from '../events/deed.ts'
import { type Change, mark } from '../requests/request-mark.ts'
import { type AppRow, procfileOf, toApp, withOwner } from './rows.ts'

export function checkName(core: Core, id: string): void {
  if (!appIdPattern.test(id)) throw invalidField('id', appIdMessages.pattern, appIdMessages.client)
  if (isReserved(core.config, id)) throw invalidField('id', `${id} is a reserved name.`)
}

async function freeName(core: Core): Promise<string> {
  for (let tries = 0; tries < 200; tries++) {
    // A number once the plain names run out.
    const name =
      tries < 100 ? inventName(Math.random) : `${inventName(Math.random)}-${Math.floor(Math.random() * 100_000)}`
    if (isReserved(core.config, name) || (await isDomain(core, name))) continue
    if ((await core.db.app.count({ where: { id: name } })) === 0) return name
  }
  throw new DeisError('conflict', 'No free name could be generated. Name the app yourself: deis create NAME.')
}

type NewApp = AppRow & { readonly configUuid: string; readonly settingsUuid: string }

/** App, empty config, v1, settings and domain in one transaction: all of it or nothing. */
async function insertApp(core: Core, caller: Caller, id: string): Promise<NewApp> {
  const now = new Date()
  const times = { createdAt: now, updatedAt: now }
  const uuid = randomUUID()
  const owner = caller.username
  return core.db.$transaction(async (tx) => {
    const app = await tx.app.create({
      data: { uuid, id, ownerId: caller.id, structure: {}, destroying: false, ...times },
      include: withOwner,
    })
    const config = await tx.config.create({ data: configRow(core, app, owner) })
    await tx.release.create({
      data: {
        uuid: randomUUID(),
        appUuid: uuid,
        version: 1,
        owner,
        summary: `${owner} created initial release`,
        state: 'deployed',
        configUuid: config.uuid,
        before: {},
        ...times,
      },
    })
    const settings = await tx.settings.create({
      data: {
        uuid: randomUUID(),
        appUuid: uuid,
        owner,
        maintenance: false,
        routable: true,
        whitelist: [],
        autoscale: {},
        label: {},
        ...times,
      },
    })
    await tx.domain.create({ data: { domain: id, appUuid: uuid, owner, ...times } })
    if (caller.request?.deed) Object.assign(caller.request.deed, { app: { uuid, id }, target: null })
    await mark(core, tx, caller.request, { stored: true, appUuid: uuid, answer: toApp(app) })
    return { ...app, configUuid: config.uuid, settingsUuid: settings.uuid }
  })
}

/** The row first, since it reserves the name; when the backend then fails, the row is deleted again. */
async function prepareBackend(core: Core, app: AppRow): Promise<void> {
  try {
    await core.scheduler.prepare(app.id, core.shutdown)
    await exposeApp(core, app.id, core.shutdown)
  } catch (error) {
    await core.db.app.deleteMany({ where: { uuid: app.uuid } })
    // What is there is not ours to remove.
    if (error instanceof NameTaken) {
      const taken = await backendWords(core, {
        cluster: `${app.id} already exists as a namespace in this kuberenetes setup`,
        machine: `The ${core.scheduler.name} scheduler already has something else named "${app.id}"`,
      })
      throw new DeisError('conflict', taken, { cause: error })
    }
    await core.scheduler
      .remove(app.id, core.shutdown)
      .catch((again: unknown) => core.log.error({ app: app.id, err: again }, 'a failed app could not be removed'))
    const what = await backendWords(core, {
      cluster: 'Kubernetes resources could not be created',
      machine: `"${app.id}" could not be set up`,
    })
    throw new DeisError('unavailable', `${what}: ${messageOf(error)}`, { cause: error })
  }
}

export async function refuseMoreApps(
  core: Core,
  caller: Pick<Caller, 'id' | 'username' | 'isSuperuser'>,
): Promise<void> {
  const count = caller.isSuperuser ? 0 : await core.db.app.count({ where: { ownerId: caller.id } })
  if (count >= bounds.appsOfUser)
    throw new DeisError(
      'conflict',
      `"${caller.username}" has ${count} apps, the maximum. Destroy one with deis destroy, or ask an admin.`,
    )
}

async function createNamed(core: Core, caller: Caller, id: string): Promise<App> {
  try {
    const app = await oneNameAtATime(core, async () => {
      if ((await core.db.app.count({ where: { id } })) > 0) throw invalidField('id', appIdMessages.taken)
      if (await isDomain(core, id)) throw invalidField('id', `${id} is already a domain of another app`)
      await refuseMoreApps(core, caller)
      return insertApp(core, caller, id)
    })
    await prepareBackend(core, app)
    const summary = `${caller.username} created initial release`
    for (const line of [
      summary,
      `config ${id}-${app.configUuid.slice(0, 7)} updated`,
      `appsettings ${id}-${app.settingsUuid.slice(0, 7)} updated`,
      `domain ${id} added`,
    ])
      core.logs.write(id, 'INFO', line)
    announceRelease(core, { app: id, version: 1, summary, sha: '', user: caller.username })
    await routesChanged(core, id)
    return toApp(app)
  } catch (error) {
    if (isUniqueViolation(error)) throw invalidField('id', appIdMessages.taken)
    throw error
  }
}

export async function createApp(core: Core, caller: Caller, wanted: string | null | undefined): Promise<App> {
  if (wanted !== null && wanted !== undefined) {
    const id = wanted.trim()
    checkName(core, id)
    return createNamed(core, caller, id)
  }
  for (let tries = 1; ; tries++)
    try {
      return await createNamed(core, caller, await freeName(core))
    } catch (error) {
      // Another request was faster, or the backend has something of that name.
      const taken = error instanceof DeisError && (error.code === 'conflict' || error.fields?.id !== undefined)
      if (!taken || tries === 5) throw error
    }
}

export async function shownApp(core: Core, app: AppRow): Promise<App> {
  const { build } = await latestGood(core.db, app)
  return { ...toApp(app), procfile_structure: build ? procfileOf(build) : {} }
}

/** `structure` as text, so that one unreadable row does not fail the list. */
type ListedApp = Readonly<Record<'uuid' | 'id' | 'structure' | 'createdAt' | 'updatedAt' | 'username', string>>

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // Shown as an app without processes; deis doctor shows the problem.
    return {}
  }
}

const utc = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)$/

/** As `time` of the moment, which most texts have already. */
function storedTime(text: string): string {
  return utc.test(text) ? `${text.slice(0, 'yyyy-mm-ddThh:mm:ss'.length)}Z` : time(new Date(text))
}

/** The most frequent request: one statement, without Prisma's engine. */
async function listedApps(
  core: Core,
  caller: Caller,
  { skip, take }: { skip: number; take: number },
): Promise<ListedApp[]> {
  if (caller.isSuperuser)
    return core.read<ListedApp>`
      SELECT a."uuid", a."id", CAST(a."structure" AS TEXT) AS "structure", a."createdAt", a."updatedAt", u."username"
      FROM "App" a JOIN "User" u ON u."id" = a."ownerId"
      WHERE a."destroying" = false ORDER BY a."id" LIMIT ${take} OFFSET ${skip}`
  return core.read<ListedApp>`
    SELECT a."uuid", a."id", CAST(a."structure" AS TEXT) AS "structure", a."createdAt", a."updatedAt", u."username"
    FROM "App" a JOIN "User" u ON u."id" = a."ownerId"
    WHERE a."destroying" = false AND (a."ownerId" = ${caller.id} OR EXISTS (
      SELECT 1 FROM "Grant" g WHERE g."appUuid" = a."uuid" AND g."userId" = ${caller.id}))
    ORDER BY a."id" LIMIT ${take} OFFSET ${skip}`
}

export async function appsPage(core: Core, caller: Caller, page: PageRequest): Promise<Slice<App>> {
  return readSlice(
    page,
    (part) => listedApps(core, caller, part),
    () => core.db.app.count({ where: { destroying: false, ...visibleTo(caller) } }),
    ({ uuid, id, structure, createdAt, updatedAt, username }) => ({
      uuid,
      id,
      owner: username,
      structure: countsOf(parsed(structure)),
      created: storedTime(createdAt),
      updated: storedTime(updatedAt),
    }),
  )
}

/** What was built for the app, and is not shared by another app's build: images that were only pulled are left alone. */
async function ownArtifacts(core: Core, app: Doomed): Promise<string[]> {
  const mine = await core.db.build.findMany({
    where: { appUuid: app.uuid, source: 'git', image: { not: '' } },
    distinct: ['image'],
    select: { image: true },
  })
  const images = mine.map(({ image }) => image)
  const others = new Set<string>()
  for (let from = 0; from < images.length; from += atOnce) {
    const shared = await core.db.build.findMany({
      where: { image: { in: images.slice(from, from + atOnce) }, appUuid: { not: app.uuid } },
      distinct: ['image'],
      select: { image: true },
    })
    for (const { image } of shared) others.add(image)
  }
  return images.filter((image) => !others.has(image))
}

type Doomed = Pick<AppRow, 'id' | 'uuid'>

/**
 * Everything of the app goes, the row last: after a kill, the next start finishes it. Calls during that time
 * wait for the same end.
 */
export function destroyApp(core: Core, app: Doomed, change?: Change): Promise<void> {
  const all = core.here.ending
  const known = all.get(app.uuid)
  if (known) return known
  const work = endApp(core, app, change).finally(() => all.delete(app.uuid))
  all.set(app.uuid, work)
  return work
}

async function endApp(core: Core, app: Doomed, change: Change | undefined): Promise<void> {
  core.logs.write(app.id, 'INFO', 'deleting environment')
  await core.db.$transaction(async (tx) => {
    await tx.app.updateMany({ where: { uuid: app.uuid }, data: { destroying: true, updatedAt: new Date() } })
    await noteDeed(tx, change?.deed, true)
  })
  core.queue.cancel(app.id, new DeisError('conflict', `${app.id} is being destroyed`))
  await endEdgeChanges(core, app.id)
  await routesChanged(core, app.id)
  core.traffic.forget(app.id)
  await core.removeRepo(app.id)
  await core.queue.run(app.id, async (signal) => {
    if ((await core.db.app.count({ where: { uuid: app.uuid } })) === 0) return
    await core.scheduler.remove(app.id, signal).catch(async (error: unknown) => {
      signal.throwIfAborted()
      const what = await backendWords(core, {
        cluster: `Could not delete Kubernetes Namespace ${app.id}`,
        machine: `The processes of ${app.id} could not be stopped`,
      })
      throw new DeisError('unavailable', `${what}: ${messageOf(error)}`, { cause: error })
    })
    // A registry that is away for long must not keep an app alive.
    await core.builder
      .forget(app.id, await ownArtifacts(core, app))
      .catch((error: unknown) =>
        core.log.error({ app: app.id, err: error }, 'artifacts of a destroyed app could not be deleted'),
      )
    await rm(buildLogFolder(core, app.id), { recursive: true, force: true })
    await core.logs.remove(app.id)
    await core.db.app.deleteMany({ where: { uuid: app.uuid } })
  })
  core.log.info({ app: app.id }, 'app destroyed')
}
