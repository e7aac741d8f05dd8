// Do the commands for apps send, print and exit as in the contract?
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { deis, homeOf, remotesOf, type Replies, repository, startController, temporaryFolder } from '../testbed.ts'

const app = {
  uuid: 'de1b',
  id: 'foo',
  owner: 'bob',
  structure: {},
  created: '2026-01-02T03:04:05Z',
  updated: '2026-01-02T03:04:06Z',
}
const pod = { name: 'foo-web-v2-abcde', type: 'web', state: 'up', release: 'v2', started: '2026-01-02T03:04:05Z' }
const domain = (name: string) => ({
  app: 'foo',
  owner: 'bob',
  domain: name,
  created: app.created,
  updated: app.updated,
})
const page = (...results: unknown[]) => ({ count: results.length, next: null, previous: null, results })
const platform = { git: 'ssh://git@localhost:2222', domain: 'localhost', router_port: 8080 }

async function against(replies: Replies) {
  const controller = await startController({ 'GET /v2/': { json: platform }, ...replies })
  return { controller, home: homeOf(controller) }
}

describe('apps:list', () => {
  test('names each app, and how many there are beyond the limit', async () => {
    const { home, controller } = await against({ 'GET /v2/apps/?limit=1': { json: { ...page(app), count: 3 } } })
    expect(await deis(['apps', '-l', '1'], { home })).toMatchObject({
      code: 0,
      stdout: '=== Apps (1 of 3)\nfoo\n',
      stderr: '',
    })
    expect(controller.requests).toEqual(['GET /v2/apps/?limit=1'])
  })

  test.each([
    [['apps:list'], 0, '100'],
    [['apps:list', '--limit', '-1'], 7, '7'],
    [['apps:list', '--lim=5'], 7, '5'],
  ])('%j with a limit of %i in the profile asks for %s', async (argv, own, asked) => {
    const controller = await startController({ [`GET /v2/apps/?limit=${asked}`]: { json: page() } })
    const home = homeOf(controller, { response_limit: own })
    expect(await deis(argv, { home })).toMatchObject({ code: 0, stdout: '=== Apps\n' })
  })
})

describe('apps:rename', () => {
  const renamed: Replies = { 'POST /v2/apps/foo/rename/': { json: { ...app, id: 'bar' } } }

  test('renames the app of this folder, and points its remotes to it', async () => {
    const { home, controller } = await against(renamed)
    const cwd = repository({
      deis: 'ssh://git@localhost:2222/foo.git',
      web: `${controller.url}/foo.git`,
      origin: 'https://example.com/foo.git',
    })
    expect(await deis(['rename', 'bar'], { home, cwd })).toMatchObject({
      code: 0,
      stdout:
        'Renaming foo to bar... done\nGit remote deis now points to app bar.\nGit remote web now points to app bar.\n',
      stderr: '',
    })
    expect(controller.requests).toEqual(['GET /v2/', 'POST /v2/apps/foo/rename/ {"id":"bar"}'])
    expect(remotesOf(cwd)).toContain('deis\tssh://git@localhost:2222/bar.git (push)')
    expect(remotesOf(cwd)).toContain(`web\t${controller.url}/bar.git (push)`)
    expect(remotesOf(cwd)).toContain('origin\thttps://example.com/foo.git (push)')
  })

  test('outside a repository changes the app only', async () => {
    const { home } = await against(renamed)
    const outcome = await deis(['apps:rename', 'bar', '-a', 'foo'], { home, cwd: temporaryFolder() })
    expect(outcome).toMatchObject({ code: 0, stdout: 'Renaming foo to bar... done\n', stderr: '' })
  })

  test('says why it was refused, and leaves the remotes', async () => {
    const detail = 'A build of "foo" is running.'
    const { home } = await against({ 'POST /v2/apps/foo/rename/': { status: 409, json: { detail } } })
    const cwd = repository({ deis: 'ssh://git@localhost:2222/foo.git' })
    expect(await deis(['apps:rename', 'bar'], { home, cwd })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(detail) as string,
    })
    expect(remotesOf(cwd)).toContain('deis\tssh://git@localhost:2222/foo.git (push)')
  })
})

