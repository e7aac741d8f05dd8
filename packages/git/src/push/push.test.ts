// What does a push over SSH do: shown, built, stored or declined, whatever the client and the network do?
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import {
  type Copy,
  deferred,
  freshCopies,
  outcome,
  type Platform,
  refsOf,
  remote,
  remoteLines,
  run,
  ssh,
  type User,
} from '../fixture.ts'
import type { ClientChannel } from 'ssh2'
import ssh2 from 'ssh2'
import { testArchiver } from '@deis/machine/archive-testing'
import { withVariable } from '@deis/machine/pid'
import { maintainRepo, removeRepo } from '../repos.ts'
import { testPushes } from './contract.ts'

let ann: User
let platform: Platform
let copy: Copy
let url: string
freshCopies((fresh) => {
  ;({ ann, platform, copy } = fresh)
  url = remote(platform, 'app')
})

const repo = (app = 'app'): string => join(platform.folder, 'repos', `${app}.git`)
const refs = (): Promise<string> => refsOf(platform)

testPushes(
  () => ({ ann, platform, copy, url: (app) => remote(platform, app) }),
  (text) => `fatal: remote error: ${text}\n`,
)

test('a push is built from its tree, and clones have that', async () => {
  const target = join(platform.folder, 'unpacked')
  await mkdir(target)
  platform.state.deploy = async (push) => {
    push.output('Starting build... but first, coffee!\n')
    await testArchiver.unpack(push.source(), target)
    push.output('-----> Node app ')
    push.output('detected\u001b[2K\n       \u001b[32mDone!\u001b[0m\nlast')
  }
  const result = await copy.git('push', url, 'main')
  expect(result.code).toBe(0)
  expect(remoteLines(result.stderr)).toEqual([
    'Starting build... but first, coffee!',
    '-----> Node app detected',
    '       \u001b[32mDone!\u001b[0m',
    'last',
  ])
  expect(await readFile(join(target, 'index.js'), 'utf8')).toBe('hello\n')
  expect(await readFile(join(target, 'lib/a.txt'), 'utf8')).toBe('a\n')
  const back = join(platform.folder, 'back')
  expect((await copy.git('clone', '-q', url, back)).code).toBe(0)
  expect(await readdir(back)).toEqual(['.git', 'index.js', 'lib'])
})

test('a deploy can let the next push begin', async () => {
  let ended = Promise.resolve()
  const refused = deferred()
  platform.state.deploy = async (push) => {
    ;({ ended } = push)
    refused.resolve()
    throw new Error('ann cancelled this build.')
  }
  const first = outcome(copy.start('push', url, 'main'))
  await refused.resolved
  await ended
  expect(platform.server.isPushing('app')).toBe(false)
  platform.state.deploy = async () => {}
  const second = copy.git('push', url, 'main')
  expect((await first).code).toBe(1)
  expect((await second).code).toBe(0)
})

test('output arrives before the end, with a heartbeat in silence', async () => {
  await platform.restart({ limits: { heartbeatMs: 50 } })
  url = remote(platform, 'app')
  const finish = deferred()
  platform.state.deploy = async (push) => {
    push.output('first\n')
    await finish.resolved
  }
  const child = copy.start('push', url, 'main')
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    if (remoteLines(stderr).filter((line) => line === '...').length >= 2) finish.resolve()
  })
  expect((await outcome(child)).code).toBe(0)
  expect(remoteLines(stderr).slice(0, 3)).toEqual(['first', '...', '...'])
})

test('a client that leaves while it sends frees the app', async () => {
  for (const bytes of [1, 100_000, 2_500_000]) {
    // A pack that stops in the middle, through the same ssh that git uses.
    const child = ssh(ann, platform, ["git-receive-pack 'app'"])
    await once(child.stdout, 'data')
    const command = `${'0'.repeat(40)} ${copy.sha} refs/heads/main\0 report-status side-band-64k`
    const header = `${(command.length + 4).toString(16).padStart(4, '0')}${command}0000PACK\0\0\0\u0002\0\0\0\u0003`
    child.stdin.on('error', () => {})
    child.stdin.write(Buffer.concat([Buffer.from(header, 'latin1'), Buffer.alloc(bytes)]))
    const ended = outcome(child)
    process.kill(-(child.pid ?? 0), 'SIGKILL')
    await ended
    let next = await copy.git('push', '--dry-run', url, 'main')
    while (next.stderr.includes('ongoing')) next = await copy.git('push', '--dry-run', url, 'main')
    expect(next.code).toBe(0)
  }
  expect((await copy.git('push', url, 'main')).code).toBe(0)
})

