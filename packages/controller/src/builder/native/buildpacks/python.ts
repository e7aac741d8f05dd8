// How is a Python app built?
import { BuildFailure } from '../../port.ts'
import { toolConfig } from '../environment.ts'
import type { Kit } from '../kit.ts'
import type { Buildpack } from './buildpack.ts'

// Everything goes into one folder of the app. A virtual environment would hold its own absolute path, and an app moves.
const folder = '.python_packages'

const profile = `export PYTHONPATH="$HOME/${folder}\${PYTHONPATH:+:$PYTHONPATH}"
export PATH="$HOME/${folder}/bin:$PATH"
export PYTHONUNBUFFERED="\${PYTHONUNBUFFERED:-1}"
`

// Console scripts name the interpreter that installed them; afterwards they take the one on PATH. Packages that came from
// the app itself note the folder that it was built in, which is gone afterwards and different every time.
const makePortable = `
import glob, os, re, sys
def change(path, pattern, text):
    with open(path, "rb") as file:
        old = file.read()
    new = re.sub(pattern, text, old, count=1)
    if new != old:
        with open(path, "wb") as file:
            file.write(new)
shebang = rb"\\A(#!/bin/sh\\n'''exec' .*\\n' '''|#!.*python.*)\\n"
for path in glob.glob(sys.argv[1] + "/bin/*"):
    if os.path.isfile(path):
        change(path, shebang, b"#!/usr/bin/env python3\\n")
for path in glob.glob(sys.argv[1] + "/*.dist-info/direct_url.json"):
    os.remove(path)
    change(os.path.dirname(path) + "/RECORD", rb"(?m)^[^\\n]*/direct_url\\.json,.*\\n", b"")
`

async function whatToInstall(kit: Kit): Promise<readonly string[] | null> {
  if (await kit.files.has('requirements.txt')) return ['-r', 'requirements.txt']
  if (await kit.files.has('setup.py')) return ['.']
  const project = await kit.files.read('pyproject.toml')
  if (project !== null) return /^[ \t]*\[(project|build-system)\]/m.test(project) ? ['.'] : null
  throw new BuildFailure(
    'Pipfile alone is not supported: add a requirements.txt (`pipenv requirements > requirements.txt`) or set BUILDPACK_URL.',
  )
}

async function checkVersion(kit: Kit, version: string): Promise<void> {
  const text = (await kit.files.read('.python-version')) ?? (await kit.files.read('runtime.txt')) ?? ''
  const wanted = /^\s*(?:python-)?(\d+\.\d+)/.exec(text)?.[1]
  if (wanted && !version.startsWith(`${wanted}.`))
    kit.output.warn(`The app wants Python ${wanted}, this platform has ${version}: it may not work.`)
}

async function compile(kit: Kit): Promise<Record<string, string>> {
  const version = (await kit.capture('python3', ['--version'])).stdout.trim().replace(/^Python /, '')
  kit.output.note(`Python ${version}`)
  await checkVersion(kit, version)
  const what = await whatToInstall(kit)
  if (what !== null) {
    if ((await kit.capture('python3', ['-m', 'pip', '--version'])).code !== 0)
      throw new BuildFailure('pip is needed to build this app and python3 has none: install it or set BUILDPACK_URL.')
    kit.output.title(`Installing dependencies with pip (${what.at(-1) === '.' ? 'this package' : what.at(-1)})`)
    // Compiled below, without times and paths in it, so that the same source gives the same slug.
    const args = [
      '-m',
      'pip',
      'install',
      '--no-compile',
      '--no-input',
      '--progress-bar=off',
      '--target',
      folder,
      ...what,
    ]
    await kit.must('pip install', 'python3', args, { env: toolConfig(kit.config).env })
    await kit.must('python3', 'python3', ['-c', makePortable, folder])
    const bytecode = [
      '-m',
      'compileall',
      '-q',
      '--invalidation-mode',
      'unchecked-hash',
      '-s',
      kit.workspace.app,
      folder,
    ]
    // Files for other versions of Python do not compile, and are not used.
    await kit.capture('python3', bytecode)
  }
  await kit.write('.profile.d/python.sh', profile)
  return {}
}

export const python: Buildpack = {
  name: 'Python',
  looksFor: 'requirements.txt, pyproject.toml, setup.py or Pipfile',
  tool: { command: 'python3', args: ['--version'] },
  async detect(files) {
    const found = await Promise.all(
      ['requirements.txt', 'pyproject.toml', 'setup.py', 'Pipfile'].map((file) => files.has(file)),
    )
    return found.includes(true)
  },
  compile,
  async release(kit): Promise<Record<string, string>> {
    for (const file of ['app.py', 'main.py', 'server.py'])
      if (await kit.files.has(file)) return { web: `python3 ${file}` }
    return {}
  },
}
