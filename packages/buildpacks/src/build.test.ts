// Does a build do what docs/contract/build-and-route.md §2.2 says, and leave nothing behind?
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Accounts } from '@deis/machine/accounts'
import { openCopies } from '@deis/machine/copies'
import { withVariable } from '@deis/machine/pid'
import { BuildFailure } from '@deis/ports/builder'
import { bash, type Files, openTestBuilder, read, runIn, scriptBuildpack, type TestBuilder } from './testing.ts'

let t: TestBuilder
let buildpack: string

beforeAll(async () => {
  t = await openTestBuilder()
  buildpack = await scriptBuildpack(t)
})
afterAll(() => t.close())

const BUILDPACK = (): { BUILDPACK_URL: string } => ({ BUILDPACK_URL: buildpack })

async function workFolders(): Promise<string[]> {
  return readdir(join(t.folder, 'builder', 'builds'))
}

async function failureOf(work: Promise<unknown>): Promise<BuildFailure> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(BuildFailure)
  expect(await workFolders()).toEqual([])
  return error as BuildFailure
}

test('an app with a Procfile and nothing to build: the literal lines, in order', async () => {
  const { result, output } = await t.build({ Procfile: 'web: ./run\nworker: ./work\n', run: 'x' })
  expect(output).toMatch(
    new RegExp(
      String.raw`^-----> Restoring cache\.\.\.
       No cache file found\. If this is the first deploy, it will be created now\.
-----> Procfile app detected
-----> Discovering process types
       Procfile declares types -> web, worker
-----> Checking for changes inside the cache directory\.\.\.
       No files were added to the cache folder, cache wasn't updated
-----> Compiled slug size is \d+B
$`,
    ),
  )
  expect(result).toEqual({
    artifact: { kind: 'slug', digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
    processes: { web: './run', worker: './work' },
    dockerfile: false,
    port: null,
  })
  expect(await read(await t.unpack(result), 'run')).toBe('x')
  expect(await workFolders()).toEqual([])
})

test('the same source gives the same digest, another source another one', async () => {
  const files = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${(i * 7) % 40}/x${i}`, `${i}`]))
  const one = await t.build({ Procfile: 'web: a', ...files })
  const two = await t.build({ ...Object.fromEntries(Object.entries(files).toReversed()), Procfile: 'web: a' })
  const three = await t.build({ Procfile: 'web: a', ...files, other: '' })
  expect(two.result).toEqual(one.result)
  expect(three.result.artifact).not.toEqual(one.result.artifact)
})

test('compile: folders, ENV_DIR, environment, defaults, profile', async () => {
  const { result, lines } = await t.build(
    {
      'build.sh': bash(`
cd "$1"; echo "args $#"; [ -d "$2" ] && [ -w "$2" ] && echo cache is there
echo "env $(ls "$3" | tr '\\n' ' ')"; cp "$3/SECRET" secret; stat -c '%a' "$3/SECRET"
env | sort > environment; echo "user $(id -u)"; echo oops >&2
mkdir -p .profile.d; echo 'export GREETING=hello' > .profile.d/greet.sh`),
    },
    { config: { ...BUILDPACK(), SECRET: 'very\nsecret', PATH: 'nonsense' } },
  )
  const runAs = await t.accounts.of('myapp')
  expect(lines).toEqual([
    '-----> Restoring cache...',
    '       No cache file found. If this is the first deploy, it will be created now.',
    '-----> Fetching custom buildpack',
    '-----> Hooked app detected',
    '       args 3',
    '       cache is there',
    '       env BUILDPACK_URL PATH SECRET',
    '       600',
    expect.stringMatching(`       user ${runAs?.uid ?? process.getuid?.()}`),
    '       oops',
    '-----> Discovering process types',
    '       Default process types for Hooked -> web, worker',
    '-----> Checking for changes inside the cache directory...',
    "       No files were added to the cache folder, cache wasn't updated",
    expect.stringMatching(/^-----> Compiled slug size is [\d.]+[BK]$/),
    '',
  ])
  expect(result.processes).toEqual({ web: 'run-web', worker: 'run-worker' })
  const app = await t.unpack(result)
  expect(await read(app, 'secret')).toBe('very\nsecret')
  const environment = await read(app, 'environment')
  expect(environment).not.toContain('secret')
  expect(environment).not.toContain('nonsense')
  expect(environment).not.toMatch(/^(GIT_DIR|SECRET|VITEST.*|USER)=/m)
  expect(environment).toMatch(/^SOURCE_VERSION=0123456789abcdef0123456789abcdef01234567$/m)
  expect(environment).toMatch(/^STACK=heroku-24$/m)
  expect(environment).toMatch(/^CURL_TIMEOUT=180$/m)
  expect(environment).toMatch(/^REQUEST_ID=build-/m)
  expect(environment).toMatch(/^npm_config_cache=.*\/cache\/npm$/m)
  expect(await runIn(t, app, 'echo $GREETING')).toBe('hello\n')
})

const root = process.getuid?.() === 0

test.runIf(root)('a build sees no other build, no cache, no slug (with a user per app)', async () => {
  const look =
    'for f in "$1/.." "$1/../.." "$1/../../../cache" "$1/../../../../slugs"; do ls "$f" 2>&1 >/dev/null | sed "s/.*: //"; done'
  const { output, result } = await t.build(
    {
      'build.sh': bash(
        `${look}; touch "$1/../x" 2>/dev/null || echo closed; umask 0; mkdir "$1/open"; mkfifo "$1/open/pipe"`,
      ),
    },
    { config: BUILDPACK() },
  )
  expect(output).toContain(`${'       Permission denied\n'.repeat(4)}       closed\n`)
  // A pipe that was left is nothing to wait for.
  expect((await readdir(await t.unpack(result), { recursive: true })).toSorted()).toEqual(['build.sh', 'open'])
})

test('without a user per app everything works the same', async () => {
  const accounts: Accounts = { isolated: false, reason: '', of: async () => null, release: async () => {} }
  const shared = await openTestBuilder({ accounts })
  const { output, result } = await shared.build(
    { 'build.sh': bash('id -u; mkdir -p "$2/x"; touch "$2/x/y"; chmod 555 "$2/x"; mkdir "$1/ro"; chmod 555 "$1/ro"') },
    { config: BUILDPACK() },
  )
  expect(output).toContain(`       ${process.getuid?.()}\n`)
  expect(await readdir(await shared.unpack(result))).toContain('ro')
  expect(await readdir(join(shared.folder, 'builder', 'builds'))).toEqual([])
  await shared.close()
})

test('hooks run before and after, and stop the build when they fail', async () => {
  const files = {
    'build.sh': bash('cat "$1/before"; echo compile'),
    'bin/pre-compile': bash('echo before > before; [ -d "$3" ]'),
    'bin/post-compile': bash('echo after; rm before'),
  }
  const { result, output } = await t.build(files, { config: BUILDPACK() })
  expect(output).toContain(
    '-----> Hooked app detected\n-----> Running pre-compile hook\n       before\n       compile\n-----> Running post-compile hook\n       after\n-----> Disc',
  )
  expect(await readdir(await t.unpack(result))).toEqual(['bin', 'build.sh'])
  const failed = await failureOf(t.build({ ...files, 'bin/post-compile': bash('exit 7') }, { config: BUILDPACK() }))
  expect(failed).toMatchObject({ message: 'bin/post-compile exited with code 7, stopping build.', exitCode: 7 })
})

test('.slugignore is read as git reads ignore files; .git stays out', async () => {
  const files: Files = {
    Procfile: 'web: a',
    '.slugignore': '# notes\n*.log\n!keep.log\n/docs\nspec/\n**/tmp/*.bin\n',
    'a.log': '',
    'keep.log': '',
    'deep/b.log': '',
    'deep/docs/c': '',
    'docs/d': '',
    'x/spec/e': '',
    'x/tmp/f.bin': '',
    'x/tmp/g': '',
    '.git/config': '',
    'sub/.git/config': '',
    'sub/h': '',
  }
  const { result } = await t.build(files)
  const app = await t.unpack(result)
  const left = (await readdir(app, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(app.length + 1))
  expect(left.toSorted()).toEqual(['.slugignore', 'Procfile', 'deep/docs/c', 'keep.log', 'sub/h', 'x/tmp/g'])
})

test('a failing compile says so', async () => {
  const failed = await failureOf(t.build({ 'build.sh': bash('echo no; exit 3') }, { config: BUILDPACK() }))
  expect(failed).toMatchObject({ message: 'Build exited with code 3, stopping build.', exitCode: 3 })
  expect(t.output()).toContain('       no\n')
})

const hang = (file: string, trap = 'true'): Files => ({
  // Processes in the group and one in a session of its own; the file says that they run.
  'build.sh': bash(
    `${trap}; setsid bash -c 'trap "" TERM; while :; do sleep 60; done' & sleep 60 & touch ${file}; while :; do sleep 60; done`,
  ),
})

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error('waited too long')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a cancelled build ends with everything it started', async () => {
  const id = `cancelled-${process.pid}`
  const cancel = new AbortController()
  const started = join(t.folder, 'builder', 'builds', id, 'tmp', 'started')
  const building = t.build(hang('"$TMPDIR/started"', 'trap "" TERM'), { id, config: BUILDPACK() }, cancel.signal)
  const ended = expect(building).rejects.toThrow('changed my mind')
  await until(() => existsSync(started))
  expect((await withVariable('DEIS_BUILD', id)).length).toBeGreaterThan(2)
  cancel.abort(new Error('changed my mind'))
  await ended
  expect(await withVariable('DEIS_BUILD', id)).toEqual([])
  expect(await workFolders()).toEqual([])
})

test('a build that takes too long ends, and says which variable to change', async () => {
  const short = await openTestBuilder({ timeoutSeconds: 1, accounts: t.accounts })
  const id = `slow-${process.pid}`
  const building = short.build(hang('/dev/null'), { id, config: BUILDPACK() })
  await expect(building).rejects.toThrow(
    'The build took longer than 1 seconds and was stopped: make it faster, or set DEIS_BUILD_TIMEOUT.',
  )
  expect(await withVariable('DEIS_BUILD', id)).toEqual([])
  await short.close()
})

test('what a killed controller left is ended and deleted', async () => {
  const id = `orphan-${process.pid}`
  const folder = join(t.folder, 'builder', 'builds', id)
  const building = t.build(hang('"$TMPDIR/started"'), { id, config: BUILDPACK() })
  const ended = expect(building).rejects.toThrow()
  await until(() => existsSync(join(folder, 'tmp', 'started')))
  await t.builder.recover()
  await ended
  expect(await withVariable('DEIS_BUILD', id)).toEqual([])
  expect(await workFolders()).toEqual([])
  // Looking again later does nothing to builds of its own.
  const started = join(t.folder, 'builder', 'builds', `${id}-2`, 'tmp', 'started')
  const waits = bash('touch "$TMPDIR/started"; while [ ! -e "$TMPDIR/go" ]; do sleep 0.05; done; echo done')
  const own = t.build({ 'build.sh': waits }, { id: `${id}-2`, config: BUILDPACK() })
  await until(() => existsSync(started))
  await t.builder.recover()
  await writeFile(started.replace(/started$/, 'go'), '')
  expect((await own).output).toContain('       done\n')
})

test('who wants to delete what a good build leaves gets it closed to all; a failed one leaves nothing', async () => {
  const left: (() => Promise<void>)[] = []
  const later = (discard: () => Promise<void>): void => void left.push(discard)
  await t.build({ 'build.sh': bash('echo done') }, { id: 'later', later, config: BUILDPACK() })
  expect(await workFolders()).toEqual(['later'])
  const { mode, uid } = await stat(join(t.folder, 'builder', 'builds', 'later'))
  expect([mode & 0o777, uid]).toEqual([0o700, process.getuid?.()])
  await expect(t.build({ 'build.sh': bash('exit 3') }, { later, config: BUILDPACK() })).rejects.toThrow()
  expect(await workFolders()).toEqual(['later'])
  await Promise.all(left.map((discard) => discard()))
  expect([await workFolders(), left.length]).toEqual([[], 1])
})

test('what compile leaves in the background does not hold the build up', async () => {
  const files = { 'build.sh': bash('(sleep 100; echo late) & echo done') }
  const { output } = await t.build(files, { id: 'background', config: BUILDPACK() })
  expect(output).toContain('       done\n')
  expect(await withVariable('DEIS_BUILD', 'background')).toEqual([])
})

test.each(['', '# web: later\n\n'])(
  'a Procfile of %j is as if there were none: the defaults are used',
  async (text) => {
    const { result, output } = await t.build({ 'build.sh': bash('true'), Procfile: text }, { config: BUILDPACK() })
    expect(result.processes).toEqual({ web: 'run-web', worker: 'run-worker' })
    expect(output).toContain('       Default process types for Hooked -> web, worker\n')
    expect(output).not.toContain('Procfile declares')
  },
)

test('a Dockerfile is refused, unless a buildpack is named', async () => {
  const failed = await failureOf(t.build({ Dockerfile: 'FROM scratch', Procfile: 'web: a' }))
  expect(failed.message).toMatch(/^This app has a Dockerfile, which this platform .* cannot build\. Remove or rename/)
  await t.build({ Dockerfile: 'FROM scratch', 'build.sh': bash('true') }, { config: BUILDPACK() })
})

test.each<[string, Files, string]>([
  ['an invalid Procfile', { Procfile: 'web: a\n-web: b' }, 'Procfile line 2: Process types can only contain'],
  ['a Procfile that is a link', { Procfile: { link: '/etc/passwd' } }, 'Procfile must be a file, not a link.'],
  ['a Procfile that is a folder', { 'Procfile/x': '' }, 'Procfile must be a file.'],
])('refuses %s before anything runs', async (_name, files, message) => {
  expect((await failureOf(t.build(files))).message).toContain(message)
})

test('an app that nothing applies to: the list of what was looked for', async () => {
  const failed = await failureOf(t.build({ 'readme.md': '' }))
  expect(failed).toMatchObject({ message: 'Build exited with code 1, stopping build.', exitCode: 1 })
  expect(t.output()).toContain('-----> Unable to select a buildpack\n       Node.js: no package.json\n')
})

test('links in the source lead nowhere: profile scripts and settings are written as the app user', async () => {
  const target = join(t.folder, 'victim')
  await writeFile(target, 'mine', { mode: 0o644 })
  const files: Files = { 'package.json': '{"scripts":{"start":"x"}}', '.profile.d/nodejs.sh': { link: target } }
  if (t.accounts.isolated) expect((await failureOf(t.build(files))).message).toContain('.profile.d/nodejs.sh could not')
  else await t.build(files)
  if (t.accounts.isolated) expect(await read(t.folder, 'victim')).toBe('mine')
})

test.skipIf(process.getuid?.() !== 0)(
  'a folder of the app that leads to one of root: nothing in there is found',
  async () => {
    const secret = join(t.folder, 'of-root')
    await mkdir(join(secret, 'bin'), { recursive: true })
    await writeFile(join(secret, 'index.html'), 'mine')
    await writeFile(join(secret, 'bin/pre-compile'), 'mine')
    await chmod(secret, 0o700)
    const failed = await failureOf(t.build({ public: { link: secret }, bin: { link: join(secret, 'bin') } }))
    expect(failed.message).toBe('Build exited with code 1, stopping build.')
    expect(t.output()).toContain('-----> Unable to select a buildpack')
    await t.build({ Procfile: 'web: a', bin: { link: join(secret, 'bin') } })
    expect(t.output()).not.toContain('pre-compile')
  },
)

test('too little free disk', async () => {
  const full = await openTestBuilder({ minFreeBytes: 2 ** 60 })
  await expect(full.build({ Procfile: 'web: a' })).rejects.toThrow(/^The platform's disk is nearly full: /)
  await full.close()
})

test('prune and forget touch only what they should', async () => {
  const { result } = await t.build({ Procfile: 'web: prune' })
  const digest = result.artifact.kind === 'slug' ? result.artifact.digest : ''
  const old = `${'a'.repeat(64)}.tgz`
  const kept = `${'b'.repeat(64)}.tgz`
  const slugs = join(t.folder, 'slugs')
  for (const name of [old, kept, '.x.partial']) {
    await writeFile(join(slugs, name), '')
    await utimes(join(slugs, name), 1, 1)
  }
  await t.builder.prune(new Set([`sha256:${'b'.repeat(64)}`]), new AbortController().signal)
  const left = await readdir(slugs)
  expect(left).toContain(kept)
  expect(left).toContain(`${digest.slice(7)}.tgz`)
  expect(left).not.toContain(old)
  expect(left).not.toContain('.x.partial')
  await t.builder.forget('myapp', [digest])
  expect(await readdir(slugs)).not.toContain(`${digest.slice(7)}.tgz`)
  await expect(t.builder.forget('../x', [])).rejects.toThrow('is not an app ID')
})

test('doctor lines name every toolchain', async () => {
  const checks = await t.builder.checks()
  expect(checks.map((check) => check.name)).toEqual([
    'Node.js builds',
    'Python builds',
    'Ruby builds',
    'Go builds',
    'Static builds',
    'Dockerfile builds',
  ])
  expect(checks[0]).toEqual({ name: 'Node.js builds', status: 'ok', detail: process.version })
  expect(checks.at(-1)?.status).toBe('missing')
})

test('what is packed is also there for the first process, until the files of the build are deleted', async () => {
  const copies = openCopies()
  const one = await openTestBuilder({ copies })
  const runAs = await one.accounts.of('myapp')
  const empty = async (name: string): Promise<string> => {
    const folder = join(one.folder, name)
    await mkdir(folder)
    if (runAs) await chown(folder, runAs.uid, runAs.gid)
    return folder
  }
  try {
    const left: (() => Promise<void>)[] = []
    const app = { Procfile: 'web: ./run\n', run: 'x' }
    const build = async (more = {}) => {
      const { result } = await one.build({ ...app, ...more }, { later: (discard) => left.push(discard) })
      if (result.artifact.kind !== 'slug') throw new Error('no slug')
      return { result, wanted: { app: 'myapp', digest: result.artifact.digest } }
    }
    const { result, wanted } = await build()
    const home = await empty('home')
    expect(await copies.take({ ...wanted, folder: home }, runAs)).toBe(true)
    expect((await readdir(home)).toSorted()).toEqual((await readdir(await one.unpack(result))).toSorted())
    expect(await readdir(home)).toContain('run')
    if (runAs) expect((await stat(join(home, 'run'))).uid).toBe(runAs.uid)
    // With more than the slug has it is not what the first process gets.
    const ignoring = await build({ '.slugignore': 'notes\n', notes: 'not in the slug' })
    expect(copies.count(ignoring.wanted)).toBe(0)
    // Not taken: it goes with the files of its build.
    const next = await build()
    expect(copies.count(next.wanted)).toBe(1)
    await Promise.all(left.map((discard) => discard()))
    expect(copies.count(next.wanted)).toBe(0)
    expect(await readdir(join(one.folder, 'builder', 'builds'))).toEqual([])
    // Where the files of a build are deleted at once, there is none.
    const { result: last } = await one.build(app)
    expect(last).toEqual(result)
    expect(copies.count(wanted)).toBe(0)
  } finally {
    await one.close()
  }
})
