// How is git run so that only its arguments and our own settings decide what it does?
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, pipeline, type Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { killAll, signalGroup, withVariable } from '@deis/machine/pid'

export type Git = {
  readonly program: string
  /** PATH of git and its hooks. */
  readonly path: string
  /** The folder of the repositories, with our git settings in it. */
  readonly folder: string
}

const home = '.home'

/** All variables that git gets; none of the controller's secrets. */
function environment(git: Git, extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const folder = join(git.folder, home)
  return {
    PATH: git.path,
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    GIT_CONFIG_GLOBAL: join(folder, '.gitconfig'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    LANG: 'C.UTF-8',
    // Limits a single allocation of git: a delta of a few bytes may expand to gigabytes.
    GIT_ALLOC_LIMIT: '1g',
    ...extra,
  }
}

// Found in the history of ordinary old projects and harmless to a server that never checks out; the dangerous
// messages (dot-git names, submodule tricks, unsorted or duplicate entries) stay errors.
export const tolerated: readonly string[] = [
  'zeroPaddedFilemode',
  'zeroPaddedDate',
  'missingSpaceBeforeDate',
  'badTimezone',
  'missingEmail',
]

function quote(value: string): string {
  if (/[\n\0]/.test(value)) throw new Error(`${JSON.stringify(value)} cannot be part of a git setting`)
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/**
 * Writes the settings for all repositories in one place, so that an upgrade reaches the existing ones.
 * They replace the user's and the system's, and count as the user's own: safe.directory is honoured.
 */
export async function writeSettings(git: Git, hooks: string, maxPackBytes: number): Promise<void> {
  const settings = [
    '[core]',
    `  hooksPath = ${quote(hooks)}`,
    // Larger files are never held in memory whole, neither when they arrive nor when they are archived.
    '  bigFileThreshold = 32m',
    '[pack]',
    // Each thread has caches of its own.
    '  threads = 1',
    '  windowMemory = 64m',
    '[safe]',
    '  directory = *',
    '[init]',
    '  defaultBranch = main',
    '[gc]',
    '  auto = 0',
    '[tar]',
    '  umask = 0022',
    '[transfer]',
    // Packs stay packs: a push is a few files however large it is.
    '  unpackLimit = 1',
    '[receive]',
    '  advertisePushOptions = true',
    // Repositories are maintained at times without pushes (repos.ts).
    '  autogc = false',
    // With --atomic a refused branch would hold back one that is already deployed.
    '  advertiseAtomic = false',
    '  denyDeleteCurrent = ignore',
    '  denyDeletes = false',
    '  denyNonFastForwards = false',
    '  fsckObjects = true',
    `  maxInputSize = ${Math.floor(maxPackBytes)}`,
    '  shallowUpdate = true',
    '[receive "fsck"]',
    ...tolerated.map((message) => `  ${message} = ignore`),
    '',
  ]
  const folder = join(git.folder, home)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, '.gitconfig')
  await writeFile(`${file}.new`, settings.join('\n'), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/**
 * Starts git as the leader of a process group, so that it can be ended with its hooks and helpers. `more`: descriptors from 3 on.
 * @throws when no descriptor is left; other failures are the child's event
 */
export function spawnGit(
  git: Git,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  more: readonly 'pipe'[] = [],
): ChildProcessWithoutNullStreams {
  const options = { env: environment(git, env), cwd: git.folder, detached: true }
  const child = spawn(git.program, [...args], { ...options, stdio: ['pipe', 'pipe', 'pipe', ...more] })
  // Without descriptors a child has no streams at all, and its event would come to nobody.
  if ((child.stdout as Readable | undefined) !== undefined) return child
  child.on('error', () => {})
  throw new Error('git could not be started: the controller has no file descriptors left (EMFILE)')
}

/** Ends git processes of a controller that was killed: their pushes cannot be decided any more, and they may hold locks. */
export async function killOrphans(git: Git): Promise<void> {
  await killAll(() => withVariable('HOME', join(git.folder, home)))
}

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
  /** Default: none. */
  readonly input?: Readable
}

export function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) signalGroup(child.pid, 'SIGKILL')
}

const longestErrors = 10_000

/** git's messages may contain text from elsewhere. */
async function errorsOf(stderr: Readable): Promise<string> {
  let errors = ''
  for await (const chunk of stderr.setEncoding('utf8') as AsyncIterable<string>)
    if (errors.length < longestErrors) errors += chunk.slice(0, longestErrors)
  return errors
}

/** Runs git to its end and returns its output. @throws Error with git's own message. */
export async function runGit(git: Git, args: readonly string[], options: RunOptions = {}): Promise<string> {
  options.signal?.throwIfAborted()
  const child = spawnGit(git, args, options.env)
  const { timeoutMs = 60_000 } = options
  let late = false
  const stop = (): void => killGroup(child)
  const deadline = setTimeout(() => {
    late = true
    stop()
  }, timeoutMs)
  options.signal?.addEventListener('abort', stop)
  const name = args.find((arg) => /^[a-z][a-z-]*$/.test(arg))
  try {
    // git may end before it has read everything; its end says why.
    if (options.input) pipeline(options.input, child.stdin, () => {})
    else child.stdin.on('error', stop).end()
    const [closed, stdout, stderr] = await Promise.all([
      once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
      text(child.stdout),
      errorsOf(child.stderr),
    ])
    options.signal?.throwIfAborted()
    if (closed[0] === 0) return stdout
    if (late) throw new Error(`git ${name} did not end within ${timeoutMs / 1000} s and was stopped`)
    throw new Error(`git ${name} failed: ${stderr.trim() || `ended with ${closed[1] ?? closed[0]}`}`)
  } finally {
    clearTimeout(deadline)
    options.signal?.removeEventListener('abort', stop)
  }
}

/** `env` makes objects in quarantine visible. */
export type Commit = { readonly repo: string; readonly sha: string; readonly env: Readonly<Record<string, string>> }

/** A commit's tree as a tar stream. */
export function archive(git: Git, commit: Commit, signal: AbortSignal): Readable {
  const tar = new PassThrough()
  let child: ChildProcessWithoutNullStreams
  try {
    child = spawnGit(git, [`--git-dir=${commit.repo}`, 'archive', '--format=tar', commit.sha], commit.env)
  } catch (error) {
    return tar.destroy(error as Error)
  }
  let errors = ''
  child.stdin.on('error', () => tar.destroy()).end()
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (errors.length < 4096) errors += text
  })
  child.stdout.pipe(tar, { end: false })
  child.on('error', (error) => tar.destroy(new Error(`git archive failed: ${error.message}`, { cause: error })))
  child.on('close', (code, killedBy) => {
    signal.removeEventListener('abort', abort)
    // The end of the data does not prove that it is complete: only git's exit code does.
    if (code === 0) tar.end()
    else tar.destroy(new Error(`git archive failed: ${errors.trim() || `ended with ${killedBy ?? code}`}`))
  })
  const abort = (): void => {
    tar.destroy(signal.reason instanceof Error ? signal.reason : new Error('cancelled'))
  }
  tar.on('close', () => killGroup(child))
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return tar
}
