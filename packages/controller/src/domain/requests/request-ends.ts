// What was the outcome of a change whose controller died before it answered? The database and what runs show it.
import * as types from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { failureText } from '../releases/converge.ts'
import { rebaseAnswer } from '../builds/rebase.ts'
import type { Core } from '../core.ts'
import { desiredStructure } from '../apps/structure.ts'
import type { Autoscale } from '../releases/formation.ts'
import { type FullRelease, releaseOf } from '../releases/release.ts'
import { type AppRow, toBuild, toConfig, withOwner } from '../apps/rows.ts'

export type Outcome =
  | { readonly state: 'running' | 'interrupted' | 'unclear' }
  | { readonly state: 'ended'; readonly status: number; readonly answer: string }

const running: Outcome = { state: 'running' }
const interrupted: Outcome = { state: 'interrupted' }
const unclear: Outcome = { state: 'unclear' }

/** The name of a route in a stored request. */
export function routeName({ method, path }: types.Route): string {
  return `${method} ${path}`
}

function ended(status: number, body: unknown): Outcome {
  return { state: 'ended', status, answer: body === null ? '' : JSON.stringify(body) }
}

/** The success of a route, byte for byte as it is served. */
function done({ status, response }: types.Route, body: object | null): Outcome {
  const { properties = {}, required = [] } = response as { properties?: object; required?: readonly string[] }
  const order = [...new Set([...required, ...Object.keys(properties)])]
  const rank = (key: string): number => order.indexOf(key)
  const entries = Object.entries(body ?? {}).toSorted(([left], [right]) => rank(left) - rank(right))
  return ended(status, body === null ? null : Object.fromEntries(entries))
}

/** The error that the client of a failed deploy got, from what is stored of it. */
async function refused(core: Core, app: AppRow, release: FullRelease): Promise<Outcome> {
  const previous = await core.db.release.findFirst({
    where: { appUuid: app.uuid, state: 'deployed', version: { lt: release.version } },
    orderBy: { version: 'desc' },
  })
  const why = (release.exception ?? '').replace(/^error: /, '')
  const back = previous?.buildUuid ? previous.version : null
  return ended(types.errors.invalid.http, { detail: failureText(release.version, back, why) })
}

type OutcomeOf = (core: Core, app: AppRow, request: Row.Request) => Promise<Outcome>

/** A release that another controller, or the next start of this one, continues. */
function released(
  route: types.Route,
  answer: (core: Core, app: AppRow, release: FullRelease) => object | null,
): OutcomeOf {
  return async (core, app, { version }) => {
    if (version === null) return interrupted
    const release = await releaseOf(core.db, app, version)
    if (!release) return unclear
    if (release.state === 'pending') return running
    if (release.state === 'failed') return refused(core, app, release)
    return done(route, answer(core, app, release))
  }
}

/** Whether as many processes are up as are to run; counts of types with an autoscale rule are the autoscaler's. */
async function runsAsWanted(core: Core, app: AppRow): Promise<boolean> {
  const settings = await core.db.settings.findFirst({ where: { appUuid: app.uuid }, orderBy: { createdAt: 'desc' } })
  const scaled = (settings?.autoscale ?? {}) as Autoscale
  const up = (await core.scheduler.observe(app.id)).filter(({ state }) => state === 'up')
  const wanted = Object.entries(desiredStructure(app, core.config.maxProcesses))
  return wanted.every(
    ([type, count]) => Object.hasOwn(scaled, type) || up.filter((pod) => pod.type === type).length === count,
  )
}

const scaled: OutcomeOf = async (core, app, { stored }) => {
  if (!stored) return interrupted
  const problem = core.here.failingApps.why(app.id)
  if (problem !== null) return ended(types.errors.unavailable.http, { detail: `(scale): ${problem}` })
  return (await runsAsWanted(core, app)) ? done(types.scaleApp, null) : running
}

/** The build's status decides, whatever ended it. */
const canceled: OutcomeOf = async (core, app, { path }) => {
  const { uuid = '' } = /\/builds\/(?<uuid>[^/]+)\/cancel/.exec(path)?.groups ?? {}
  const build = await core.db.build.findFirst({ where: { uuid, appUuid: app.uuid } })
  return build?.status === 'canceled' ? done(types.cancelBuild, toBuild(app.id, build)) : interrupted
}

const outcomes = new Map<string, OutcomeOf>([
  [
    routeName(types.setConfig),
    released(types.setConfig, (core, app, release) => toConfig(core.vault, app.id, release.config)),
  ],
  [
    routeName(types.createBuild),
    released(types.createBuild, (_, app, { build }) => (build ? toBuild(app.id, build) : null)),
  ],
  [routeName(types.rebaseApp), released(types.rebaseApp, (_, app, release) => rebaseAnswer(app.id, release, true))],
  [routeName(types.rollback), released(types.rollback, (_core, _app, { version }) => ({ version }))],
  [routeName(types.scaleApp), scaled],
  [routeName(types.cancelBuild), canceled],
  // It ended with its controller, and may have done a part.
  [routeName(types.startOneOff), async () => unclear],
  // A restart can safely be done again.
  ...[types.restartPods, types.restartPodsOfType, types.restartPod].map((route): [string, OutcomeOf] => [
    routeName(route),
    async () => interrupted,
  ]),
])

const recorded = new Map(
  Object.values<unknown>(types)
    .filter((value): value is types.Route => (value as Partial<types.Route>).recorded === true)
    .map((route) => [routeName(route), route]),
)

/** What is stored is brought to where it counts at the next start at the latest; its answer was known when it was stored. */
function stored(core: Core, { route, answer }: Row.Request, app: AppRow | null): Outcome {
  const served = recorded.get(route)
  if (!served) return unclear
  if (app && core.queue.isBusy(app.id)) return running
  return done(served, answer === null ? null : (JSON.parse(core.vault.open('answer', answer)) as object | null))
}

/** Call it when no controller works on the request any more. */
export async function endOf(core: Core, request: Row.Request): Promise<Outcome> {
  const { appUuid, route } = request
  const app = appUuid === null ? null : await core.db.app.findUnique({ where: { uuid: appUuid }, include: withOwner })
  if (route === routeName(types.destroyApp)) {
    if (!app) return done(types.destroyApp, null)
    return app.destroying ? running : interrupted
  }
  const outcomeOf = outcomes.get(route)
  if (app && outcomeOf) return outcomeOf(core, app, request)
  if (!request.stored) return interrupted
  // Its app no longer exists.
  return appUuid !== null && !app ? unclear : stored(core, request, app)
}
