// What does the launcher of an image start: its variables and arguments, one after each null byte, for `env -i`?
// Arguments: the name that it was called by, and what it was given.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, writeSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { parse } from 'smol-toml'
import { addEnvFolder, addLayerPaths, type Env } from '../lifecycle/environment.ts'
import { Exit } from '../lifecycle/exit.ts'
import { type BuildMetadata, folderName, namesIn, type Process, readToml } from '../lifecycle/files.ts'

type Start = {
  readonly words: readonly string[]
  /** Whether it is the text of a shell, or words for one; null: no shell. */
  readonly shell: 'text' | 'words' | null
  readonly folder: string
  readonly type: string | null
}

const layers = process.env.CNB_LAYERS_DIR ?? '/layers'
const app = process.env.CNB_APP_DIR ?? '/workspace'
const api = process.env.CNB_PLATFORM_API

function startOf({ processes = [], ...rest }: BuildMetadata, caller: string, given: readonly string[]): Start {
  const named = basename(caller)
  const ofProcess = ({ type, command, args = [], direct = false, ...more }: Process): Start => ({
    words: [...command, ...(given.length > 0 ? given : args)],
    shell: direct ? null : command.length + (given.length || args.length) === 1 ? 'text' : 'words',
    folder: more['working-dir'] ?? app,
    type,
  })
  const process = processes.find(({ type }) => type === named)
  if (process) return ofProcess(process)
  if (named !== 'launcher')
    throw new Exit(82, `failed to launch: determine start command: process type ${named} was not found`)
  const [first, ...more] = given
  if (first === '--') {
    if (more.length === 0) throw new Exit(82, 'failed to launch: determine start command: no command was given')
    return { words: more, shell: null, folder: app, type: null }
  }
  if (first !== undefined) return { words: given, shell: more.length === 0 ? 'text' : 'words', folder: app, type: null }
  const chosen = processes.find(({ type }) => type === rest['buildpack-default-process-type'])
  if (chosen) return ofProcess(chosen)
  throw new Exit(
    82,
    'failed to launch: determine start command: when there is no default process a command is required',
  )
}

/** Programs that say on descriptor 3 which variables they want. */
function runExecD(env: Env, folder: string): void {
  for (const name of namesIn(folder)) {
    const file = join(folder, name)
    const { status, output } = spawnSync(file, [], { env, cwd: app, stdio: ['inherit', 'inherit', 'inherit', 'pipe'] })
    if (output === null) continue
    if (status !== 0) throw new Exit(82, `failed to launch: exec.d: failed to execute exec.d file at path '${file}'`)
    const said = parse((output[3] as Buffer | null)?.toString() ?? '')
    for (const [key, value] of Object.entries(said)) if (typeof value === 'string') env[key] = value
  }
}

function environment({ buildpacks = [] }: BuildMetadata, type: string | null): { env: Env; profiles: string[] } {
  const env: Env = {}
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !name.startsWith('CNB_')) env[name] = value
  env.PATH = (env.PATH ?? '')
    .split(delimiter)
    .filter((part) => part !== '/cnb/process' && part !== '/cnb/lifecycle')
    .join(delimiter)
  const profiles: string[] = []
  for (const { id } of buildpacks) {
    const own = join(layers, folderName(id))
    for (const name of namesIn(own).filter((one) => !one.includes('.'))) {
      const layer = join(own, name)
      addLayerPaths(env, layer)
      const kinds = [layer, join(layer, 'env.launch')]
      addEnvFolder(env, join(kinds[0] ?? '', 'env'))
      addEnvFolder(env, kinds[1] ?? '')
      if (type !== null) addEnvFolder(env, join(layer, 'env.launch', type))
      for (const folder of [join(layer, 'profile.d'), ...(type === null ? [] : [join(layer, 'profile.d', type)])])
        profiles.push(
          ...namesIn(folder)
            .map((file) => join(folder, file))
            .filter((file) => file !== join(layer, 'profile.d', type ?? '')),
        )
      runExecD(env, join(layer, 'exec.d'))
      if (type !== null) runExecD(env, join(layer, 'exec.d', type))
    }
  }
  const own = join(app, '.profile')
  return { env, profiles: existsSync(own) ? [...profiles, own] : profiles }
}

function found(program: string, path: string): boolean {
  const places = program.includes('/') ? [program] : path.split(delimiter).map((folder) => join(folder, program))
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function wordsOf({ words, shell }: Start, profiles: readonly string[], path: string): readonly string[] {
  if (shell === null) {
    const [program = ''] = words
    if (!found(program, path))
      throw new Exit(82, `failed to launch: path lookup: exec: "${program}": executable file not found in $PATH`)
    return words
  }
  const sources = profiles.map((file) => `source "${file}"\n`).join('')
  const tokens = words.map((_, index) => `"$(eval echo \\"\${${index}}\\")"`).join(' ')
  const script = shell === 'text' ? 'exec bash -c "$1"' : `exec bash -c 'exec ${tokens}' "$@"`
  return ['bash', '-c', `${sources}${script}`, 'launcher', ...words]
}

function main(caller: string, given: readonly string[]): void {
  if (api === undefined || !/^0\.(1[2-5])$/.test(api))
    throw new Exit(
      11,
      `failed to set platform API: platform API version '${api ?? ''}' is incompatible with the lifecycle`,
    )
  const metadata = readToml<BuildMetadata>(join(layers, 'config', 'metadata.toml'), {})
  const start = startOf(metadata, caller, given)
  const { env, profiles } = environment(metadata, start.type)
  const words = wordsOf(start, profiles, env.PATH ?? '')
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  writeSync(1, [`--chdir=${start.folder}`, '-i', ...variables, ...words].map((word) => `${word}\0`).join(''))
}

try {
  main(process.argv[2] ?? '', process.argv.slice(3))
} catch (error) {
  process.stderr.write(`ERROR: ${(error as Error).message}\n`)
  process.exitCode = error instanceof Exit ? error.code : 1
}
