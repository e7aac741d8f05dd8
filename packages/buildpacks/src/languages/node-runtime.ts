// How is the version of Node.js that an app asks for installed, when the machine has another one?
import { join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import type { BuildContext, More } from '../context.ts'
import { machineNpmrc, npmGlobal } from './npm-global.ts'
import { asksForNewest, fits, newestIn, newestOfEach, rangeOf } from './node-version.ts'

export type Runtime = {
  /** Without a `v`. */
  readonly version: string
  /** Its folder, with `bin` and `lib`, for the slug; null: the machine's own. */
  readonly folder: string | null
  /** The package's own folder in it, with headers that native packages need. */
  readonly home: string | null
  /** What its tools need in their environment. */
  readonly env: Readonly<Record<string, string>>
}

/** In the app. */
export const runtimeFolder = '.deis/node'

/** What the registry says of a package, as npm prints it. */
async function ask(context: BuildContext, more: More, spec: string, fields: readonly string[]): Promise<unknown> {
  const args = ['view', '--json', '--loglevel=error', '--', spec, ...fields]
  const { code, stdout, stderr } = await context.capture('npm', args, { ...more, limit: 4 * 2 ** 20 })
  try {
    if (code === 0) return JSON.parse(stdout)
  } catch {
    // Not JSON: reported below like any other failure.
  }
  const reason = stderr.trim().split('\n')[0] || 'npm did not answer with JSON'
  throw new BuildFailure(`npm could not look up ${spec}, which is needed for another version of Node.js: ${reason}.`)
}

const strings = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string')

/** The machine's npm if it runs on that version of Node.js, otherwise the newest before it that does. */
async function npmFor(context: BuildContext, more: More, version: string): Promise<string> {
  const found = await ask(context, more, 'npm@>=6', ['version', 'engines'])
  const fitting = (Array.isArray(found) ? found : [found]).flatMap((entry: unknown) => {
    const { version: npm, engines } = (entry ?? {}) as { version?: unknown; engines?: { node?: unknown } }
    const range = engines?.node
    return typeof npm === 'string' && typeof range === 'string' && fits(version, range) ? [npm] : []
  })
  const own = (await context.capture('npm', ['--version'], more)).stdout.trim()
  const newest = newestIn(fitting, `<=${own}`) ?? newestIn(fitting, '*')
  if (newest === null)
    throw new BuildFailure(`No version of npm runs on Node.js ${version}. Ask for a newer version of Node.js.`)
  return newest
}

/** From the npm registry, whose checksums npm compares, into the app's cache: whole or not at all. */
async function install(context: BuildContext, more: More, name: string, version: string): Promise<string> {
  const kept = join(context.workspace.cache, 'node')
  const folder = join(kept, `${name}-${version}`)
  const works = async (): Promise<boolean> =>
    (await context.capture(join(folder, 'bin', 'node'), ['--version'])).stdout.trim() === `v${version}`
  if (await works()) return folder
  const npm = await npmFor(context, more, version)
  context.output.note(`Installing Node.js ${version} with npm ${npm}`)
  const fresh = join(context.workspace.tmp, 'node-runtime')
  // The cache goes with the build: what is kept is the unpacked runtime. Forced, because this npm runs on another Node.js than
  // the one that the new npm will have.
  const cache = `--cache=${join(context.workspace.tmp, 'node-download')}`
  await npmGlobal(context, more, fresh, [`${name}@${version}`, `npm@${npm}`], ['--ignore-scripts', '--force', cache])
  // Only the newest is kept: an app has one version at a time.
  await context.remove(kept)
  await context.capture('mkdir', ['-p', '--', kept])
  await context.must('mv', 'mv', ['--', fresh, folder])
  if (!(await works()))
    throw new BuildFailure(
      `Node.js ${version} was installed but does not run on this machine. Ask for another version.`,
    )
  return folder
}

/** `machine`: the version that is there; `wanted`: what the app says, or null; `where`: the file and field that say it. */
export async function provideNode(
  context: BuildContext,
  more: More,
  machine: string,
  wanted: string | null,
  where: string,
): Promise<Runtime> {
  const own: Runtime = { version: machine, folder: null, home: null, env: {} }
  if (wanted === null) return own
  const outside: More = { ...more, cwd: context.workspace.tmp }
  // As the package `node` does it, whose own installation needs scripts.
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'
  const name = `${prefix}-${process.platform}-${process.arch}`
  const early = asksForNewest(wanted) ? null : rangeOf(wanted, [], new Date())
  if (early !== null && fits(machine, early)) return own
  if (early === null && !asksForNewest(wanted))
    throw new BuildFailure(
      `${where} is ${JSON.stringify(wanted.slice(0, 100))}, which is not a range of versions: write one such as "22.x".`,
    )
  const known = strings(await ask(context, outside, name, ['versions']))
  const range = early ?? rangeOf(wanted, known, new Date()) ?? '*'
  if (fits(machine, range)) return own
  const version = newestIn(known, range)
  if (version === null)
    throw new BuildFailure(
      `${where} asks for Node.js ${wanted}, which does not exist: this machine has ${machine}, and the npm registry has ${newestOfEach(known).join(', ')} and older ones.`,
    )
  const folder = await install(context, outside, name, version)
  const home = join(folder, 'lib', 'node_modules', name)
  // node-gyp reads the first name; npm complains about it since its version 11, when node-gyp got the second.
  const PATH = `${join(folder, 'bin')}:${context.env.PATH}`
  const npm = (await context.capture('npm', ['--version'], { ...outside, env: { ...outside.env, PATH } })).stdout
  const env = { [Number(npm.split('.')[0]) < 11 ? 'npm_config_nodedir' : 'npm_package_config_node_gyp_nodedir']: home }
  return { version, folder, home, env: { ...env, ...(await machineNpmrc(context, outside)), PATH } }
}
