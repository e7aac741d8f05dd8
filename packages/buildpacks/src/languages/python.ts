// How is a Python app built?
import { join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import { toolConfig } from '../environment.ts'
import type { Kit, More } from '../context.ts'
import type { Buildpack } from './buildpack.ts'
import { createEnvironment, inEnvironment, profile, settleEnvironment } from './python-environment.ts'
import { type Project, readProject } from './python-project.ts'
import { choosePythonSource, type PythonSource, type PythonTool } from './python-source.ts'

/** The Python that the app asks for if the machine has it, otherwise the machine's usual one. */
async function choosePython(kit: Kit): Promise<string> {
  for (const file of ['.python-version', 'runtime.txt']) {
    const text = await kit.files.head(file, 1000)
    if (text === null) continue
    const wanted = /^\s*(?:python-)?(\d{1,3}\.\d{1,3})(?![\d])/.exec(text)?.[1]
    if (wanted !== undefined && (await kit.capture(`python${wanted}`, ['--version'])).code === 0)
      return `python${wanted}`
    const usual = (await kit.capture('python3', ['--version'])).stdout.trim()
    if (wanted !== undefined && usual.startsWith(`Python ${wanted}.`)) return 'python3'
    const what =
      wanted === undefined ? 'is not a version of Python' : `asks for Python ${wanted}, which is not on this machine`
    kit.output.warn(`${file} is not used: it ${what}. ${usual} is used.`)
    break
  }
  return 'python3'
}

const pip = ['-m', 'pip', 'install', '--no-compile', '--no-input', '--progress-bar=off']

/** The tool that reads a lock file: the machine's, or pip brings it into the cache. Returns the command. */
async function provideTool(kit: Kit, more: More, file: string, tool: PythonTool): Promise<string> {
  if ((await kit.capture(tool, ['--version'], more)).code === 0) return tool
  const folder = join(kit.workspace.cache, 'tools', tool)
  const own = join(folder, 'bin', tool)
  if ((await kit.capture(own, ['--version'], more)).code === 0) return own
  kit.output.note(`Installing ${tool}`)
  const made = await kit.capture('python3', ['-m', 'venv', folder])
  const installed = made.code === 0 && (await kit.show(join(folder, 'bin', 'python'), [...pip, '--', tool], more)) === 0
  if (installed && (await kit.capture(own, ['--version'], more)).code === 0) return own
  throw new BuildFailure(
    `${file} needs ${tool}, which was not found on this machine, and pip could not install it: install ${tool} there, or commit a requirements.txt in its place.`,
  )
}

async function installLock(kit: Kit, more: More, file: string, tool: PythonTool): Promise<void> {
  const cache = join(kit.workspace.cache, tool)
  const { VIRTUAL_ENV = '' } = inEnvironment(kit)
  const words: Record<PythonTool, { args: readonly string[]; env: Record<string, string> }> = {
    uv: {
      // What is there already, pip, stays.
      args: ['sync', '--frozen', '--no-dev', '--no-install-project', '--inexact', '--no-progress'],
      env: {
        UV_PROJECT_ENVIRONMENT: VIRTUAL_ENV,
        UV_PYTHON: join(VIRTUAL_ENV, 'bin', 'python'),
        UV_PYTHON_DOWNLOADS: 'never',
        UV_LINK_MODE: 'copy',
        UV_CACHE_DIR: cache,
      },
    },
    poetry: {
      args: ['install', '--no-interaction', '--no-root', '--only', 'main'],
      env: { POETRY_CACHE_DIR: cache, POETRY_VIRTUALENVS_CREATE: 'false' },
    },
    pipenv: { args: ['sync'], env: { PIPENV_CACHE_DIR: cache, PIPENV_NOSPIN: '1', PIPENV_VERBOSITY: '-1' } },
  }
  const command = await provideTool(kit, more, file, tool)
  kit.output.title(`Installing dependencies with ${tool} (${file})`)
  const { args, env } = words[tool]
  await kit.must(`${tool} ${args[0]}`, command, args, { env: { ...more.env, ...env } })
}

function nameWhatIsNotDone(kit: Kit, project: Project, packaged: boolean): void {
  if (!project.fits)
    kit.output.warn(`requires-python in pyproject.toml (${project.python}) does not fit this Python: it may not work.`)
  if (project.scripts && !packaged)
    kit.output.warn(
      'project.scripts in pyproject.toml are not installed: only a project with a build system and a src folder is.',
    )
}

async function install(kit: Kit, more: More, source: PythonSource): Promise<void> {
  const run = async (what: string, args: readonly string[]): Promise<void> => {
    kit.output.title(`Installing dependencies with pip (${what})`)
    await kit.must('pip install', 'python', [...pip, ...args], more)
  }
  if (source.kind === 'requirements') return run('requirements.txt', ['-r', 'requirements.txt'])
  if (source.kind === 'package') return run('this package', ['.'])
  const project = (await kit.files.has('pyproject.toml')) ? await readProject(kit, more) : null
  // Without [project] only the build backend knows what the app needs.
  const packaged = project !== null && project.build && (project.src || !project.project || project.dynamic)
  if (project) nameWhatIsNotDone(kit, project, packaged)
  if (source.kind === 'lock') {
    await installLock(kit, more, source.file, source.tool)
    if (project?.build && project.src) await run('this package', ['--no-deps', '.'])
    return
  }
  if (packaged) return run('this package', ['.'])
  if (!project || project.dependencies.length === 0) return
  const list = join(kit.workspace.tmp, 'dependencies.txt')
  const text = `${project.dependencies.join('\n')}\n`
  await kit.must('tee', 'sh', ['-c', 'cat >"$1"', 'write', list], { input: text })
  await run('dependencies of pyproject.toml', ['-r', list])
}

async function compile(kit: Kit): Promise<Record<string, string>> {
  const python = await choosePython(kit)
  kit.output.note((await kit.capture(python, ['--version'])).stdout.trim())
  const { source, notUsed } = await choosePythonSource(kit.files)
  for (const line of notUsed) kit.output.warn(line)
  const hasPip = await createEnvironment(kit, python)
  const env = { ...toolConfig(kit.config).env, ...inEnvironment(kit) }
  if (!hasPip && source?.kind !== undefined && source.kind !== 'project')
    throw new BuildFailure(
      'pip is needed to build this app, and this Python cannot install it: install its module ensurepip (Debian: python3-venv), or set BUILDPACK_URL.',
    )
  if (!hasPip) kit.output.warn('The app has no pip: this Python lacks its module ensurepip (Debian: python3-venv).')
  if (source) await install(kit, { env }, source)
  await settleEnvironment(kit)
  await kit.write('.profile.d/python.sh', profile)
  // Bytecode that later commands would write holds times, and the same source would give another slug.
  return { ...inEnvironment(kit), PYTHONDONTWRITEBYTECODE: '1' }
}

const looksFor = ['requirements.txt', 'pyproject.toml', 'setup.py', 'Pipfile', 'uv.lock', 'poetry.lock', 'Pipfile.lock']

export const python: Buildpack = {
  name: 'Python',
  looksFor: 'requirements.txt, pyproject.toml, setup.py or Pipfile',
  tool: { command: 'python3', args: ['--version'] },
  async detect(files) {
    return (await Promise.all(looksFor.map((file) => files.has(file)))).includes(true)
  },
  compile,
  async release(kit): Promise<Record<string, string>> {
    for (const file of ['app.py', 'main.py', 'server.py'])
      if (await kit.files.has(file)) return { web: `python ${file}` }
    return {}
  },
}
