// Do Python, Go and Ruby apps build with what this machine has, and run after their files have moved?
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestBuilder, runIn, type TestBuilder, writeFiles } from '../testing.ts'

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
const pip = works('python3', '-m', 'pip', '--version')
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

test.skipIf(!pip)(
  'Python (skipped without python3 and pip): packages and console scripts outlive the move',
  patience,
  async () => {
    const folder = join(t.folder, 'wheel')
    const wheel = 'greet-1.0-py3-none-any.whl'
    await writeFiles(folder, { 'make.py': makeWheel })
    expect(spawnSync('python3', ['make.py', wheel], { cwd: folder }).status).toBe(0)
    await writeFiles(folder, {
      'requirements.txt': `./${wheel}\n`,
      'app.py': 'import greet; greet.main()\n',
      '.python-version': '2.7\n',
    })
    for (const args of [
      ['init', '--quiet'],
      ['add', '.'],
      ['-c', 'user.name=t', '-c', 'user.email=t@e', 'commit', '-qm', 'x'],
    ])
      expect(spawnSync('git', args, { cwd: folder }).status).toBe(0)
    const source = spawnSync('git', ['archive', '--format=tar', 'HEAD'], { cwd: folder }).stdout
    const { result, output } = await t.build(source)
    expect(output).toContain('-----> Python app detected\n')
    expect(output).toContain('-----> Installing dependencies with pip (requirements.txt)\n')
    expect(output).toMatch(/ !     The app wants Python 2\.7, this platform has 3\.[\d.]+: it may not work\.\n/)
    expect(result.processes).toEqual({ web: 'python3 app.py' })
    const app = await t.unpack(result)
    expect(await runIn(t, app, 'python3 app.py')).toBe('hello from greet of app.py\n')
    expect(await runIn(t, app, 'greet')).toBe('hello from greet of greet\n')
    expect(mentionsWorkspace(app)).toBe(false)
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
    'Python is needed to build this app and python3 was not found on this machine: install it or set BUILDPACK_URL.',
  )
  expect(bare.output()).toContain('-----> Python app detected\n')
  await expect(bare.build({ Gemfile: '' })).rejects.toThrow(
    'Ruby is needed to build this app and ruby does not work here for the user that builds run as: make it work or set BUILDPACK_URL.',
  )
  expect((await bare.builder.checks()).map((check) => check.status)).toEqual(Array(6).fill('missing'))
  await bare.close()
})

test('Python without anything that installs it', async () => {
  await expect(t.build({ Pipfile: '' })).rejects.toThrow('Pipfile alone is not supported')
})
