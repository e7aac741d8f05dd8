// Which group of buildpacks takes the app?
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildpackEnv, type OwnEnv } from './environment.ts'
import { Exit, say } from './exit.ts'
import { type Buildpack, folderName, type Group, readToml, writeToml } from './files.ts'
import type { Flags } from './flags.ts'

type Tried = { readonly buildpack: Buildpack; readonly code: number; readonly output: string }

const titleOf = ({ id, version }: Buildpack): string => `${id}@${version}`

function tryOne(own: OwnEnv, buildpack: Buildpack, folder: string, app: string, platform: string): Tried {
  const temporary = mkdtempSync(join(tmpdir(), 'plan-'))
  const plan = join(temporary, 'plan.toml')
  const env = {
    ...buildpackEnv(own, platform),
    CNB_PLATFORM_DIR: platform,
    CNB_BUILDPACK_DIR: folder,
    CNB_BUILD_PLAN_PATH: plan,
  }
  const { status, stdout, stderr } = spawnSync(join(folder, 'bin/detect'), [platform, plan], { cwd: app, env })
  rmSync(temporary, { recursive: true })
  return { buildpack, code: status ?? 1, output: `${stdout.toString()}${stderr.toString()}` }
}

const fits = (tried: readonly Tried[]): boolean =>
  tried.some(({ code }) => code === 0) &&
  tried.every(({ code, buildpack }) => code === 0 || buildpack.optional === true)

function report(tried: readonly Tried[]): void {
  for (const { buildpack, code, output } of tried) {
    if (output !== '') say(`======== Output: ${titleOf(buildpack)} ========\n${output.trimEnd()}`)
    if (code !== 0 && code !== 100) say(`err:  ${titleOf(buildpack)} (${code})`)
  }
  say('======== Results ========')
  for (const { buildpack, code } of tried) {
    const word = code === 0 ? 'pass: ' : buildpack.optional === true ? 'skip: ' : code === 100 ? 'fail: ' : 'err:  '
    say(`${word}${titleOf(buildpack)}${word === 'err:  ' ? ` (${code})` : ''}`)
  }
}

export function detect(flags: Flags, env: OwnEnv): void {
  const layers = flags.one('layers') ?? '/layers'
  const [app, platform] = [flags.one('app') ?? '/workspace', flags.one('platform') ?? '/platform']
  const own = join(layers, 'order.toml')
  const file = flags.one('order') ?? (existsSync(own) ? own : '/cnb/order.toml')
  const { order = [] } = readToml<{ order?: Group[] }>(file, {})
  const all: Tried[] = []
  for (const { group } of order) {
    const tried = group.map((buildpack) => {
      const folder = join(flags.one('buildpacks') ?? '/cnb/buildpacks', folderName(buildpack.id), buildpack.version)
      if (!existsSync(join(folder, 'buildpack.toml')))
        throw new Exit(22, `failed to read order file: open ${folder}/buildpack.toml: no such file or directory`)
      return tryOne(env, buildpack, folder, app, platform)
    })
    all.push(...tried)
    if (!fits(tried)) continue
    const chosen = tried.filter(({ code }) => code === 0).map(({ buildpack }) => buildpack)
    say(`${chosen.length} of ${group.length} buildpacks participating`)
    const width = Math.max(...chosen.map(({ id }) => id.length))
    for (const { id, version } of chosen) say(`${id.padEnd(width)} ${version}`)
    const entries = chosen.map(({ id, version }) => ({ id, version, api: '0.10' }))
    writeToml(flags.one('group') ?? join(layers, 'group.toml'), { group: entries })
    writeToml(flags.one('plan') ?? join(layers, 'plan.toml'), { entries: [] })
    return
  }
  report(all)
  say('ERROR: No buildpack groups passed detection.')
  say('ERROR: Please check that you are running against the correct path.')
  const failed = all.some(({ code }) => code !== 0 && code !== 100)
  throw new Exit(
    failed ? 21 : 20,
    `failed to detect: ${failed ? 'buildpack(s) failed with err' : 'no buildpacks participating'}`,
  )
}
