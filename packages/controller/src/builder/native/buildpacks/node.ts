// How is a Node.js app built?
import { join } from 'node:path'
import { BuildFailure } from '../../port.ts'
import type { Kit, More } from '../kit.ts'
import { type Buildpack, imported } from './buildpack.ts'
import { satisfies } from './engine.ts'
import { choosePackageManager, type PackageJson, type PackageManager } from './package-manager.ts'
import { findSite, serveSite } from './static.ts'

// Settings of package managers, and what frameworks put into pages and so is public by definition.
const imports =
  /^(NODE_ENV|NPM_TOKEN|NODE_AUTH_TOKEN|(npm_config|NPM_CONFIG|YARN|PNPM|NEXT_PUBLIC|NUXT_PUBLIC|PUBLIC|VITE|REACT_APP|GATSBY)_.*)$/

const profile = `export NODE_ENV="\${NODE_ENV:-production}"
export PATH="$HOME/node_modules/.bin:$PATH"
`

async function readPackage(kit: Kit): Promise<PackageJson> {
  try {
    const value: unknown = JSON.parse((await kit.files.read('package.json')) ?? '{}')
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('it is no object')
    return value
  } catch (error) {
    if (error instanceof BuildFailure) throw error
    throw new BuildFailure(`package.json cannot be used: ${(error as Error).message}.`)
  }
}

const has = (json: PackageJson, script: string): boolean => typeof json.scripts?.[script] === 'string'
const count = (names: object | undefined): number => Object.keys(names ?? {}).length

/** The manager on PATH if it is the right one, otherwise npm brings it into the cache. Returns the PATH to use. */
async function provide(kit: Kit, manager: PackageManager, more: More): Promise<string> {
  const path = kit.env.PATH ?? ''
  if (manager.name === 'npm') return path
  // Outside of the app's folder, where the manager would try to become the version that the app wants.
  const outside: More = { ...more, cwd: kit.workspace.tmp }
  const present = await kit.capture(manager.name, ['--version'], outside)
  if (present.code === 0 && (manager.version === null || present.stdout.trim() === manager.version)) return path
  const prefix = join(kit.workspace.cache, 'tools', manager.source.replace(/[@/]+/g, '-'))
  const own = `${join(prefix, 'bin')}:${path}`
  const kept = await kit.capture(join(prefix, 'bin', manager.name), ['--version'], outside)
  if (kept.code === 0) return own
  kit.output.note(`Installing ${manager.source}`)
  const args = ['install', '--global', '--no-progress', '--loglevel=error', `--prefix=${prefix}`, '--', manager.source]
  await kit.must(`npm install ${manager.source}`, 'npm', args, outside)
  return own
}

function cacheSettings({ name }: PackageManager, cache: string): Record<string, string> {
  if (name === 'pnpm') return { npm_config_store_dir: join(cache, 'pnpm') }
  // Plug'n'Play refers to its cache at run time, so that one must be in the app.
  return name === 'yarn' ? { YARN_CACHE_FOLDER: join(cache, 'yarn'), YARN_ENABLE_GLOBAL_CACHE: 'false' } : {}
}

async function compile(kit: Kit): Promise<void> {
  const json = await readPackage(kit)
  const version = (await kit.capture('node', ['--version'])).stdout.trim()
  const wanted = json.engines?.node
  kit.output.note(`Node.js ${version.replace(/^v/, '')}`)
  if (typeof wanted === 'string' && satisfies(version, wanted) === false)
    kit.output.warn(`package.json wants Node.js ${wanted}, this platform has ${version}: it may not work.`)

  const manager = await choosePackageManager(kit.files, json)
  const settings: More = {
    env: {
      NODE_ENV: 'production',
      npm_config_progress: 'false',
      CI: 'true',
      ...cacheSettings(manager, kit.workspace.cache),
      ...imported(kit, imports),
    },
  }
  const everything = count(json.dependencies) + count(json.devDependencies) + count(json.optionalDependencies)
  const installs = everything > 0 || manager.lockFile !== null || json.workspaces !== undefined
  const build = has(json, 'heroku-postbuild') ? 'heroku-postbuild' : 'build'
  const path = installs || has(json, 'heroku-prebuild') || has(json, build) ? await provide(kit, manager, settings) : ''
  const more: More = { env: { ...settings.env, PATH: path } }
  const command = (args: readonly string[]): Promise<void> => {
    const shown = `${manager.name} ${args.filter((arg) => !arg.startsWith('-')).join(' ')}`
    return kit.must(shown, manager.name, args, more)
  }
  const script = async (name: string): Promise<void> => {
    if (!has(json, name)) return
    kit.output.title(`Running ${name}`)
    await command(['run', name])
  }

  await script('heroku-prebuild')
  if (installs) {
    kit.output.title(`Installing dependencies with ${manager.name}${manager.lockFile ? ` (${manager.lockFile})` : ''}`)
    await command(manager.install)
  }
  await script(build)
  if (count(json.devDependencies) > 0 && manager.prune) {
    kit.output.title('Removing what was only needed to build')
    await command(manager.prune)
  }
  await kit.write('.profile.d/nodejs.sh', profile)
}

export const node: Buildpack = {
  name: 'Node.js',
  looksFor: 'package.json',
  tool: { command: 'node', args: ['--version'] },
  detect: (files) => files.has('package.json'),
  compile,
  async release(kit) {
    if (has(await readPackage(kit), 'start')) return { web: 'npm start' }
    if (await kit.files.has('server.js')) return { web: 'node server.js' }
    // A site whose build script made pages: nothing of it runs, so it is served.
    const site = await findSite(kit)
    return site ? serveSite(kit, site) : {}
  },
}