describe('apps:create', () => {
  const created: Replies = { 'POST /v2/apps/': { status: 201, json: app } }

  test('creates the app, and the remote that the controller announces', async () => {
    const { home, controller } = await against(created)
    const cwd = repository()
    expect(await deis(['create', 'foo'], { home, cwd })).toMatchObject({
      code: 0,
      stdout: 'Creating Application... done, created foo\nGit remote deis successfully created for app foo.\n',
      stderr: '',
    })
    expect(controller.requests).toEqual(['GET /v2/', 'POST /v2/apps/ {"id":"foo"}'])
    expect(remotesOf(cwd)).toContain('deis\tssh://git@localhost:2222/foo.git (push)')
  })

  test('falls back to the builder host of an original controller', async () => {
    const { home } = await against({ ...created, 'GET /v2/': { json: {} } })
    const cwd = repository()
    expect(await deis(['create', '--remote=stage'], { home, cwd })).toMatchObject({ code: 0 })
    expect(remotesOf(cwd)).toContain('stage\tssh://git@127-builder.0.0.1:2222/foo.git (push)')
  })

  test('asks nothing about git with --no-remote, and sends no body without a name', async () => {
    const { home, controller } = await against(created)
    expect(await deis(['apps:create', '--no-remote'], { home, cwd: repository() })).toMatchObject({
      code: 0,
      stdout:
        'Creating Application... done, created foo\nIf you want to add a git remote for this app later, use `deis git:remote -a foo`\n',
    })
    expect(controller.requests).toEqual(['POST /v2/apps/'])
  })

  test('outside a repository acts like --no-remote, with a note', async () => {
    const { home } = await against(created)
    const { code, stdout, stderr } = await deis(['apps:create'], { home })
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        'Creating Application... done, created foo\nIf you want to add a git remote for this app later, use `deis git:remote -a foo`\n',
    })
    expect(stderr).toMatch(/^Note: no git remote was added \(git remote -v: .*not a git repository.*\)\.\n$/)
  })

  test('creates nothing when the remote exists', async () => {
    const { home, controller } = await against(created)
    const cwd = repository({ deis: 'ssh://git@elsewhere:2222/other.git' })
    const { code, stdout, stderr } = await deis(['create', 'foo'], { home, cwd })
    expect({ code, stdout, requests: controller.requests }).toEqual({ code: 1, stdout: '', requests: [] })
    expect(stderr).toContain('deis git:remote --force --remote deis --app foo')
  })

  test('sets the buildpack; if that fails, the error says that the app exists', async () => {
    const { home, controller } = await against({
      ...created,
      'POST /v2/apps/foo/config/': { status: 400, json: { detail: 'no' } },
    })
    const { code, stderr } = await deis(['create', 'foo', '--no-remote', '-b', 'http://x/y'], { home })
    expect(controller.requests.at(-1)).toBe('POST /v2/apps/foo/config/ {"values":{"BUILDPACK_URL":"http://x/y"}}')
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'Error: no\nThe app "foo" was created, but its buildpack was not set: `deis config:set -a foo BUILDPACK_URL=<url>`.\n',
    })
  })

  test('a taken name has the known message', async () => {
    const { home } = await against({
      'POST /v2/apps/': { status: 400, json: { id: ['Application with this id already exists.'] } },
    })
    expect(await deis(['create', 'foo', '--no-remote'], { home })).toMatchObject({
      code: 1,
      stdout: 'Creating Application... \n',
      stderr: 'Error: Application with this id already exists.\n',
    })
  })
})

describe('apps:info', () => {
  const known = (name: string): Replies => ({
    'GET /v2/apps/foo/': { json: app },
    'GET /v2/apps/foo/pods/?limit=100': { json: { count: 1, results: [pod] } },
    'GET /v2/apps/foo/domains/?limit=100': { json: page(domain(name)) },
    'GET /v2/apps/foo/settings/': { json: { label: { team: 'frontend', n: 1 } } },
  })

  test('shows all of the app', async () => {
    const { home } = await against(known('foo'))
    expect(await deis(['info', '-a', 'foo'], { home })).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `=== foo Application
updated:  2026-01-02T03:04:06Z
uuid:     de1b
created:  2026-01-02T03:04:05Z
url:      foo.localhost:8080
owner:    bob
id:       foo

=== foo Processes
--- web:
foo-web-v2-abcde up (v2)

=== foo Domains
foo

=== foo Label
n:         1
team:      frontend

`,
    })
  })

  test.each([
    ['foo', { ...platform, router_port: 80 }, 'foo.localhost'],
    ['www.example.com', platform, 'www.example.com'],
    ['foo', {}, 'foo.0.0.1:'],
  ])('domain %s at %j is reached at %s', async (name, where, url) => {
    const { home } = await against({ ...known(name), 'GET /v2/': { json: where } })
    expect((await deis(['info', '-a', 'foo'], { home })).stdout).toContain(`url:      ${url}`)
  })
})

