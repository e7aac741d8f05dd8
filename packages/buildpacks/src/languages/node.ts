// How is a Node.js app built?
import { join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import { toolConfig } from '../environment.ts'
import type { BuildContext, More } from '../context.ts'
import type { Buildpack } from './buildpack.ts'
import { copyRuntime, otherVersions, provideManager } from './node-manager.ts'
import { provideNode, runtimeFolder } from './node-runtime.ts'
import { npmStart, npmStartFolder } from './npm-start.ts'
import { choosePackageManager, type PackageJson, type PackageManager } from './package-manager.ts'
import { findSite, serveSite } from './static.ts'

function profile(hasRuntime: boolean, startsAlone: boolean): string {
  const folders = [
    ...(startsAlone ? [npmStartFolder] : []),
    'node_modules/.bin',
    ...(hasRuntime ? [`${runtimeFolder}/bin`] : []),
  ]
  return `export NODE_ENV="\${NODE_ENV:-production}"
export PATH="${folders.map((folder) => `$HOME/${folder}:`).join('')}$PATH"
`
}

async function readPackage(context: BuildContext): Promise<PackageJson> {
  try {
    // Some editors write a byte order mark, and npm reads it as nothing.
    const value: unknown = JSON.parse(((await context.files.read('package.json')) ?? '{}').replace(/^\uFEFF/, ''))
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('it is not an object')
    return value
  } catch (error) {
    if (error instanceof BuildFailure) throw error
    throw new BuildFailure(`package.json cannot be used: ${(error as Error).message}.`)
  }
}

const has = (json: PackageJson, script: string): boolean => typeof json.scripts?.[script] === 'string'
/** The script that builds the app, if it has one. */
const buildScript = (json: PackageJson): string => (has(json, 'heroku-postbuild') ? 'heroku-postbuild' : 'build')

/** What tools leave that make a server, in projects that come without a start script. */
const builtServers = [
  // Nuxt, and whatever else is made by Nitro.
  ['.output/server/index.mjs', 'node .output/server/index.mjs'],
  // SvelteKit with its adapter for Node.js.
  ['build/handler.js', 'node build'],
] as const

const count = (names: object | undefined): number => Object.keys(names ?? {}).length

function cacheSettings({ name }: PackageManager, cache: string): Record<string, string> {
  if (name === 'pnpm') return { npm_config_store_dir: join(cache, 'pnpm') }
  if (name === 'bun') return { BUN_INSTALL_CACHE_DIR: join(cache, 'bun') }
  return name === 'yarn' ? { YARN_CACHE_FOLDER: join(cache, 'yarn'), YARN_ENABLE_GLOBAL_CACHE: 'false' } : {}
}

/** Plug'n'Play, which yarn does from version 2 on unless it is told otherwise, reads packages from its cache at run time. */
async function runsFromCache(context: BuildContext, { name }: PackageManager, more: More): Promise<boolean> {
  if (name !== 'yarn') return false
  return (await context.capture('yarn', ['config', 'get', 'nodeLinker'], more)).stdout.trim() === 'pnp'
}

/** Whether config says that devDependencies stay. */
function keepsAll(config: BuildContext['config']): boolean {
  const off = (name: string): boolean => config[name]?.toLowerCase() === 'false'
  const production = config.NODE_ENV === undefined || config.NODE_ENV === 'production'
  return !production || off('NPM_CONFIG_PRODUCTION') || off('npm_config_production') || off('YARN_PRODUCTION')
}

function toolEnvironment(context: BuildContext): Record<string, string> {
  // What these two say is done here; npm would only complain about an old word.
  const { NPM_CONFIG_PRODUCTION: _old, npm_config_production: _older, ...env } = toolConfig(context.config).env
  return { NODE_ENV: 'production', npm_config_progress: 'false', CI: 'true', ...env }
}

/** What an app says about its version, and where; `engines.node` is what counts, as on other platforms. */
async function wantedVersion(context: BuildContext, json: PackageJson): Promise<string | null> {
  const wanted = json.engines?.node
  if (typeof wanted === 'string') return wanted
  if (wanted !== undefined) context.output.warn('engines.node in package.json is not used: it is not a string.')
  for (const file of ['.node-version', '.nvmrc', '.tool-versions'])
    if (await context.files.has(file))
      context.output.warn(`${file} is not used: write the version of Node.js into engines.node of package.json.`)
  return null
}

const needsInstall = (json: PackageJson, manager: PackageManager): boolean =>
  count(json.dependencies) + count(json.devDependencies) + count(json.optionalDependencies) > 0 ||
  manager.lockFile !== null ||
  json.workspaces !== undefined

async function compile(context: BuildContext, printed: string): Promise<Record<string, string>> {
  const json = await readPackage(context)
  const machine = printed.trim().replace(/^v/, '')
  const base: More = { env: toolEnvironment(context) }
  const runtime = await provideNode(
    context,
    base,
    machine,
    await wantedVersion(context, json),
    'engines.node in package.json',
  )
  context.output.note(`Node.js ${runtime.version}`)
  const manager = await choosePackageManager(context.files, json)
  for (const line of manager.notUsed) context.output.warn(line)
  const path = runtime.env.PATH ?? context.env.PATH ?? ''
  const env = { ...runtime.env, ...base.env, PATH: path, ...cacheSettings(manager, context.workspace.cache) }

  const installs = needsInstall(json, manager)
  const build = buildScript(json)
  const scripts = ['heroku-prebuild', build, 'heroku-cleanup'].some((name) => has(json, name))
  const provided = installs || scripts ? await provideManager(context, manager, json, { env }) : null
  for (const line of provided?.version ? otherVersions(json, manager, provided.version) : []) context.output.warn(line)
  const outside: More = { env: { ...env, PATH: provided?.path ?? path } }
  const inApp = { YARN_CACHE_FOLDER: join(context.workspace.app, '.yarn', 'cache') }
  const more = (await runsFromCache(context, manager, outside)) ? { env: { ...outside.env, ...inApp } } : outside
  const command = (args: readonly string[]): Promise<void> => {
    const shown = `${manager.name} ${args.filter((arg) => !arg.startsWith('-')).join(' ')}`
    return context.must(shown, manager.name, args, more)
  }
  const script = async (name: string): Promise<void> => {
    if (!has(json, name)) return
    context.output.title(`Running ${name}`)
    await command(['run', name])
  }

  await script('heroku-prebuild')
  if (installs) {
    context.output.title(
      `Installing dependencies with ${manager.name}${manager.lockFile ? ` (${manager.lockFile})` : ''}`,
    )
    await command(manager.install)
  }
  await script(build)
  const workspace = json.workspaces !== undefined || (await context.files.has('pnpm-workspace.yaml'))
  if (installs && (count(json.devDependencies) > 0 || workspace) && !keepsAll(context.config)) {
    if (manager.prune) {
      context.output.title('Removing build dependencies')
      await command(manager.prune)
    } else context.output.warn(`devDependencies stay in the app: this version of ${manager.name} cannot remove them.`)
  }
  await script('heroku-cleanup')
  const hasRuntime = await copyRuntime(context, runtime, provided?.folder ?? null)
  const start = npmStart(json, await context.files.has('.npmrc'))
  await Promise.all([
    context.write('.profile.d/nodejs.sh', profile(hasRuntime, start !== null)),
    start === null ? null : context.write(`${npmStartFolder}/npm`, start, 'executable'),
  ])
  return { PATH: `${join(context.workspace.app, 'node_modules', '.bin')}:${more.env?.PATH}` }
}

export const node: Buildpack = {
  name: 'Node.js',
  looksFor: 'package.json',
  tool: { command: 'node', args: ['--version'] },
  detect: (files) => files.has('package.json'),
  compile,
  async release(context) {
    const json = await readPackage(context)
    const { name } = await choosePackageManager(context.files, json)
    // Only yarn tells node where Plug'n'Play has its packages.
    const plays = await context.files.has('.pnp.cjs')
    if (has(json, 'start')) return { web: plays ? 'yarn start' : name === 'bun' ? 'bun run start' : 'npm start' }
    if (await context.files.has('server.js')) return { web: plays ? 'yarn node server.js' : 'node server.js' }
    const built = has(json, buildScript(json))
    if (built) for (const [file, web] of builtServers) if (await context.files.has(file)) return { web }
    // A site whose build script made pages: nothing of it runs, so it is served.
    const site = await findSite(context, built)
    return site ? serveSite(context, site) : {}
  },
}
