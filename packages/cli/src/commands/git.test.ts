// Are the right git remotes added and removed, and others kept?
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { deis, homeOf, remotesOf, repository, startController, temporaryFolder } from '../testbed.ts'

const url = 'ssh://git@localhost:2222/foo.git'

async function home(): Promise<string> {
  return homeOf(await startController({ 'GET /v2/': { json: { git: 'ssh://git@localhost:2222' } } }))
}

describe('git:remote', () => {
  test('adds it, also from a subfolder of the checkout', async () => {
    const cwd = join(repository(), 'below')
    mkdirSync(cwd)
    expect(await deis(['git:remote', '-a', 'foo'], { home: await home(), cwd })).toMatchObject({
      code: 0,
      stdout: 'Git remote deis successfully created for app foo.\n',
      stderr: '',
    })
    expect(remotesOf(cwd)).toContain(`deis\t${url} (push)`)
  })

  test('keeps a correct remote', async () => {
    const cwd = repository({ stage: url })
    expect(await deis(['git:remote', '-a', 'foo', '--remote=stage'], { home: await home(), cwd })).toMatchObject({
      code: 0,
      stdout: 'Git remote stage already points to app foo.\n',
    })
  })

  test('replaces another remote only with --force', async () => {
    const cwd = repository({ deis: 'ssh://git@old:2222/foo.git' })
    const world = { home: await home(), cwd }
    expect(await deis(['git:remote', '-a', 'foo'], world)).toMatchObject({
      code: 1,
      stderr: `Error: The git remote "deis" points to ssh://git@old:2222/foo.git, not to ${url}; it was not changed.\nUse --force to replace it, or choose another name with --remote.\n`,
    })
    expect(await deis(['git:remote', '-a', 'foo', '-f'], world)).toMatchObject({
      code: 0,
      stdout:
        'Deleting git remote deis, which pointed to ssh://git@old:2222/foo.git.\nGit remote deis successfully created for app foo.\n',
    })
    expect(remotesOf(cwd)).toContain(`deis\t${url} (push)`)
  })

  test('needs a repository', async () => {
    const { code, stderr } = await deis(['git:remote', '-a', 'foo'], { home: await home() })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Error: git remote -v: fatal: not a git repository/)
  })

  test('needs git', async () => {
    const env = { PATH: temporaryFolder() }
    expect(await deis(['git:remote', '-a', 'foo'], { home: await home(), env })).toMatchObject({
      code: 1,
      stderr: 'Error: git remote -v: git is not installed\nInstall git, or use --app instead of a remote.\n',
    })
  })

  test('a name cannot be an option of git', async () => {
    const cwd = repository()
    const argv = ['git:remote', '-a', 'foo', '--remote=--mirror=push']
    const { code, stderr } = await deis(argv, { home: await home(), cwd })
    expect(code).toBe(1)
    expect(stderr).toContain('It is not a valid name of a git remote.')
    expect(remotesOf(cwd)).toBe('')
  })
})

describe('git:remove', () => {
  test('removes every remote of the app, and no other', async () => {
    const cwd = repository({ deis: url, stage: url, other: 'ssh://git@localhost:2222/foo2.git' })
    expect(await deis(['git:remove', '-a', 'foo'], { home: await home(), cwd })).toMatchObject({
      code: 0,
      stdout: 'Removed the git remotes of app foo.\n',
    })
    expect(remotesOf(cwd)).toMatch(/^other\t.*\nother\t.*\n$/)
  })

  test('no remote is an error', async () => {
    expect(await deis(['git:remove', '-a', 'foo'], { home: await home(), cwd: repository() })).toMatchObject({
      code: 1,
      stderr: `Error: No git remote points to the app "foo".\nIts address is ${url}; compare \`git remote -v\`.\n`,
    })
  })
})

describe('a controller that announces an unsafe address for git', () => {
  test.each([
    'ext::sh -c "touch pwned" #',
    'file:///tmp',
    'ssh://-oProxyCommand=touch%20pwned',
    'ssh://git@host\u001b]0;x\u0007',
  ])('%j is refused as a remote, and no app is created', async (git) => {
    const controller = await startController({
      'GET /v2/': { json: { git } },
      'POST /v2/apps/': { json: { id: 'foo' } },
    })
    const cwd = repository()
    const world = { home: homeOf(controller), cwd }
    for (const argv of [['create'], ['create', 'foo'], ['git:remote', '-a', 'foo']]) {
      const { code, stderr } = await deis(argv, world)
      expect(code).toBe(1)
      expect(stderr).toContain('which is not an ssh:// or https:// address.\nNo git remote was added.')
    }
    expect(controller.requests).toEqual(['GET /v2/', 'GET /v2/', 'GET /v2/'])
    expect(remotesOf(cwd)).toBe('')
  })

  test.each(['a/../../b', '-x', 'a b', 'a\u001b[2J'])('an app called %j gets no remote', async (id) => {
    const controller = await startController({
      'GET /v2/': { json: { git: 'ssh://git@localhost:2222' } },
      'POST /v2/apps/': { json: { id } },
    })
    const cwd = repository()
    expect((await deis(['create'], { home: homeOf(controller), cwd })).code).toBe(1)
    expect(remotesOf(cwd)).toBe('')
  })
})

