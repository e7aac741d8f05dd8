// How are the builds of an app listed, and how does an existing image become one (docs/contract/api.md §2.6)?
import {
  alikeMessage,
  alikeTypes,
  type Build,
  invalidField,
  invalidProcessType,
  isProcessType,
  notFound,
} from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { type PageRequest, type Slice, readSlice } from '../apps/page.ts'
import { type AppRow, toBuild } from '../apps/rows.ts'
import type { Caller, Core } from '../core.ts'
import { type Deployed, releaseBuild } from '../releases/release-build.ts'
import { insertBuild } from './build.ts'
import { imageFacts } from './images.ts'

/** Rollbacks and changes of config are later ones. */
const first = { orderBy: { version: 'asc' }, take: 1 } as const

export async function buildOf(core: Core, app: AppRow, uuid: string): Promise<Build> {
  const include = { releases: { select: { version: true, state: true, exception: true }, ...first } }
  const row = await core.db.build.findFirst({ where: { uuid, appUuid: app.uuid }, include })
  if (!row) throw notFound('Build')
  return toBuild(app.id, row)
}

export async function buildsPage(core: Core, app: AppRow, page: PageRequest, all: boolean): Promise<Slice<Build>> {
  const where = { appUuid: app.uuid, ...(all ? {} : { status: 'succeeded' }) }
  const include = { releases: { select: { version: true, state: true }, ...first } }
  return readSlice(
    page,
    (part) => core.db.build.findMany({ where, include, orderBy: [{ createdAt: 'desc' }, { uuid: 'asc' }], ...part }),
    () => core.db.build.count({ where }),
    (row) => toBuild(app.id, row),
  )
}

/** The process types of a request; null and absent mean none. */
export function checkProcfile(raw: unknown): Record<string, string> {
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
