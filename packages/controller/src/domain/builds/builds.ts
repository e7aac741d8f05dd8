// Which builds does an app have, and how does an existing image become one (docs/contract/api.md §2.6)?
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  alikeMessage,
  alikeTypes,
  type Build,
  DeisError,
  invalidField,
  invalidProcessType,
  isProcessType,
  notFound,
  type Structure,
} from '@deis/types'
import type { Config } from '../../config.ts'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { appRow, deploy } from '../releases/converge.ts'
import type { Caller, Core } from '../core.ts'
import { countsOf, desiredStructure } from '../apps/counts.ts'
import { imageFacts } from './images.ts'
import { type PageRequest, type Slice, readSlice } from '../apps/page.ts'
import { createRelease, latestGood, type FullRelease } from '../releases/release.ts'
import type { Named } from '../requests/request-mark.ts'
import { type AppRow, procfileOf, toBuild } from '../apps/rows.ts'
import { countsFor } from '../apps/structure.ts'
import { buildSummary } from '../releases/summary.ts'

export function buildLogFolder(config: Config): string {
  return join(config.dataDir, 'builds')
}

export function buildLogFile(config: Config, app: string, uuid: string): string {
  return join(buildLogFolder(config), app, `${uuid}.log`)
}

export async function buildsPage(core: Core, app: AppRow, page: PageRequest, all: boolean): Promise<Slice<Build>> {
  const where = { appUuid: app.uuid, ...(all ? {} : { status: 'succeeded' }) }
  return readSlice(
    page,
    (part) => core.db.build.findMany({ where, orderBy: [{ createdAt: 'desc' }, { uuid: 'asc' }], ...part }),
    () => core.db.build.count({ where }),
    (row) => toBuild(app.id, row),
  )
}

export async function buildRow(core: Core, app: AppRow, uuid: string): Promise<Row.Build> {
  const row = await core.db.build.findFirst({ where: { uuid, appUuid: app.uuid } })
  if (!row) throw notFound('Build')
  return row
}

export async function buildLog(core: Core, app: AppRow, uuid: string): Promise<string> {
  await buildRow(core, app, uuid)
  try {
    return await readFile(buildLogFile(core.config, app.id, uuid), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** The process types of a request; null and absent mean none. */
function checkProcfile(raw: unknown): Record<string, string> {
  if (raw === undefined || raw === null) return {}
  if (typeof raw !== 'object' || Array.isArray(raw)) throw invalidField('procfile', 'Expected a dictionary of items.')
  const procfile: Record<string, string> = {}
  for (const [type, command] of Object.entries(raw)) {
    if (typeof command !== 'string' || command.trim() === '')
      throw invalidField('procfile', "Command can't be empty for process type")
    if (!isProcessType(type)) throw invalidField('procfile', invalidProcessType)
    procfile[type] = command
  }
  const alike = alikeTypes(Object.keys(procfile))
  if (alike) throw invalidField('procfile', alikeMessage(alike))
  return procfile
}

export type NewBuild = {
  readonly source: 'git' | 'pull'
  readonly image: string
  readonly sha: string
  readonly ref: string
  readonly dockerfile: string
  readonly port: number | null
  readonly reference: string | null
}

export async function insertBuild(
  core: Core,
  app: AppRow,
  owner: string,
  build: NewBuild,
  procfile: Record<string, string>,
  status: string,
  uuid: string = randomUUID(),
): Promise<Row.Build> {
  const now = new Date()
  return core.db.build.create({
    data: { uuid, appUuid: app.uuid, owner, ...build, procfile, status, createdAt: now, updatedAt: now },
  })
}

export async function endBuild(
  core: Core,
  uuid: string,
  data: Partial<Pick<Row.Build, 'status' | 'image' | 'reference' | 'dockerfile' | 'port'>> & {
    procfile?: Record<string, string>
  },
): Promise<void> {
  await core.db.build.updateMany({ where: { uuid }, data: { ...data, updatedAt: new Date() } })
}

const missingProcfile =
  'Last deployment had a Procfile but is missing in this deploy. For a successful deployment provide a Procfile.'

function shape(build: Row.Build): { sha: string; dockerfile: string; procfile: Record<string, string> } {
  return { sha: build.sha, dockerfile: build.dockerfile, procfile: procfileOf(build) }
}

/** A release that runs, and a notice when nothing of it answers requests. */
export type Deployed = { readonly release: FullRelease; readonly notice: string | null }

/** Makes and deploys the release of a finished build. Waits for its turn among the app's changes. */
export async function releaseBuild(core: Core, app: AppRow, build: Row.Build, request?: Named): Promise<Deployed> {
  return core.queue.run(app.id, async (signal) => {
    const current = await appRow(core, app.id)
    if (!current || current.destroying) throw notFound('App')
    const previous = await latestGood(core.db, current)
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
      owner: build.owner,
      summary: buildSummary(build.owner, build),
      config: previous.configUuid,
      buildUuid: build.uuid,
      ...counts,
      before,
      request,
    })
    return { release, notice: await deploy(core, current, release, signal) }
  })
}

export type ImageBody = { image: string; procfile?: unknown; sha?: string; dockerfile?: string }

/** An image that exists already. */
export async function deployImage(
  core: Core,
  caller: Caller,
  app: AppRow,
  body: ImageBody,
): Promise<Deployed & { readonly build: Row.Build }> {
  const procfile = checkProcfile(body.procfile)
  const image = body.image.trim()
  if (image === '') throw invalidField('image', 'This field may not be blank.')
  const facts = await imageFacts(core, caller, app, image)
  const build = await insertBuild(
    core,
    app,
    caller.username,
    {
      source: 'pull',
      image,
      reference: facts.reference,
      port: facts.ports[0] ?? null,
      sha: body.sha ?? '',
      ref: '',
      dockerfile: body.dockerfile ?? '',
    },
    procfile,
    'succeeded',
  )
  core.logs.write(app.id, 'INFO', `build ${app.id}-${build.uuid.slice(0, 7)} created`)
  return { build, ...(await releaseBuild(core, app, build, caller.request)) }
}

/** `deis pull`. `notice`: nothing answers requests now. */
export async function createBuild(
  core: Core,
  caller: Caller,
  app: AppRow,
  body: ImageBody,
): Promise<{ readonly made: Build; readonly notice: string | null }> {
  const { build, notice } = await deployImage(core, caller, app, body)
  return { made: toBuild(app.id, build), notice }
}
