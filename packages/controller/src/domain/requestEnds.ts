// How did a change end whose controller died before it answered? What is in the database tells, and what runs.
import * as types from '@deis/types'
import type * as Row from '../store/generated/sqlite/client.ts'
import { shownApp } from './apps.ts'
import { failureText } from './converge.ts'
import type { Core } from './core.ts'
import { desiredStructure } from './counts.ts'
import type { Autoscale } from './formation.ts'
import { type FullRelease, releaseOf } from './release.ts'
import { type AppRow, toBuild, toConfig, withOwner } from './rows.ts'
import { currentSettings } from './settings.ts'
import { currentTls } from './tls.ts'
import { currentWhitelist } from './whitelist.ts'

export type Outcome =
  | { readonly state: 'running' | 'interrupted' | 'unclear' }
  | { readonly state: 'ended'; readonly status: number; readonly answer: string }

const running: Outcome = { state: 'running' }
const interrupted: Outcome = { state: 'interrupted' }
const unclear: Outcome = { state: 'unclear' }

/** How a route of the contract is called in a record. */
export function routeName({ method, path }: types.Route): string {
  return `${method} ${path}`
}

function ended(status: number, body: unknown): Outcome {
  return { state: 'ended', status, answer: body === null ? '' : JSON.stringify(body) }
}

/** The success of a route, letter by letter as it is served. */
function done({ status, response }: types.Route, body: object | null): Outcome {
  const { properties = {}, required = [] } = response as { properties?: object; required?: readonly string[] }
  const order = [...new Set([...required, ...Object.keys(properties)])]
  const place = (key: string): number => order.indexOf(key)
  const entries = Object.entries(body ?? {}).toSorted(([left], [right]) => place(left) - place(right))
  return ended(status, body === null ? null : Object.fromEntries(entries))
}

/** The text that whoever waited for the deploy was told, from what is kept of it. */
async function refused(core: Core, app: AppRow, release: FullRelease): Promise<Outcome> {
  const previous = await core.db.release.findFirst({
    where: { appUuid: app.uuid, state: 'deployed', version: { lt: release.version } },
    orderBy: { version: 'desc' },
  })
  const why = (release.exception ?? '').replace(/^error: /, '')
  const back = previous?.buildUuid ? previous.version : null
  return ended(types.errors.invalid.http, { detail: failureText(release.version, back, why) })
}

type Judge = (core: Core, app: AppRow, request: Row.Request) => Promise<Outcome>

/** A release that another controller, or the next start of this one, carries on. */
function released(route: types.Route, answer: (core: Core, app: AppRow, release: FullRelease) => object | null): Judge {
  return async (core, app, { version }) => {
    if (version === null) return interrupted
    const release = await releaseOf(core.db, app, version)
    if (!release) return unclear
    if (release.state === 'pending') return running
    if (release.state === 'failed') return refused(core, app, release)
    return done(route, answer(core, app, release))
  }
}

/** Whether as many processes are up as are to run; how many the autoscaler wants is its own affair. */
async function runsAsWanted(core: Core, app: AppRow): Promise<boolean> {
  const settings = await core.db.settings.findFirst({ where: { appUuid: app.uuid }, orderBy: { createdAt: 'desc' } })
  const scaled = (settings?.autoscale ?? {}) as Autoscale
  const up = (await core.scheduler.observe(app.id)).filter(({ state }) => state === 'up')
  const wanted = Object.entries(desiredStructure(app, core.config.maxProcesses))
  return wanted.every(
    ([type, count]) => Object.hasOwn(scaled, type) || up.filter((pod) => pod.type === type).length === count,
  )
}

const scaled: Judge = async (core, app, { stored }) => {
  if (!stored) return interrupted
  const trouble = core.here.trouble.why(app.id)
  if (trouble !== null) return ended(types.errors.unavailable.http, { detail: `(scale): ${trouble}` })
  return (await runsAsWanted(core, app)) ? done(types.scaleApp, null) : running
}

/** What is stored of an app, and brought to where it counts at the next start. */
function kept(route: types.Route, answer: (core: Core, app: AppRow) => Promise<object | null>): Judge {
  return async (core, app, { stored }) => {
    if (!stored) return interrupted
    if (core.queue.isBusy(app.id)) return running
    return done(route, await answer(core, app))
  }
}

const judges = new Map<string, Judge>([
  [
    routeName(types.setConfig),
    released(types.setConfig, (core, app, release) => toConfig(core.vault, app.id, release.config)),
  ],
  [
    routeName(types.createBuild),
    released(types.createBuild, (_, app, { build }) => (build ? toBuild(app.id, build) : null)),
  ],
  [routeName(types.rollback), released(types.rollback, (_core, _app, { version }) => ({ version }))],
  [routeName(types.scaleApp), scaled],
  [routeName(types.createApp), kept(types.createApp, shownApp)],
  [routeName(types.setSettings), kept(types.setSettings, currentSettings)],
  [routeName(types.setTls), kept(types.setTls, currentTls)],
  [routeName(types.addToWhitelist), kept(types.addToWhitelist, currentWhitelist)],
  [routeName(types.removeFromWhitelist), kept(types.removeFromWhitelist, async () => null)],
])

/** Call it when nobody works on the request any more. */
export async function endOf(core: Core, request: Row.Request): Promise<Outcome> {
  const { appUuid, route } = request
  const app = appUuid === null ? null : await core.db.app.findUnique({ where: { uuid: appUuid }, include: withOwner })
  if (route === routeName(types.destroyApp)) {
    if (!app) return done(types.destroyApp, null)
    return app.destroying ? running : interrupted
  }
  const judge = judges.get(route)
  if (!judge) return unclear
  // An app that is not there yet, or not any more.
  if (!app) return request.stored ? unclear : interrupted
  return judge(core, app, request)
}
