// How is an app's config read and changed (docs/contract/api.md §2.5)?
import { type Config, DeisError, notFound } from '@deis/types'
import type { Capabilities } from '@deis/ports/scheduler'
import { type ConfigMaps, type ConfigPatch, mergeConfig, refuseWithoutPort } from './config-rules.ts'
import { appRow, deploy } from '../releases/converge.ts'
import type { Caller, Core } from '../core.ts'
import { type BuildShape, desiredStructure, typesOf, typesText } from './structure.ts'
import { configRow, configSummary, createRelease, latestGood } from '../releases/release.ts'
import { type AppRow, configMaps, procfileOf, toConfig } from './rows.ts'

export async function currentConfig(core: Core, app: AppRow): Promise<Config> {
  const { config } = await latestGood(core.db, app)
  return toConfig(core.vault, app.id, config)
}

const enforced = {
  memory: ['memoryLimits', 'memory limits'],
  cpu: ['cpuLimits', 'CPU limits'],
  tags: ['tags', 'tags (it has no nodes to choose from)'],
  registry: ['images', 'image registries'],
  healthcheck: ['healthchecks', 'health checks'],
} as const satisfies Partial<Record<keyof ConfigMaps, readonly [keyof Capabilities, string]>>

/**
 * Never store what is not enforced (docs/architecture.md, principle 6): only what the request adds is looked at, so old
 * values can always be removed. The scheduler, which may have to ask its cluster, is asked only if there is any.
 */
export async function refuseUnenforced(
  { scheduler }: Pick<Core, 'scheduler'>,
  before: ConfigMaps,
  after: ConfigMaps,
): Promise<void> {
  const added = (Object.keys(enforced) as (keyof typeof enforced)[]).filter((map) =>
    Object.entries(after[map]).some(([key, value]) => JSON.stringify(before[map][key]) !== JSON.stringify(value)),
  )
  if (added.length === 0) return
  const can = await scheduler.capabilities()
  for (const map of added) {
    const [capability, what] = enforced[map]
    if (!can[capability])
      throw new DeisError(
        'invalid',
        `The ${scheduler.name} scheduler cannot enforce ${what}, so nothing was changed. See deis doctor.`,
      )
  }
}

/** Only when tags change: nodes may be gone since then (docs/contract/api.md §2.5, §7 #17). */
export async function refuseUnmatched(
  core: Pick<Core, 'scheduler'>,
  before: ConfigMaps['tags'],
  after: ConfigMaps['tags'],
): Promise<void> {
  const added = Object.entries(after).filter(([key, value]) => before[key] !== value)
  if (added.length === 0 || (await core.scheduler.matchingNodes(after)) > 0) return
  const list = (tags: readonly (readonly [string, string])[]): string =>
    tags.map(([key, value]) => `${key}=${value}`).join(', ')
  const cause = Object.keys(before).length > 0 ? ` - Addition of ${list(added)} is the cause` : ''
  throw new DeisError('invalid', `No nodes matched the provided labels: ${list(Object.entries(after))}${cause}`)
}

/** The name that `deis run` has among process types. */
const oneOffType = 'run'

/** Limits may be set before the push that brings their type; they are said to do nothing until then. */
function idleLimits(app: string, build: BuildShape, before: ConfigMaps, after: ConfigMaps): string | null {
  const known = [...typesOf(build), oneOffType]
  const set = [...Object.entries(after.memory), ...Object.entries(after.cpu)]
    .filter(([type, value]) => value !== before.memory[type] && value !== before.cpu[type])
    .map(([type]) => type)
  const unknown = [...new Set(set)].filter((type) => !known.includes(type)).map((type) => `"${type}"`)
  if (unknown.length === 0) return null
  const [what, their] = unknown.length === 1 ? ['process type', 'its'] : ['process types', 'their']
  return `"${app}" has no ${what} ${unknown.join(', ')}, so ${their} limits have no effect yet. ${typesText(build)}`
}

/** `base`: the config that the change was made from, if it must still be the one. `notice`: part of it has no effect. */
export async function changeConfig(
  core: Core,
  caller: Caller,
  app: AppRow,
  { base, ...patch }: ConfigPatch & { readonly base?: string },
): Promise<{ readonly config: Config; readonly notice: string | null }> {
  return core.queue.run(app.id, async (signal) => {
    const current = await appRow(core, app.id)
    if (!current || current.destroying) throw notFound('App')
    const good = await latestGood(core.db, current)
    if (base !== undefined && base !== good.config.uuid)
      throw new DeisError('conflict', `The config of "${app.id}" was changed meanwhile, so nothing was changed.`)
    const before = configMaps(core.vault, good.config)
    const after = mergeConfig(before, patch)
    await refuseUnenforced(core, before, after)
    refuseWithoutPort(after)
    await refuseUnmatched(core, before.tags, after.tags)
    const summary = configSummary(caller.username, before, after)
    if (summary === '') throw new DeisError('conflict', `${caller.username} changed nothing - release stopped`)
    const structure = desiredStructure(current, core.config.maxProcesses)
    const row = configRow(core, current, caller.username, after)
    const release = await createRelease(core, current, {
      owner: caller.username,
      summary,
      config: row,
      buildUuid: good.buildUuid,
      structure,
      before: structure,
      request: caller.request,
    })
    core.logs.write(app.id, 'INFO', `config ${app.id}-${release.configUuid.slice(0, 7)} updated`)
    if (release.build) await deploy(core, current, release, signal)
    else core.logs.write(app.id, 'INFO', 'No build associated with this release to publish')
    const build = release.build && { ...release.build, procfile: procfileOf(release.build) }
    return {
      config: toConfig(core.vault, app.id, release.config),
      notice: build && idleLimits(app.id, build, before, after),
    }
  })
}