test('branches, tags, deletes', async () => {
  const git: Copy['git'] = (...args) => copy.git(...args)
  // The first branch of an empty repository is the one to deploy.
  await git('checkout', '-q', '-b', 'develop')
  expect((await git('push', url, 'develop')).code).toBe(0)
  expect(platform.state.branches.get('app')).toBe('develop')
  expect(await readFile(join(repo(), 'HEAD'), 'utf8')).toBe('ref: refs/heads/develop\n')
  const other = await git('push', url, 'main:feature')
  expect(other.code).toBe(1)
  expect(remoteLines(other.stderr)).toEqual([
    'feature is not deployed here, only develop is. To deploy it: git push deis feature:develop',
    'error: hook declined to update refs/heads/feature',
  ])
  expect(other.stderr).toContain(' ! [remote rejected] main -> feature (hook declined)\n')
  // With a deployable one beside it, that one is deployed.
  const second = await copy.commit({ 'b.txt': 'b' })
  expect((await git('push', url, 'develop', 'develop:feature')).code).toBe(1)
  expect(await refs()).toBe(`${second} refs/heads/develop\n`)
  await git('tag', 'light')
  await git('tag', '-a', 'heavy', '-m', 'x')
  expect(await git('push', '--tags', url)).toMatchObject({ code: 0 })
  expect(await git('push', url, ':light')).toMatchObject({ code: 0 })
  expect(await git('push', url, ':develop')).toMatchObject({ code: 0 })
  expect((await refs()).trim()).toMatch(/^[0-9a-f]{40} refs\/tags\/heavy$/)
  expect(platform.state.deployed.map(({ sha }) => sha)).toEqual([copy.sha, second])
})

test('what cannot be deployed is declined as a whole', async () => {
  const both = await copy.git('push', url, 'main', 'main:master')
  expect(both.code).toBe(1)
  expect(remoteLines(both.stderr)).toEqual(['Each of main, master would be deployed. Push them one at a time.'])
  const atomic = await copy.git('push', '--atomic', url, 'main', 'main:feature')
  expect(atomic.stderr).toContain('does not support --atomic push')
  expect(await refs()).toBe('')
  expect(platform.state.deployed).toEqual([])
})

test('any branch or tag, when the operator says so; but only commits', async () => {
  await platform.restart({ anyBranch: true })
  url = remote(platform, 'app')
  expect((await copy.git('push', url, 'main:feature')).code).toBe(0)
  await copy.git('tag', 'v1')
  expect((await copy.git('push', url, 'v1')).code).toBe(0)
  await copy.git('tag', '-a', 'v2', '-m', 'x')
  const tag = await copy.git('push', url, 'v2')
  expect(tag.code).toBe(1)
  expect(remoteLines(tag.stderr)).toEqual(['refs/tags/v2 points to a tag, and only a commit can be deployed.'])
  expect(platform.state.deployed.map(({ ref }) => ref)).toEqual(['refs/heads/feature', 'refs/tags/v1'])
})

test('objects are checked: harmless old ones pass, dangerous ones do not', async () => {
  const write = async (input: string, ...args: string[]): Promise<string> => {
    const child = copy.start(...args)
    child.stdin.end(input)
    return (await outcome(child)).stdout.trim()
  }
  const tree = (await copy.git('rev-parse', 'HEAD^{tree}')).stdout.trim()
  const odd = `tree ${tree}\nauthor A <a@b> 1 +051800\ncommitter A <a@b> 1 +051800\n\nold\n`
  const old = await write(odd, 'hash-object', '-t', 'commit', '-w', '--literally', '--stdin')
  expect((await copy.git('push', url, `${old}:refs/heads/main`)).code).toBe(0)
  const blob = await write('x', 'hash-object', '-w', '--stdin')
  const evil = await write(`100644 blob ${blob}\t.git\n`, 'mktree')
  const commit = (await copy.git('commit-tree', evil, '-m', 'x')).stdout.trim()
  const refused = await copy.git('push', '-f', url, `${commit}:refs/heads/main`)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('hasDotgit')
  expect(await refs()).toBe(`${old} refs/heads/main\n`)
})

test('fetching speaks protocol version 2', async () => {
  const env = { ...ann.env, GIT_TRACE_PACKET: '1' }
  const { stderr } = await run('git', ['-c', 'protocol.version=2', 'ls-remote', url], platform.folder, env)
  expect(stderr).toContain('ls-remote< version 2')
})

