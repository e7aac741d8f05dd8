// Do Python, Go and Ruby apps build with what this machine has, and run after their files have moved?
import { spawnSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Files, openTestBuilder, path, runIn, type TestBuilder, writeFiles } from '../testing.ts'

let t: TestBuilder
beforeAll(async () => {
  // A cold Go cache on a busy machine takes its time.
  t = await openTestBuilder({ timeoutSeconds: 100 })
})
afterAll(() => t.close())

const patience = { timeout: 120_000 }
const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0
// The path of a workspace differs from build to build: with it in a file, the same source would give another slug.
const mentionsWorkspace = (app: string): boolean =>
  works('grep', '-rqF', '--', join(t.folder, 'builder', 'builds'), app)
const pip = works('python3', '-c', 'import venv, ensurepip')
const go = works('go', 'version')
const bundler = works('bundle', '--version')

// A wheel is a zip file; Python makes it, so that no package needs to be fetched.
const makeWheel = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    info = "greet-1.0.dist-info/"
    wheel.writestr("greet.py", "import sys\\ndef main():\\n    print('hello from', __name__, 'of', sys.argv[0].split('/')[-1])\\n")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: greet\\nVersion: 1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "entry_points.txt", "[console_scripts]\\ngreet = greet:main\\n")
    wheel.writestr(info + "RECORD", "")
`

/** A wheel in the folder; `works` says so. */
async function wheelIn(folder: string): Promise<string> {
  const wheel = 'greet-1.0-py3-none-any.whl'
  await writeFiles(folder, { 'make.py': makeWheel })
  expect(spawnSync('python3', ['make.py', wheel], { cwd: folder }).status).toBe(0)
  await rm(join(folder, 'make.py'))
  return wheel
}

const tarOfFolder = (folder: string): Buffer => spawnSync('tar', ['-c', '-C', folder, '.']).stdout

test.skipIf(!pip)(
  'Python (skipped without python3, venv and pip): python, pip, packages and console scripts outlive the move',
  patience,
  async () => {
    const folder = join(t.folder, 'wheel')
    const wheel = await wheelIn(folder)
    await writeFiles(folder, {
      'requirements.txt': `./${wheel}\n`,
      'app.py': 'import greet; greet.main()\n',
      '.python-version': '2.7\n',
      'uv.lock': '',
      'bin/post-compile': '#!/bin/sh\npython -c "import greet; print(greet.__name__)"; pip --version\n',
    })
    const { result, output } = await t.build(tarOfFolder(folder))
    expect(output).toContain('-----> Python app detected\n')
    expect(output).toContain('-----> Installing dependencies with pip (requirements.txt)\n')
    expect(output).toMatch(
      / !     \.python-version is not used: it asks for Python 2\.7, which is not on this machine\. Python 3\.[\d.]+ is used\.\n/,
    )
    expect(output).toContain(
      ' !     uv.lock is not used, because there is requirements.txt: remove the one that is out of date.\n',
    )
    expect(output).toMatch(/-----> Running post-compile hook\n {7}greet\n {7}pip [\d.]+ from .*\.deis\/python/)
    expect(result.processes).toEqual({ web: 'python app.py' })
    const app = await t.unpack(result)
    expect(await runIn(t, app, 'python app.py; python3 app.py; greet')).toBe(
      'hello from greet of app.py\nhello from greet of app.py\nhello from greet of greet\n',
    )
    expect(await runIn(t, app, 'pip --version; command -v python pip')).toMatch(
      new RegExp(
        `^pip .* from ${app}/\\.deis/python/.*\n${app}/\\.deis/python/bin/python\n${app}/\\.deis/python/bin/pip\n$`,
      ),
    )
    expect(mentionsWorkspace(app)).toBe(false)
    expect((await t.build(tarOfFolder(folder))).result.artifact).toEqual(result.artifact)
  },
)

test.skipIf(!pip)(
  'pyproject.toml with a flat layout (skipped without pip): only its dependencies',
  patience,
  async () => {
    const folder = join(t.folder, 'flat')
    await wheelIn(folder)
    // Two packages side by side, which no build backend takes.
    await writeFiles(folder, {
      'pyproject.toml': `[project]