describe('apps:open', () => {
  const known: Replies = { 'GET /v2/apps/foo/domains/?limit=1': { json: page(domain('foo')) } }

  test('prints the URL and hands it to the browser', async () => {
    const { home } = await against(known)
    const bin = temporaryFolder()
    writeFileSync(join(bin, 'xdg-open'), '#!/bin/sh\nprintf "%s" "$1" > "$HOME/opened"\n')
    chmodSync(join(bin, 'xdg-open'), 0o755)
    const env = { PATH: `${bin}${delimiter}${process.env['PATH']}` }
    expect(await deis(['open', '-a', 'foo'], { home, env })).toMatchObject({
      code: 0,
      stdout: 'http://foo.localhost:8080\n',
      stderr: '',
    })
    expect(readFileSync(join(home, 'opened'), 'utf8')).toBe('http://foo.localhost:8080')
    const { stdout } = await deis(['open', '--platform'], { home, env })
    expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\n$/)
    expect(readFileSync(join(home, 'opened'), 'utf8')).toBe(stdout.trim())
    expect(await deis(['open', '--platform', '-a', 'foo'], { home, env })).toMatchObject({ code: 1, stdout: '' })
  })

  test.each([
    ['is missing', null, 'xdg-open is not installed'],
    ['finds no browser', '#!/bin/sh\nexit 3\n', 'xdg-open failed'],
  ])('prints the URL and fails when xdg-open %s', async (_, program, why) => {
    const { home } = await against(known)
    const bin = temporaryFolder()
    if (program !== null) writeFileSync(join(bin, 'xdg-open'), program, { mode: 0o755 })
    const failure = `Error: No browser was opened: ${why}.\nOpen http://foo.localhost:8080 by hand, here or on another machine.\n`
    const url = 'http://foo.localhost:8080'
    const opened = await deis(['open', '-a', 'foo'], { home, env: { PATH: bin } })
    expect(opened).toMatchObject({ code: 1, stdout: `${url}\n`, stderr: failure })
    const { code, stdout } = await deis(['open', '-a', 'foo', '--json'], { home, env: { PATH: bin } })
    expect([code, JSON.parse(stdout)]).toEqual([1, { url }])
    expect(await deis(['open', '--platform'], { home, env: { PATH: bin } })).toMatchObject({ code: 1 })
  })

  test('opens host names only', async () => {
    const { home } = await against({ 'GET /v2/apps/foo/domains/?limit=1': { json: page(domain('a.b&calc')) } })
    expect(await deis(['open', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stderr: 'Error: "a.b&calc" is not an address that a browser can open.\n',
    })
  })

  test('an app without domain has nothing to open', async () => {
    const { home } = await against({ 'GET /v2/apps/foo/domains/?limit=1': { json: page() } })
    expect(await deis(['open', '-a', 'foo'], { home })).toMatchObject({ code: 1 })
  })
})

describe('apps:logs', () => {
  const text =
    '2026-01-02T03:04:05+00:00 app[web.v2.abcde]: main\n2026-01-02T03:04:05+00:00 deis[controller]: INFO up\n'

  test('prints the text as it is into a pipe', async () => {
    const { home } = await against({ 'GET /v2/apps/foo/logs?log_lines=2': { text } })
    expect(await deis(['logs', '-a', 'foo', '-n', '2'], { home })).toMatchObject({ code: 0, stdout: text, stderr: '' })
  })

  test('-n 0 shows nothing, and a negative number is none', async () => {
    const { home } = await against({ 'GET /v2/apps/foo/logs?log_lines=0': { status: 204 } })
    expect(await deis(['logs', '-a', 'foo', '-n', '0'], { home })).toMatchObject({ code: 0, stdout: '', stderr: '' })
    const usual = await against({ 'GET /v2/apps/foo/logs': { text } })
    expect(await deis(['logs', '-a', 'foo', '-n', '-1'], { home: usual.home })).toMatchObject({ code: 0, stdout: text })
  })

  test('colours lines on a terminal, unless NO_COLOR is set', async () => {
    const { home } = await against({ 'GET /v2/apps/foo/logs': { text } })
    const { stdout } = await deis(['logs', '-a', 'foo'], { home, stdoutIsTty: true })
    expect(stdout).toContain('\u001B[35m2026-01-02T03:04:05+00:00 deis[controller]: INFO up\u001B[39m\n')
    const plain = await deis(['logs', '-a', 'foo'], { home, stdoutIsTty: true, env: { NO_COLOR: '1' } })
    expect(plain.stdout).toBe(text)
  })

  test.each([
    [{ status: 204 }, ''],
    [{ text: 'x\n' }, ''],
    [{ status: 500, text: 'Error accessing logs for foo' }, 'The controller answered: Internal Server Error\n'],
  ])('%j is the fixed message', async (reply, extra) => {
    const { home } = await against({ 'GET /v2/apps/foo/logs': reply })
    const { code, stdout, stderr } = await deis(['logs', '-a', 'foo'], { home })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.split('\n')[0]).toBe('Error: There are currently no log messages. Please check the following things:')
    expect(stderr.endsWith(extra)).toBe(true)
  })

  test('a missing app is reported', async () => {
    const { home } = await against({
      'GET /v2/apps/foo/logs': { status: 404, text: '"No App matches the given query."' },
    })
    expect(await deis(['logs', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stderr: 'Error: "No App matches the given query."\n',
    })
  })
})