test('forced pushes, shallow clones and push options', async () => {
  await copy.commit({ b: '2' })
  expect((await copy.git('push', url, 'main')).code).toBe(0)
  await copy.git('commit', '-q', '--amend', '-m', 'other')
  expect((await copy.git('push', url, 'main')).code).toBe(1)
  expect((await copy.git('push', '-f', '-o', 'no-cache', '-o', 'note=a b', url, 'main')).code).toBe(0)
  expect(platform.state.deployed.at(-1)?.options).toEqual(['no-cache', 'note=a b'])
  const shallow = join(platform.folder, 'shallow')
  await copy.git('clone', '-q', '--depth', '1', `file://${copy.folder}`, shallow)
  let files = ''
  platform.state.deploy = async (push) => {
    files = (await buffer(push.source())).toString('latin1')
  }
  const pushed = await run('git', ['push', remote(platform, 'fresh'), 'main'], shallow, ann.env)
  expect(pushed.code).toBe(0)
  expect(files).toContain('index.js')
})

test('each form of the address reaches the app', async () => {
  const port = `ssh -p ${platform.server.port}`
  const env = { ...ann.env, GIT_SSH_COMMAND: (ann.env['GIT_SSH_COMMAND'] ?? '').replace('ssh', port) }
  for (const form of ['git@127.0.0.1:app.git', 'git@127.0.0.1:app', 'git@127.0.0.1:/app.git'])
    expect(await run('git', ['push', '--dry-run', form, 'main'], copy.folder, env)).toMatchObject({ code: 0 })
  expect(await readdir(join(platform.folder, 'repos'))).toContain('app.git')
  const bad = await run('git', ['push', 'git@127.0.0.1:../app', 'main'], copy.folder, env)
  expect(bad.code).toBe(128)
  expect(bad.stderr).toContain(`"../app" is not an app's repository: expected <app>.git`)
})

test('hooks without a push are refused', async () => {
  await copy.git('push', url, 'main')
  await copy.commit({ c: '3' })
  // A push around the server, straight to the folder.
  const config = { ...ann.env, GIT_CONFIG_GLOBAL: join(platform.folder, 'repos', '.home', '.gitconfig') }
  const around = (env: Record<string, string>) => run('git', ['push', repo(), 'main'], copy.folder, env)
  const local = await around(config)
  expect(local.code).toBe(1)
  expect(local.stderr).toContain('This repository accepts pushes through the platform only.')
  const forged = await around({ ...config, DEIS_HOOK_REFUSALS: '/nowhere' })
  expect(forged.code).toBe(1)
  expect(forged.stderr).toContain('The platform stopped during this push and nothing was changed')
  expect(platform.state.deployed).toHaveLength(1)
})