name = "site"
version = "1"
requires-python = ">=99"
dependencies = ["greet"]
scripts = { site = "site:main" }
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
`,
      'one/__init__.py': '',
      'two/__init__.py': '',
      'app.py': 'import one, two, greet; greet.main()\n',
    })
    // A stand-in for an index: the app's own folder, with a wheel.
    const { result, output } = await t.build(tarOfFolder(folder), {
      config: { PIP_NO_INDEX: '1', PIP_FIND_LINKS: '.' },
    })
    expect(output).toContain('-----> Installing dependencies with pip (dependencies of pyproject.toml)\n')
    expect(output).toContain(
      ' !     requires-python in pyproject.toml (>=99) does not match this version of Python, so the app may not work.\n',
    )
    expect(output).toContain(' !     project.scripts in pyproject.toml are not installed:')
    expect(await runIn(t, await t.unpack(result), 'python app.py')).toBe('hello from greet of app.py\n')
  },
)

const standIn = (tool: string): Files => ({
  // A stand-in for the tool: it says how it was called and installs nothing.
  [`bin/${tool}`]: `#!/bin/sh
[ "$1" = --version ] && exit
echo "called: $*"
echo "in: $VIRTUAL_ENV"
env | grep -E '^(UV|POETRY|PIPENV)_' | sort
`,
})

// Words and variables as the documentation of each tool has them: uv's reference, "Configuration" of poetry and of pipenv.
test.skipIf(!pip).each([
  [
    'uv.lock',
    'uv',
    'sync --frozen --no-dev --no-install-project --inexact --no-progress',
    {
      UV_CACHE_DIR: 'CACHE/uv',
      UV_LINK_MODE: 'copy',
      UV_PROJECT_ENVIRONMENT: 'APP/.deis/python',
      UV_PYTHON: 'APP/.deis/python/bin/python',
      UV_PYTHON_DOWNLOADS: 'never',
    },
  ],
  [
    'poetry.lock',
    'poetry',
    'install --no-interaction --no-root --only main',
    { POETRY_CACHE_DIR: 'CACHE/poetry', POETRY_VIRTUALENVS_CREATE: 'false' },
  ],
  [
    'Pipfile.lock',
    'pipenv',
    'sync',
    {
      PIPENV_CACHE_DIR: 'CACHE/pipenv',
      PIPENV_IGNORE_VIRTUALENVS: '',
      PIPENV_NOSPIN: '1',
      PIPENV_VERBOSITY: '-1',
    },
  ],
])(
  '%s is installed by %s into the app, whatever config says (skipped without pip)',
  patience,
  async (lock, tool, words, variables) => {
    const folder = join(t.folder, tool)
    await writeFiles(folder, standIn(tool))
    const own = await openTestBuilder({ path: `${join(folder, 'bin')}:${path}`, accounts: t.accounts })
    // As projects from other platforms have them.
    const elsewhere = {
      PIPENV_IGNORE_VIRTUALENVS: '1',
      POETRY_VIRTUALENVS_CREATE: 'true',
      UV_PROJECT_ENVIRONMENT: '.venv',
    }
    const config = Object.fromEntries(Object.entries(elsewhere).filter(([name]) => name in variables))
    try {
      const { output } = await own.build({ [lock]: '', 'app.py': '' }, { config })
      const place = /^ {7}in: (.*)\/app\/\.deis\/python$/m.exec(output)?.[1] ?? 'nowhere'
      const said = output.replaceAll(`${place}/app`, 'APP').replaceAll(`${place}/cache`, 'CACHE')
      const lines = Object.entries(variables).map(([name, value]) => `       ${name}=${value}\n`)
      expect(said).toContain(
        `-----> Installing dependencies with ${tool} (${lock})\n       called: ${words}\n       in: APP/.deis/python\n${lines.join('')}`,
      )
    } finally {
      await own.close()
    }
  },
)

const locks = [
  ['uv.lock', 'uv'],
  ['poetry.lock', 'poetry'],
  ['Pipfile.lock', 'pipenv'],
] as const
const absent = locks.filter(([, tool]) => !works(tool, '--version'))

test.skipIf(!pip || absent.length === 0).each(absent)(
  '%s without %s, and without a way to get it, is refused by name (skipped without pip)',
  patience,
  async (lock, tool) => {
    // Nothing answers there, as on a machine without a way to the index.
    const config = { PIP_INDEX_URL: 'http://127.0.0.1:9/', PIP_RETRIES: '0', PIP_NO_INDEX: '1' }
    await expect(t.build({ [lock]: '', 'app.py': '' }, { config })).rejects.toThrow(
      `${lock} needs ${tool}, which was not found on this machine, and pip could not install it: install ${tool} there, or commit a requirements.txt in its place.`,
    )
  },
)

test.skipIf(!pip)(
  'what the app installs of itself, editable (skipped without pip), is found after the move',
  patience,
  async () => {
    const { result } = await t.build({
      'requirements.txt': '-e ./part\n',
      'part/pyproject.toml': '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
      // A stand-in for a build backend: an editable package as the usual ones make it.
      'part/backend.py': `