describe('apps:run', () => {
  test.each([
    [0, 'hello\n', ''],
    [7, '', 'hello\n'],
  ])('ends with exit code %i, output where it belongs', async (exitCode, stdout, stderr) => {
    const { home, controller } = await against({
      'POST /v2/apps/foo/run': { json: { exit_code: exitCode, output: 'hello\n' } },
    })
    expect(await deis(['run', '-a', 'foo', '--', 'sh', '-c', 'echo hello'], { home })).toMatchObject({
      code: exitCode,
      stdout: `Running 'sh -c 'echo hello''...\n${stdout}`,
      stderr,
    })
    expect(controller.requests).toEqual(['POST /v2/apps/foo/run {"command":"sh -c \'echo hello\'"}'])
  })
})

describe('apps:destroy', () => {
  const gone: Replies = { 'DELETE /v2/apps/foo/': { status: 204 } }
  const warning = [
    ' !    This cannot be undone.',
    ' !    This destroys the app "foo" with all its releases, settings and domains.',
    ' !    Type "foo" to confirm, or run this command again with --confirm=foo',
    '',
    '> ',
  ].join('\n')

  test('--confirm destroys; a named app leaves git alone', async () => {
    const { home, controller } = await against(gone)
    const cwd = repository({ deis: 'ssh://git@localhost:2222/foo.git' })
    expect(await deis(['destroy', '-a', 'foo', '--confirm=foo'], { home, cwd, clock: [0, 2900] })).toMatchObject({
      code: 0,
      stdout: 'Destroying foo...\ndone in 2s\n',
      stderr: '',
    })
    expect(controller.requests).toEqual(['DELETE /v2/apps/foo/'])
    expect(remotesOf(cwd)).toContain('deis')
  })

  test('takes the word from a pipe and removes the remotes of a detected app', async () => {
    const { home } = await against(gone)
    const cwd = repository({ deis: 'ssh://git@localhost:2222/foo.git', origin: 'https://example.com/x.git' })
    expect(await deis(['destroy'], { home, cwd, stdin: 'foo\n' })).toMatchObject({
      code: 0,
      stdout: `${warning}\nDestroying foo...\ndone in 0s\nRemoved the git remotes of app foo.\n`,
    })
    expect(remotesOf(cwd)).not.toContain('deis')
    expect(remotesOf(cwd)).toContain('origin')
  })

  test.each([
    ['outside a repository', temporaryFolder],
    ['without a remote', repository],
  ])('works %s', async (_, make) => {
    const { home } = await against(gone)
    const cwd = join(make(), 'foo')
    mkdirSync(cwd)
    expect(await deis(['destroy', '--confirm', 'foo'], { home, cwd })).toMatchObject({
      code: 0,
      stdout: 'Destroying foo...\ndone in 0s\n',
      stderr: '',
    })
  })

  test.each([
    [['--confirm=bar'], undefined, 'Error: "bar" is not the name of the app; "foo" was not destroyed.\n'],
    [[], 'bar\n', 'Error: "bar" is not the name of the app; "foo" was not destroyed.\n'],
    [[], '', 'Error: Not confirmed; "foo" was not destroyed.\nUse --confirm=foo.\n'],
  ])('%j with %j piped in destroys nothing', async (flags, stdin, stderr) => {
    const { home, controller } = await against(gone)
    expect(await deis(['destroy', '-a', 'foo', ...flags], { home, stdin })).toMatchObject({ code: 1, stderr })
    expect(controller.requests).toEqual([])
  })
})