describe('over HTTPS', () => {
  test('the remote is at the controller, and no file of the repository has the token', async () => {
    const controller = await startController({ 'GET /v2/': { json: { git: 'ssh://git@localhost:2222' } } })
    const cwd = repository({ deis: url })
    const world = { home: homeOf(controller), cwd }
    expect(await deis(['git:remote', '-a', 'foo', '--https'], world)).toMatchObject({ code: 0 })
    expect(remotesOf(cwd)).toContain(`deis\t${controller.url}/foo.git (push)`)
    const config = readFileSync(join(cwd, '.git/config'), 'utf8')
    expect(config).toContain(`[credential "${controller.url}"]\n\thelper = \n\thelper = !deis git:credentials\n`)
    expect(config).not.toContain('secret-token')
    expect(await deis(['git:remote', '-a', 'foo', '--https'], world)).toMatchObject({
      code: 0,
      stdout: 'Git remote deis already points to app foo.\n',
    })
    expect(readFileSync(join(cwd, '.git/config'), 'utf8')).toBe(config)
    // Commands without --app find the app by it, and it can be made an SSH remote again.
    expect(await deis(['git:remote'], world)).toMatchObject({ code: 0 })
    expect(remotesOf(cwd)).toContain(`deis\t${url} (push)`)
  })

  test('another profile is asked for its own token', async () => {
    const controller = await startController({ 'GET /v2/': { json: {} } })
    const cwd = repository()
    const home = homeOf(controller)
    const file = join(temporaryFolder(), "it's mine.json")
    copyFileSync(join(home, '.deis/client.json'), file)
    expect(await deis(['git:remote', '-a', 'foo', '--https', '-c', file], { home, cwd })).toMatchObject({ code: 0 })
    const helpers = execFileSync('git', ['config', '--get-all', `credential.${controller.url}.helper`], { cwd })
    expect(helpers.toString()).toBe(`\n!deis -c '${file.replace("'", String.raw`'\''`)}' git:credentials\n`)
  })
})

describe('git:credentials', () => {
  test.each([
    ['the controller', 'get', ({ protocol, host }: URL) => `protocol=${protocol.slice(0, -1)}\nhost=${host}\n\n`, true],
    ['another port', 'get', ({ hostname }: URL) => `protocol=http\nhost=${hostname}:1\n`, false],
    ['another scheme', 'get', ({ host }: URL) => `protocol=https\nhost=${host}\n`, false],
    ['another host', 'get', ({ port }: URL) => `protocol=http\nhost=evil.example:${port}\n`, false],
    ['a user before the host', 'get', ({ host }: URL) => `protocol=http\nhost=${host}@evil.example\n`, false],
    ['a path after it', 'get', ({ host }: URL) => `protocol=http\nhost=evil.example/${host}\n`, false],
    ['no host', 'get', () => 'protocol=http\n', false],
    ['nothing', 'get', () => '', false],
    ['too much', 'get', ({ host }: URL) => `protocol=http\nhost=${host}\n${'x'.repeat(70_000)}`, false],
    ['to store', 'store', ({ host }: URL) => `protocol=http\nhost=${host}\n`, false],
    ['to erase', 'erase', ({ host }: URL) => `protocol=http\nhost=${host}\n`, false],
  ] as const)('asked for %s', async (_, operation, ask, isAnswered) => {
    const controller = await startController({})
    const { code, stdout, stderr } = await deis(['git:credentials', operation], {
      home: homeOf(controller),
      stdin: ask(new URL(controller.url)),
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(isAnswered ? /^username=\S+\npassword=secret-token\n$/ : /^$/)
    expect(controller.requests).toEqual([])
  })

  test('without a profile git asks the next one', async () => {
    const stdin = 'protocol=http\nhost=localhost\n'
    expect(await deis(['git:credentials', 'get'], { home: temporaryFolder(), stdin })).toMatchObject({
      code: 0,
      stdout: '',
    })
  })
})