import os, zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "part-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("__editable__.part.pth", os.path.abspath("lib") + "\\n")
        wheel.writestr("part-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: part\\nVersion: 1.0\\n")
        wheel.writestr("part-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("part-1.0.dist-info/RECORD", "")
    return name
`,
      'part/lib/part.py': 'print("part is here")\n',
    })
    expect(await runIn(t, await t.unpack(result), 'python -c "import part"')).toBe('part is here\n')
  },
)

test.skipIf(!go)('Go (skipped without go): one program is web', patience, async () => {
  const files = {
    'go.mod': 'module example.com/hello\n\ngo 1.16\n',
    'main.go': 'package main\n\nimport "example.com/hello/words"\n\nfunc main() { println(words.Hello) }\n',
    'words/words.go': 'package words\n\nconst Hello = "hello"\n',
  }
  const { result, output } = await t.build(files)
  expect(output).toMatch(/-----> Go app detected\n {7}go1\.\d+\S*\n-----> Building hello\n/)
  expect(result.processes).toEqual({ web: 'bin/hello' })
  const app = await t.unpack(result)
  expect(await runIn(t, app, 'bin/hello 2>&1 && hello 2>&1')).toBe('hello\nhello\n')
  expect(mentionsWorkspace(app)).toBe(false)
  await expect(t.build({ 'go.mod': files['go.mod'], 'words/words.go': files['words/words.go'] })).rejects.toThrow(
    'There is no main package in this module, so there is nothing to run.',
  )
})

test.skipIf(!bundler)('Ruby (skipped without Bundler): gems of the app, after the move', patience, async () => {
  const { result, output } = await t.build({
    Gemfile: 'gem "greet", path: "greet"\n',
    'config.ru': '',
    'greet/greet.gemspec':
      'Gem::Specification.new { |s| s.name = "greet"; s.version = "1.0"; s.summary = "x"; s.authors = ["x"]; s.files = ["lib/greet.rb"] }\n',
    'greet/lib/greet.rb': 'puts "hello #{ENV["RACK_ENV"]}"\n',
  })
  expect(output).toContain('-----> Ruby app detected\n')
  expect(result.processes).toEqual({ web: 'bundle exec rackup -p $PORT -o 0.0.0.0' })
  const app = await t.unpack(result)
  expect(await runIn(t, app, 'bundle exec ruby -e "require %q(greet)"')).toBe('hello production\n')
})

test('a language that is not installed is named', async () => {
  const folder = join(t.folder, 'empty-path')
  await writeFiles(folder, { 'bin/ruby': '#!/bin/sh\nexit 1\n' })
  const bare = await openTestBuilder({ path: join(folder, 'bin'), shell: '/bin/bash', accounts: t.accounts })
  await expect(bare.build({ 'requirements.txt': '' })).rejects.toThrow(
    'Python is needed to build this app, but python3 was not found on this machine. Install it, or set BUILDPACK_URL.',
  )
  expect(bare.output()).toContain('-----> Python app detected\n')
  await expect(bare.build({ Gemfile: '' })).rejects.toThrow(
    'Ruby is needed to build this app, but ruby does not work for the user that builds run as. Fix that, or set BUILDPACK_URL.',
  )
  expect((await bare.builder.checks()).map((check) => check.status)).toEqual(Array(6).fill('missing'))
  await bare.close()
})

test.skipIf(!pip)('Python without anything that installs it (skipped without python3)', async () => {
  await expect(t.build({ Pipfile: '' })).rejects.toThrow(
    'Pipfile alone is not installed: run `pipenv lock` and commit Pipfile.lock, or add a requirements.txt.',
  )
})
