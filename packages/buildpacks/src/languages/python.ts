// How is a Python app built?
import { join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import { toolConfig } from '../environment.ts'
import type { BuildContext, More } from '../context.ts'
import type { Buildpack } from './buildpack.ts'
import { createEnvironment, inEnvironment, profile, finishEnvironment } from './python-environment.ts'
import { type Project, readProject } from './python-project.ts'
import { choosePythonSource, type PythonSource, type PythonTool } from './python-source.ts'

/** The Python that the app asks for if the machine has it, otherwise the machine's usual one. */
async function choosePython(context: BuildContext): Promise<string> {
  for (const file of ['.python-version', 'runtime.txt']) {
    const text = await context.files.head(file, 1000)
    if (text === null) continue
    const wanted = /^\s*(?:python-)?(\d{1,3}\.\d{1,3})(?![\d])/.exec(text)?.[1]
    if (wanted !== undefined && (await context.capture(`python${wanted}`, ['--version'])).code === 0)
      return `python${wanted}`
    const usual = (await context.capture('python3', ['--version'])).stdout.trim()
    if (wanted !== undefined && usual.startsWith(`Python ${wanted}.`)) return 'python3'
    const what =
      wanted === undefined ? 'is not a version of Python' : `asks for Python ${wanted}, which is not on this machine`
    context.output.warn(`${file} is not used: it ${what}. ${usual} is used.`)
    break
  }
  return 'python3'
}

const pip = ['-m', 'pip', 'install', '--no-compile', '--no-input', '--progress-bar=off']

/** The tool that reads a lock file: the machine's, or pip brings it into the cache. Returns the command. */
async function provideTool(context: BuildContext, more: More, file: string, tool: PythonTool): Promise<string> {
  if ((await context.capture(tool, ['--version'], more)).code === 0) return tool
  const folder = join(context.workspace.cache, 'tools', tool)
  const own = join(folder, 'bin', tool)
  if ((await context.capture(own, ['--version'], more)).code === 0) return own
  context.output.note(`Installing ${tool}`)
  const made = await context.capture('python3', ['-m', 'venv', folder])
  const installed =
    made.code === 0 && (await context.show(join(folder, 'bin', 'python'), [...pip, '--', tool], more)) === 0
  if (installed && (await context.capture(own, ['--version'], more)).code === 0) return own
  throw new BuildFailure(
    `${file} needs ${tool}, which was not found on this machine, and pip could not install it: install ${tool} there, or commit a requirements.txt in its place.`,
  )
}

async function installLock(context: BuildContext, more: More, file: string, tool: PythonTool): Promise<void> {
  const cache = join(context.workspace.cache, tool)
  const { VIRTUAL_ENV = '' } = inEnvironment(context)
  const commands: Record<PythonTool, { args: readonly string[]; env: Record<string, string> }> = {
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
    pipenv: {
      args: ['sync'],
      // Config that makes it pass over the environment that is there would leave the app without its packages.
      env: { PIPENV_CACHE_DIR: cache, PIPENV_IGNORE_VIRTUALENVS: '', PIPENV_NOSPIN: '1', PIPENV_VERBOSITY: '-1' },
    },
  }
  const command = await provideTool(context, more, file, tool)
  context.output.title(`Installing dependencies with ${tool} (${file})`)
  const { args, env } = commands[tool]
  await context.must(`${tool} ${args[0]}`, command, args, { env: { ...more.env, ...env } })
}

function warnUnsupported(context: BuildContext, project: Project, packaged: boolean): void {
  if (!project.fits)
    context.output.warn(
      `requires-python in pyproject.toml (${project.python}) does not match this version of Python, so the app may not work.`,
    )
  if (project.scripts && !packaged)
    context.output.warn(
      'project.scripts in pyproject.toml are not installed: only a project with a build system and a src folder is.',
    )
}

async function install(context: BuildContext, more: More, source: PythonSource): Promise<void> {
  const run = async (what: string, args: readonly string[]): Promise<void> => {
    context.output.title(`Installing dependencies with pip (${what})`)
    await context.must('pip install', 'python', [...pip, ...args], more)
  }
  if (source.kind === 'requirements') return run('requirements.txt', ['-r', 'requirements.txt'])
  if (source.kind === 'package') return run('this package', ['.'])
  const project = (await context.files.has('pyproject.toml')) ? await readProject(context, more) : null
  // Without [project] only the build backend knows what the app needs.
  const packaged = project !== null && project.build && (project.src || !project.project || project.dynamic)
  if (project) warnUnsupported(context, project, packaged)
  if (source.kind === 'lock') {
    await installLock(context, more, source.file, source.tool)
    if (project?.build && project.src) await run('this package', ['--no-deps', '.'])
    return
  }
  if (packaged) return run('this package', ['.'])
  if (!project || project.dependencies.length === 0) return
  const list = join(context.workspace.tmp, 'dependencies.txt')
  const text = `${project.dependencies.join('\n')}\n`
  await context.must('tee', 'sh', ['-c', 'cat >"$1"', 'write', list], { input: text })
  await run('dependencies of pyproject.toml', ['-r', list])
}

async function compile(context: BuildContext): Promise<Record<string, string>> {
  const python = await choosePython(context)
  context.output.note((await context.capture(python, ['--version'])).stdout.trim())
  const { source, notUsed } = await choosePythonSource(context.files)
  for (const line of notUsed) context.output.warn(line)
  const hasPip = await createEnvironment(context, python)
  const env = { ...toolConfig(context.config).env, ...inEnvironment(context) }
  if (!hasPip && source?.kind !== undefined && source.kind !== 'project')
    throw new BuildFailure(
      'pip is needed to build this app, and this Python cannot install it: install its module ensurepip (Debian: python3-venv), or set BUILDPACK_URL.',
    )
  if (!hasPip) context.output.warn('The app has no pip: this Python lacks its module ensurepip (Debian: python3-venv).')
  if (source) await install(context, { env }, source)
  await finishEnvironment(context)
  await context.write('.profile.d/python.sh', profile)
  // Bytecode that later commands would write holds times, and the same source would give another slug.
  return { ...inEnvironment(context), PYTHONDONTWRITEBYTECODE: '1' }
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
  async release(context): Promise<Record<string, string>> {
    for (const file of ['app.py', 'main.py', 'server.py'])
      if (await context.files.has(file)) return { web: `python ${file}` }
    return {}
  },
}
