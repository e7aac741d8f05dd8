// How do the chosen buildpacks build, one after the other?
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addEnvFolder, addLayerPaths, buildpackEnv, type Env, type OwnEnv } from './environment.ts'
import { Exit } from './exit.ts'
import {
  type Buildpack,
  type BuildMetadata,
  folderName,
  type Group,
  layersOf,
  type Process,
  readToml,
  writeToml,
} from './files.ts'
import type { Flags } from './flags.ts'
import { collectSboms } from './sbom.ts'

type Launch = { readonly processes?: readonly Process[] }

/** What later buildpacks get of this one's layers; a layer of no type is put aside. */
function settle(folder: string, env: Env): void {
  for (const { name, toml } of layersOf(folder)) {
    const { types = {} } = toml
    const layer = join(folder, name)
    if (!types.build && !types.launch && !types.cache && existsSync(layer)) renameSync(layer, `${layer}.ignore`)
    if (!types.build) continue
    addLayerPaths(env, layer)
    addEnvFolder(env, join(layer, 'env'))
    addEnvFolder(env, join(layer, 'env.build'))
  }
}

/** A later definition of a type replaces an earlier one. */
function merge(processes: readonly Process[], more: readonly Process[]): Process[] {
  const types = new Set(more.map(({ type }) => type))
  return [...processes.filter(({ type }) => !types.has(type)), ...more]
}

export function build(flags: Flags, ownEnv: OwnEnv): void {
  const layers = flags.one('layers') ?? '/layers'
  const [app, platform] = [flags.one('app') ?? '/workspace', flags.one('platform') ?? '/platform']
  const { group } = readToml<Group>(flags.one('group') ?? join(layers, 'group.toml'), { group: [] })
  const env = buildpackEnv(ownEnv, platform)
  const plan = join(mkdtempSync(join(tmpdir(), 'plan-')), 'plan.toml')
  writeToml(plan, { entries: [] })
  let processes: Process[] = []
  let chosen: string | undefined
  for (const { id, version } of group) {
    const folder = join(flags.one('buildpacks') ?? '/cnb/buildpacks', folderName(id), version)
    const own = join(layers, folderName(id))
    mkdirSync(own, { recursive: true })
    const { status } = spawnSync(join(folder, 'bin/build'), [own, platform, plan], {
      cwd: app,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...env,
        CNB_LAYERS_DIR: own,
        CNB_PLATFORM_DIR: platform,
        CNB_BUILDPACK_DIR: folder,
        CNB_BP_PLAN_PATH: plan,
      },
    })
    if (status !== 0)
      throw new Exit(51, `failed to build: ${status === null ? 'signal: killed' : `exit status ${status}`}`)
    settle(own, env)
    collectSboms(layers, id, own, join(folder, 'buildpack.toml'))
    const more = readToml<Launch>(join(own, 'launch.toml'), {}).processes ?? []
    processes = merge(
      processes,
      more.map((one) => ({ ...one, 'buildpack-id': id })),
    )
    chosen = more.findLast((one) => one.default === true)?.type ?? chosen
  }
  const metadata: BuildMetadata = {
    // Which of them is the default is said beside them.
    processes: processes.map((one) => ({ ...one, default: undefined })),
    buildpacks: group.map(({ id, version }): Buildpack => ({ id, version })),
    ...(chosen === undefined ? {} : { 'buildpack-default-process-type': chosen }),
  }
  writeToml(join(layers, 'config', 'metadata.toml'), metadata)
}
