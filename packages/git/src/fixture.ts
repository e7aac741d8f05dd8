// How does a test get a git server and real git and ssh clients?
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ssh2 from 'ssh2'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { fingerprint } from './ssh/auth.ts'
import type { Permission, Push } from '@deis/ports/push'
import type { GitServer, GitServerDeps } from './port.ts'
import { startGitServer } from './ssh/ssh.ts'

export type Result = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export type Platform = {
  readonly folder: string
  readonly server: GitServer
  /** What the controller would keep: who owns which key and app, and what was logged. */
  readonly state: {
    readonly users: Map<string, string>
    permission: (username: string, app: string) => Permission
    readonly branches: Map<string, string>
    deploy: (push: Push) => Promise<void>
    readonly deployed: { app: string; sha: string; ref: string; username: string; options: readonly string[] }[]
    readonly logged: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[]
  }
  /** The same, on another port. */
  restart(changes?: Partial<GitServerDeps>): Promise<void>
  close(): Promise<void>
}

export async function temporary(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'git-test-'))
}

async function startPlatform(options: Partial<GitServerDeps> = {}): Promise<Platform> {
  const folder = await temporary()
  const state: Platform['state'] = {
    users: new Map(),
    permission: () => 'ok',
    branches: new Map(),
    deploy: async () => {},
    deployed: [],
    logged: [],
  }
  const deps: GitServerDeps = {
    host: '127.0.0.1',
    port: 0,
    folder: join(folder, 'repos'),
    hostKeyFolder: join(folder, 'keys'),
    gitPath: 'git',
    path: process.env.PATH ?? '',
    maxPackBytes: 50_000_000,
    sourceLimits: { entries: 1000, bytes: 10_000_000 },
    anyBranch: false,
    identify: async (print) => {
      const username = state.users.get(print)
      return username === undefined ? null : { username }
    },
    authorize: async (username, app) => state.permission(username, app),
    deployBranch: async (app) => state.branches.get(app) ?? null,
    setDeployBranch: async (app, branch) => void state.branches.set(app, branch),
    expectPush: () => {},
    deploy: async (push) => {
      await state.deploy(push)
      const { app, sha, ref, username, options } = push
      state.deployed.push({ app, sha, ref, username, options })
    },
    log: (level, message, fields) => void state.logged.push({ level, message, fields }),
    ...options,
  }
  let server = await startGitServer(deps)
  return {
    folder,
    state,
    get server() {
      return server
    },
    async restart(changes = {}) {
      await server.close(0)
      server = await startGitServer({ ...deps, ...changes })
    },
    async close() {
      await server.close(0)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type User = {
  readonly keyFile: string
  readonly print: string
  /** Environment under which git and ssh are this user and nobody else. */
  readonly env: Record<string, string>
}

type KeyOptions = { readonly type?: 'ed25519' | 'ecdsa' | 'rsa'; readonly bits?: number }

export async function makeUser(folder: string, name: string, options: KeyOptions = {}): Promise<User> {
  const keyFile = join(folder, `${name}.key`)
  const type = options.type ?? 'ed25519'
  const size = options.bits ? ['-b', String(options.bits)] : []
  await run('ssh-keygen', ['-q', '-t', type, ...size, '-N', '', '-C', name, '-f', keyFile], folder, {})
  const key = ssh2.utils.parseKey(await readFile(`${keyFile}.pub`))
  if (key instanceof Error) throw key
  const sshOptions = ['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=no', 'LogLevel=ERROR']
  const known = ['UserKnownHostsFile=/dev/null', 'IdentityAgent=none']
  const flags = [...sshOptions, ...known].map((option) => `-o ${option}`).join(' ')
  return {
    keyFile,
    print: fingerprint(key.getPublicSSH()),
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_SSH_COMMAND: `ssh -F none ${flags} -i ${keyFile}`,
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: `${name}@example.com`,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: `${name}@example.com`,
      LANG: 'C.UTF-8',
    },
  }
}

/** Runs ssh as this user against the server. */
export function ssh(
  user: User,
  { folder, server }: Pick<Platform, 'folder' | 'server'>,
  args: readonly string[],
  login = 'git',
): ChildProcessWithoutNullStreams {
  const [program = '', ...flags] = (user.env['GIT_SSH_COMMAND'] ?? '').split(' ')
  return start(program, [...flags, '-p', String(server.port), '-l', login, '127.0.0.1', ...args], folder, user.env)
}

export function start(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): ChildProcessWithoutNullStreams {
  return spawn(program, [...args], { cwd, env: { ...env }, detached: true })
}

export async function outcome(child: ChildProcessWithoutNullStreams): Promise<Result> {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Result> {
  const child = start(program, args, cwd, env)
  child.stdin.end()
  return outcome(child)
}

/** A new working copy of a user, with one commit. */
export async function makeCopy(user: User, folder: string, files: Record<string, string>): Promise<Copy> {
  await mkdir(folder, { recursive: true })
  await run('git', ['init', '-q', '-b', 'main', '--template='], folder, user.env)
  const copy = openCopy(user, folder, '')
  return { ...copy, sha: await copy.commit(files, 'first') }
}

/** A working copy that is there already. */
function openCopy(user: User, folder: string, sha: string): Copy {
  const git = (...args: string[]): Promise<Result> => run('git', args, folder, user.env)
  return {
    folder,
    sha,
    git,
    start: (...args) => start('git', args, folder, user.env),
    async commit(changed, message = 'change') {
      for (const [name, content] of Object.entries(changed)) {
        await mkdir(dirname(join(folder, name)), { recursive: true })
        await writeFile(join(folder, name), content)
      }
      await git('add', '-A')
      await git('commit', '-q', '--allow-empty', '-m', message)
      return (await git('rev-parse', 'HEAD')).stdout.trim()
    },
  }
}

export type Copy = {
  readonly folder: string
  readonly sha: string
  git(...args: string[]): Promise<Result>
  start(...args: string[]): ChildProcessWithoutNullStreams
  commit(changed: Record<string, string>, message?: string): Promise<string>
}

export type WithUser = {
  readonly folder: string
  readonly ann: User
  /** A server that knows ann. */
  start(options?: Partial<GitServerDeps>): Promise<Platform>
}

/** For all tests of a file: a folder and the user ann. `use` gets them, and may prepare more. */
export function withUser(use: (given: WithUser) => Promise<void> | void): void {
  let folder: string
  beforeAll(async () => {
    folder = await temporary()
    const ann = await makeUser(folder, 'ann')
    const startWithUser = async (options?: Partial<GitServerDeps>): Promise<Platform> => {
      const platform = await startPlatform(options)
      platform.state.users.set(ann.print, 'ann')
      return platform
    }
    await use({ folder, ann, start: startWithUser })
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
}

export type Fresh = { readonly ann: User; readonly platform: Platform; readonly copy: Copy }

/** Before each test of a file: a server that knows ann, and a copy of hers with one commit; all of it is deleted afterwards. */
export function freshCopies(use: (fresh: Fresh) => void): void {
  let given: WithUser
  let first: Copy
  let platform: Platform
  withUser(async (all) => {
    given = all
    first = await makeCopy(all.ann, join(all.folder, 'first'), { 'index.js': 'hello\n', 'lib/a.txt': 'a\n' })
  })
  beforeEach(async () => {
    const { ann } = given
    platform = await given.start()
    const copy = openCopy(ann, join(platform.folder, 'copy'), first.sha)
    await cp(first.folder, copy.folder, { recursive: true })
    use({ ann, platform, copy })
  })
  afterEach(() => platform.close())
}

/** The refs of an app's repository on the server, a line each. */
export async function refsOf({ folder }: Pick<Platform, 'folder'>, app = 'app'): Promise<string> {
  const repo = join(folder, 'repos', `${app}.git`)
  const list = ['--git-dir', repo, 'for-each-ref', '--format=%(objectname) %(refname)']
  return (await run('git', list, '/', { PATH: process.env['PATH'] ?? '' })).stdout
}

/** What the server said in a push, in lines. */
export function remoteLines(stderr: string): string[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('remote: '))
    .map((line) => line.slice('remote: '.length).trimEnd())
}

export function remote(platform: Platform, app: string): string {
  return `ssh://git@127.0.0.1:${platform.server.port}/${app}.git`
}

/** A promise that a test resolves by hand. */
export function deferred(): { readonly resolved: Promise<void>; resolve(): void } {
  let settle = (): void => {}
  const resolved = new Promise<void>((resolve) => {
    settle = resolve
  })
  return { resolved, resolve: () => settle() }
}
