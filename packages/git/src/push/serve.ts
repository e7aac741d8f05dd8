// What may a client of git do, whichever way it came? One fetch or one push of one app.
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { stopGroup } from '@deis/machine/pid'
import { spawnGit } from '../git.ts'
import { answerHook } from './hooks.ts'
import { clearLeft, ensureRepo, pointHead } from '../repos.ts'
import { announcements } from './announced.ts'
import type { OngoingPush } from './pushes.ts'
import { decide, type Receiving, refusalsFile } from './receive.ts'

export type Serving = Receiving & {
  /** Aborted when everything that still runs has to end. */
  readonly stopping: AbortSignal
  isClosing(): boolean
}

export type Service = 'git-receive-pack' | 'git-upload-pack'

export type GitCall = {
  readonly service: Service
  readonly app: string
  /** What the client says of versions; only fetches have several. */
  readonly protocol: string | undefined
  /** Over HTTP each request is a process of git: what refs there are, or one exchange. */
  readonly step?: 'refs' | 'exchange'
}

export type Patience = { readonly idleMs: number; readonly stalledMs: number; isBusy(): boolean }

/** Who asks, and from where; null: gone by now. */
export type GitUser = { readonly username: string; readonly address: string | null }

export type GitClient = {
  /** Aborted when the client cannot be reached any more. */
  readonly gone: AbortSignal
  /** For the user, beside what git itself says. */
  warn(text: string): void
  /** Joins client and git until git has ended. What the client sends goes through `check`. @returns git's exit code */
  attach(child: ChildProcessWithoutNullStreams, patience: Patience, check?: Duplex): Promise<number>
}

/** The user may read why. */
export class Refused extends Error {
  readonly kind: 'no app' | 'forbidden' | 'busy'

  constructor(kind: Refused['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** What a user reads of other errors. */
export const ownFailure = 'The platform failed to do this, for a reason of its own: try again in a moment'

// A cancelled deploy gets this long before its git process is stopped.
const cancelMs = 10_000

/** Ends the whole process group; only while the process has not closed its output. */
export function stop(child: ChildProcessWithoutNullStreams, graceMs: number): void {
  if (child.pid === undefined) return
  // Processes of our own user can always be signalled, and ended ones do not matter.
  stopGroup(child.pid, graceMs).catch(() => {})
}

async function checkPermission(to: Serving, username: string, call: GitCall): Promise<void> {
  const permission = await to.deps.authorize(username, call.app)
  if (permission === 'ok') return
  if (permission === 'no app') throw new Refused('no app', `App ${call.app} does not exist`)
  if (permission === 'busy') throw new Refused('busy', `App ${call.app} is being renamed: try again in a moment`)
  const doing = call.service === 'git-receive-pack' ? 'push to' : 'fetch from'
  throw new Refused('forbidden', `You do not have permission to ${doing} ${call.app}`)
}

const flagsOf = ({ step }: GitCall): string[] =>
  step === undefined ? [] : ['--stateless-rpc', ...(step === 'refs' ? ['--advertise-refs'] : [])]

/** Reads only: ends with its client, or with the server. */
async function read(to: Serving, client: GitClient, call: GitCall, args: readonly string[]): Promise<number> {
  const repo = await ensureRepo(to.git, call.app)
  const env: Record<string, string> = call.protocol === undefined ? {} : { GIT_PROTOCOL: call.protocol }
  if (client.gone.aborted) return 1
  const child = spawnGit(to.git, [...args, ...flagsOf(call), '--', repo], env)
  const end = (): void => stop(child, 5000)
  to.stopping.addEventListener('abort', end)
  client.gone.addEventListener('abort', end)
  try {
    return await client.attach(child, { ...to.limits, isBusy: () => false })
  } finally {
    to.stopping.removeEventListener('abort', end)
    client.gone.removeEventListener('abort', end)
  }
}

/** Makes clones check out what is deployed. */
async function followHead(repo: string, ref: string | null): Promise<void> {
  if (!ref?.startsWith('refs/heads/')) return
  const head = await readFile(join(repo, 'HEAD'), 'utf8')
  if (head.trim() !== `ref: ${ref}`) await pointHead(repo, ref)
}

async function receive(to: Serving, client: GitClient, call: GitCall, push: OngoingPush): Promise<number> {
  const repo = await ensureRepo(to.git, call.app)
  await clearLeft(repo, to.started)
  if (client.gone.aborted || push.cancel.signal.aborted) return 1
  const refusals = refusalsFile(to.runFolder, push)
  const args = ['receive-pack', ...flagsOf(call), '--', repo]
  const child = spawnGit(to.git, args, { DEIS_HOOK_REFUSALS: refusals }, ['pipe'])
  answerHook(child, (asked) => decide(to, push, asked))
  // The client waits for git, not for what is prepared for the build.
  to.deps.expectPush()
  let killing: NodeJS.Timeout | undefined
  const cancelled = (): void => {
    // A deploy reports by itself, through the hook, why it ends; before it there is only git to stop.
    if (!push.deploying) client.warn(`${(push.cancel.signal.reason as Error).message}\n`)
    killing = setTimeout(() => stop(child, 5000), push.deploying ? cancelMs : 0)
  }
  push.cancel.signal.addEventListener('abort', cancelled)
  try {
    const patience = { ...to.limits, isBusy: () => push.deploying !== null }
    const code = await client.attach(child, patience, announcements()).finally(() => {
      // From then on the number of its group may be another program's.
      push.cancel.signal.removeEventListener('abort', cancelled)
      clearTimeout(killing)
    })
    await push.deploying
    if (code === 0) await followHead(repo, push.deployed)
    return code
  } finally {
    await rm(refusals, { force: true })
  }
}

const busy = (): Refused => new Refused('busy', 'Another git push is ongoing')

/** @returns git's exit code. @throws Refused */
export async function serveGit(to: Serving, client: GitClient, user: GitUser, call: GitCall): Promise<number> {
  const { username, address } = user
  if (to.isClosing()) throw new Refused('busy', 'The platform is shutting down: try again in a moment')
  await checkPermission(to, username, call)
  if (call.service === 'git-upload-pack') return read(to, client, call, ['upload-pack', '--strict'])
  if (call.step === 'refs') {
    // The push itself follows in another request; this one can already say that it would be refused.
    if (to.pushes.of(call.app) !== undefined) throw busy()
    return read(to, client, call, ['receive-pack'])
  }
  const push = to.pushes.begin({ app: call.app, username, address })
  if (!push) throw busy()
  try {
    // Once more under the lock: an app that is destroyed is first gone for authorize, and then its pushes are cancelled.
    await checkPermission(to, username, call)
    return await receive(to, client, call, push)
  } finally {
    to.pushes.end(push)
  }
}
