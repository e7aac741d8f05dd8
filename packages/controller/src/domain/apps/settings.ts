// Which settings does an app have that make no release, and how do they take effect (docs/contract/api.md §2.9)?
import { randomUUID } from 'node:crypto'
import { type AppSettings, DeisError, invalidField } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { applyCurrent, appRow, explain } from '../releases/converge.ts'
import { checkBuilderChoice } from './builder-choice.ts'
import { bounds } from './bounds.ts'
import type { Caller, Core } from '../core.ts'
import { desiredStructure } from './structure.ts'
import { changeEdge, refuseAtIngress, type Stored } from '../edge/edge.ts'
import { latestGood } from '../releases/release.ts'
import { mark } from '../requests/request-mark.ts'
import { type AppRow, settingsValues, toSettings } from './rows.ts'
import {
  mergeSettings,
  readSettings,
  settingsChanges,
  type SettingsPatch,
  type SettingsValues,
} from './settings-rules.ts'

async function newestRow(core: Core, app: AppRow): Promise<Row.Settings> {
  const row = await core.db.settings.findFirst({ where: { appUuid: app.uuid }, orderBy: { createdAt: 'desc' } })
  if (!row) throw new DeisError('internal', `app ${app.id} has no settings`)
  return row
}

export async function currentSettings(core: Core, app: AppRow): Promise<AppSettings> {
  return toSettings(app.id, await newestRow(core, app))
}

function newRow(
  app: AppRow,
  owner: string,
  values: SettingsValues,
  newest: Row.Settings,
): Row.Prisma.SettingsUncheckedCreateInput {
  // The newest row counts, so its time must be later even when the clock goes back.
  const now = new Date(Math.max(Date.now(), newest.createdAt.getTime() + 1))
  return {
    uuid: randomUUID(),
    appUuid: app.uuid,
    owner,
    ...values,
    label: values.label as Row.Prisma.InputJsonObject,
    createdAt: now,
    updatedAt: now,
  }
}

/** Earlier settings cannot be asked for. */
async function deleteOldRows(core: Core, app: AppRow): Promise<void> {
  const [old] = await core.db.settings.findMany({
    where: { appUuid: app.uuid },
    orderBy: { createdAt: 'desc' },
    skip: bounds.rowsOfSettings,
    take: 1,
    select: { createdAt: true },
  })
  if (old) await core.db.settings.deleteMany({ where: { appUuid: app.uuid, createdAt: { lte: old.createdAt } } })
}

type Change = {
  readonly row: Row.Settings
  readonly before: SettingsValues
  readonly changed: (keyof SettingsValues)[]
}

/** The answer when the settings are stored; null: an earlier change is undone. */
export type Answer = ((row: Row.Settings) => object | null) | null

/**
 * Stores what `next` makes of the present settings; call inside changeEdge.
 * @throws 409 when nothing changes
 */
export async function storeSettings(
  core: Core,
  caller: Caller,
  app: AppRow,
  answer: Answer,
  next: (before: SettingsValues) => SettingsValues,
): Promise<Stored<Change>> {
  const newest = await newestRow(core, app)
  const before = settingsValues(newest)
  const after = next(before)
  const changed = settingsChanges(before, after)
  if (changed.length === 0) throw new DeisError('conflict', `${caller.username} changed nothing`)
  if (changed.includes('maintenance') && after.maintenance) refuseAtIngress(core, 'maintenance mode')
  if (after.whitelist.some((one) => !before.whitelist.includes(one))) refuseAtIngress(core, 'a whitelist')
  if (after.whitelist.length > Math.max(bounds.addressesOfWhitelist, before.whitelist.length))
    throw invalidField(
      'whitelist',
      `At most ${bounds.addressesOfWhitelist} addresses are allowed. Use networks such as 10.0.0.0/8.`,
    )
  const data = newRow(app, caller.username, after, newest)
  const row = await core.db.$transaction(async (tx) => {
    const made = await tx.settings.create({ data })
    await mark(core, tx, caller.request, answer ? { stored: true, answer: answer(made) } : { stored: false })
    return made
  })
  await deleteOldRows(core, app)
  core.logs.write(app.id, 'INFO', `appsettings ${app.id}-${row.uuid.slice(0, 7)} updated`)
  core.logs.write(app.id, 'DEBUG', `summary of app setting changes: ${caller.username} changed ${changed.join(', ')}`)
  const undo = (): Promise<void> =>
    core.db.$transaction(async (tx) => {
      await tx.settings.deleteMany({ where: { uuid: row.uuid } })
      await mark(core, tx, caller.request, { stored: answer === null })
    })
  return { value: { row, before, changed }, undo }
}

/** Autoscale rules are refused where the backend cannot apply them; they can always be removed. */
export async function refuseAutoscale(
  core: Pick<Core, 'scheduler'>,
  patch: Pick<SettingsPatch, 'autoscale'>,
): Promise<void> {
  if (!Object.values(patch.autoscale ?? {}).some((rule) => rule !== null)) return
  const { autoscale, noAutoscale } = await core.scheduler.capabilities()
  if (autoscale) return
  const why = noAutoscale === undefined ? '' : ` (${noAutoscale})`
  throw new DeisError(
    'invalid',
    `The ${core.scheduler.name} scheduler cannot autoscale${why}, so nothing was changed. See deis doctor.`,
  )
}

/** Applies what affects processes; when that fails, the former settings are stored again. */
async function applyChange(
  core: Core,
  caller: Caller,
  app: AppRow,
  change: Change,
  signal: AbortSignal,
): Promise<void> {
  const apply = async (): Promise<void> => {
    const current = await appRow(core, app.id)
    if (current && (await latestGood(core.db, current)).build)
      await applyCurrent(core, current, desiredStructure(current, core.config.maxProcesses), signal)
  }
  try {
    await apply()
  } catch (error) {
    if (signal.aborted)
      throw new DeisError(
        'unavailable',
        'The controller is stopping. The settings are stored, and are applied at its next start.',
        {
          cause: error,
        },
      )
    const former = Object.fromEntries(change.changed.map((name) => [name, change.before[name]]))
    await changeEdge(core, app.id, () => storeSettings(core, caller, app, null, (now) => ({ ...now, ...former })))
    await apply().catch((again: unknown) =>
      core.log.error({ app: app.id, err: again }, 'the old settings could not be restored'),
    )
    const text = `(settings): ${explain(error)}`
    core.logs.write(app.id, 'ERROR', text)
    throw new DeisError('invalid', text, { cause: error })
  }
}

export async function changeSettings(
  core: Core,
  caller: Caller,
  app: AppRow,
  body: Readonly<Record<string, unknown>>,
): Promise<AppSettings> {
  const patch = checkBuilderChoice(core, readSettings(body))
  await refuseAutoscale(core, patch)
  const answer = (row: Row.Settings): AppSettings => toSettings(app.id, row)
  const store = (): Promise<Change> =>
    changeEdge(core, app.id, () =>
      storeSettings(core, caller, app, answer, (before) => mergeSettings(before, patch, core.config.maxProcesses)),
    )
  if (patch.autoscale === undefined && patch.routable === undefined) return answer((await store()).row)
  return core.queue.run(app.id, async (signal) => {
    const change = await store()
    if (change.changed.includes('routable') || change.changed.includes('autoscale'))
      await applyChange(core, caller, app, change, signal)
    return answer(change.row)
  })
}