test('apps:transfer', async () => {
  const { home, controller } = await against({ 'POST /v2/apps/foo/': {} })
  expect(await deis(['apps:transfer', 'eve', '-a', 'foo'], { home })).toMatchObject({
    code: 0,
    stdout: 'Transferring foo to eve... done\n',
  })
  expect(controller.requests).toEqual(['POST /v2/apps/foo/ {"owner":"eve"}'])
})

describe('which app?', () => {
  const named = (id: string): Replies => ({ [`GET /v2/apps/${id}/logs`]: { text: `${id}\n` } })
  const base = 'ssh://git@localhost:2222'

  test.each([
    ['--app', ['-a', 'flag'], { DEIS_APP: 'env' }, { deis: `${base}/remote.git` }, 'flag', 1],
    ['DEIS_APP', [], { DEIS_APP: 'env' }, { deis: `${base}/remote.git` }, 'env', 1],
    ['the remote deis', [], {}, { a: `${base}/first.git`, deis: `${base}/second.git` }, 'second', 2],
    ['the first remote', [], {}, { b: `${base}/second.git`, a: `${base}/first.v2.git` }, 'first', 2],
    ['another port', [], {}, { deis: 'ssh://git@localhost:22222/former.git' }, 'former', 2],
    ['the original client', [], {}, { deis: 'ssh://git@deis-builder.localhost:2222/former.git' }, 'former', 2],
    ['no remote of others', [], {}, { origin: 'ssh://git@example.com/x.git' }, 'folder', 2],
    ['the folder', [], {}, {}, 'folder', 1],
  ])('found by %s', async (_, flags, env, remotes, id, requests) => {
    const { home, controller } = await against(named(id))
    const cwd = join(repository(remotes), 'Folder')
    mkdirSync(cwd)
    expect(await deis(['logs', ...flags], { home, cwd, env })).toMatchObject({ code: 0, stdout: `${id}\n` })
    expect(controller.requests).toHaveLength(requests)
  })

  test.each([
    ['deis', 'ssh://git@elsewhere.example.com/x.git'],
    ['x', 'ssh://git@deis-builder.elsewhere.test:2222/x.git'],
  ])('the remote %s of another controller is never passed over', async (name, url) => {
    const { home, controller } = await against({})
    expect(await deis(['logs'], { home, cwd: repository({ [name]: url }) })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `Error: No app given, and the git remote "${name}" does not belong to ${controller.url}: it points to ${url}.\nUse --app, or point the remote to an app of this controller: \`deis git:remote --force --remote ${name} --app <app>\`.\n`,
    })
  })

  test('a remote of the original client gets a note on how to update it', async () => {
    const { home } = await against(named('shop'))
    const cwd = repository({ deis: 'ssh://git@deis-builder.localhost:2222/shop.git' })
    const { stderr } = await deis(['logs'], { home, cwd })
    expect(stderr).toMatch(
      /^Note: the git remote "deis" points to ssh:\S+, an earlier address .* `deis git:remote --remote deis`\.\n$/,
    )
    expect(await deis(['git:remote'], { home, cwd })).toMatchObject({ code: 0 })
    expect(remotesOf(cwd)).toContain(`deis\t${base}/shop.git (push)`)
  })

  test('the error for a guessed name explains the guess', async () => {
    const { home } = await against({
      'GET /v2/apps/folder/logs': { status: 404, text: '"No App matches the given query."' },
    })
    const cwd = join(temporaryFolder(), 'folder')
    mkdirSync(cwd)
    const { code, stderr } = await deis(['logs'], { home, cwd })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^Error: "No App matches the given query\."\nNo git remote belongs to this controller, so the name of this folder was used: "folder"\..*\n$/,
    )
  })

  test.each(['', '..', '.'])('%j is refused before it gets into a path', async (id) => {
    const { home, controller } = await against({})
    expect(await deis(['destroy', '-a', id, `--confirm=${id}`], { home })).toMatchObject({ code: 1 })
    expect(controller.requests).toEqual([])
  })

  test('names are encoded', async () => {
    const { home, controller } = await against({})
    await deis(['logs', '-a', '../x?y'], { home })
    expect(controller.requests).toEqual(['GET /v2/apps/..%2Fx%3Fy/logs'])
  })
})