test('a push whose hook is killed is declined and its deploy aborted', async () => {
  const started = deferred()
  const aborted = deferred()
  platform.state.deploy = async (push) => {
    started.resolve()
    await new Promise((resolve) => push.signal.addEventListener('abort', resolve))
    aborted.resolve()
    throw push.signal.reason
  }
  const pushing = outcome(copy.start('push', url, 'main'))
  await started.resolved
  const all = await withVariable('HOME', join(platform.folder, 'repos', '.home'))
  // Some of them end on their own meanwhile.
  const commands = await Promise.all(all.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  const hooks = all.filter((_, n) => commands[n]?.includes('pre-receive'))
  expect(hooks).toHaveLength(1)
  for (const pid of hooks) process.kill(pid, 'SIGKILL')
  await aborted.resolved
  expect((await pushing).code).toBe(1)
  expect(await refs()).toBe('')
})

test('a repository that is lost is made again', async () => {
  await copy.git('push', url, 'main')
  await rm(repo(), { recursive: true })
  await copy.commit({ d: '4' })
  expect((await copy.git('push', url, 'main')).stderr).toContain('[new branch]')
  await rm(join(repo(), 'HEAD'))
  expect((await copy.git('push', url, 'main')).code).toBe(0)
  expect((await refs()).trim()).toMatch(/ refs\/heads\/main$/)
})

test('repositories are maintained and removed', async () => {
  for (const n of [1, 2, 3]) {
    await copy.commit({ n: String(n) })
    await copy.git('push', url, 'main')
  }
  const packs = async (): Promise<number> =>
    (await readdir(join(repo(), 'objects', 'pack'))).filter((name) => name.endsWith('.pack')).length
  expect(await packs()).toBe(3)
  const repos = join(platform.folder, 'repos')
  await maintainRepo({ program: 'git', path: process.env.PATH ?? '', folder: repos }, 'app')
  expect(await packs()).toBe(1)
  await maintainRepo({ program: 'git', path: process.env.PATH ?? '', folder: repos }, 'never-pushed')
  await removeRepo(repos, 'app')
  await removeRepo(repos, 'app')
  await expect(removeRepo(repos, '../x')).rejects.toThrow('"../x" is not an app ID')
  expect((await readdir(repos)).toSorted()).toEqual(['.home', '.hooks', '.run'])
})

test('closing lets a push end, and refuses others meanwhile', async () => {
  const started = deferred()
  const finish = deferred()
  platform.state.deploy = async () => {
    started.resolve()
    await finish.resolved
  }
  const pushing = outcome(copy.start('push', url, 'main'))
  await started.resolved
  const closed = platform.server.close(20_000)
  expect(await copy.git('push', remote(platform, 'other'), 'main')).toMatchObject({
    code: 128,
    stderr: 'fatal: remote error: The platform is shutting down: try again in a moment\n',
  })
  finish.resolve()
  expect((await pushing).code).toBe(0)
  await closed
  expect(await refs()).toBe(`${copy.sha} refs/heads/main\n`)
  await platform.restart()
})

test('closing aborts what does not end in time', async () => {
  const started = deferred()
  platform.state.deploy = async (push) => {
    started.resolve()
    await new Promise((resolve) => push.signal.addEventListener('abort', resolve))
    throw push.signal.reason
  }
  const pushing = outcome(copy.start('push', url, 'main'))
  await started.resolved
  await platform.server.close(1)
  const result = await pushing
  expect(result.code).toBe(1)
  expect(remoteLines(result.stderr)).toContain(
    'The platform is shutting down and nothing was changed. Push again in a moment.',
  )
  await platform.restart()
  url = remote(platform, 'app')
  platform.state.deploy = async () => {}
  expect((await copy.git('push', url, 'main')).code).toBe(0)
})

async function library(): Promise<ssh2.Client> {
  const connection = new ssh2.Client()
  connection.on('error', () => {})
  const privateKey = await readFile(ann.keyFile)
  connection.connect({ host: '127.0.0.1', port: platform.server.port, username: 'x', privateKey })
  await once(connection, 'ready')
  return connection
}

const exec = (connection: ssh2.Client, command: string): Promise<ClientChannel> =>
  new Promise((resolve, reject) => {
    connection.exec(command, (error: Error | undefined, channel: ClientChannel) =>
      error ? reject(error) : resolve(channel),
    )
  })

test('a connection that breaks while git is slower than the client harms nothing', async () => {
  const connection = await library()
  const channel = await exec(connection, "git-receive-pack 'app'")
  await once(channel, 'data')
  const gits = await withVariable('HOME', join(platform.folder, 'repos', '.home'))
  for (const pid of gits) process.kill(pid, 'SIGSTOP')
  channel.write(Buffer.alloc(5_000_000))
  // What was sent before a ping has arrived when it is answered; the second one comes after what the first let through.
  for (const _ of [1, 2]) await once(await exec(connection, 'ping'), 'data')
  connection.destroy()
  for (const pid of gits) process.kill(pid, 'SIGCONT')
  while (platform.server.isPushing('app')) await copy.git('version')
  expect((await copy.git('push', url, 'main')).code).toBe(0)
})

test('a session without any input ends', async () => {
  // Long enough that a slow machine has logged in by then.
  await platform.restart({ limits: { idleMs: 2000 } })
  url = remote(platform, 'app')
  const result = await outcome(ssh(ann, platform, ["git-receive-pack 'app'"]))
  expect(result.code).toBe(1)
  expect(platform.server.isPushing('app')).toBe(false)
})

test('a client that does not read delays no other', async () => {
  await platform.restart({ limits: { stalledMs: 200 } })
  url = remote(platform, 'app')
  await writeFile(join(copy.folder, 'large'), randomBytes(6_000_000))
  const sha = await copy.commit({})
  expect((await copy.git('push', url, 'main')).code).toBe(0)
  const connection = await library()
  const channel = await exec(connection, "git-upload-pack 'app'")
  channel.pause()
  channel.write(`0032want ${sha}\n00000009done\n`)
  await once(connection, 'close')
  expect((await copy.git('ls-remote', url)).code).toBe(0)
})
