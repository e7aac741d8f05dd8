// What may one ssh session do? One git command on one app, or nothing.
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Socket } from 'node:net'
import type { ServerChannel, Session } from 'ssh2'
import { announcements } from '../push/announced.ts'
import { attach, type Client, finish, say, stop } from './channel.ts'
import { errorPacket, parseCommand, type Service } from './command.ts'
import { spawnGit } from '../git.ts'
import type { OngoingPush } from '../push/pushes.ts'
import { type Receiving, refusalsFile } from '../push/receive.ts'
import { clearLeft, ensureRepo, pointHead } from '../repos.ts'

export type Serving = Receiving & {
  readonly hookSocket: string
  /** Aborted when everything that still runs has to end. */
  readonly stopping: AbortSignal
  isClosing(): boolean
}

export type Peer = {
  readonly username: string
  readonly socket: Socket
  /** Aborted when the connection is down. */
  readonly gone: AbortSignal
}

/** A refusal that git shows as `fatal: remote error: …`. */
class Refused extends Error {}

type GitCall = { readonly service: Service; readonly app: string; readonly protocol: string | undefined }

// A cancelled deploy gets this long before its git process is stopped.
const cancelMs = 10_000
const closeMs = 2000

async function checkPermission(to: Serving, username: string, call: GitCall): Promise<void> {
  const permission = await to.deps.authorize(username, call.app)
  if (permission === 'ok') return
  if (permission === 'no app') throw new Refused(`App ${call.app} does not exist`)
  const doing = call.service === 'git-receive-pack' ? 'push to' : 'fetch from'
  throw new Refused(`You do not have permission to ${doing} ${call.app}`)
}

async function fetch(to: Serving, client: Client, call: GitCall): Promise<number> {
  const repo = await ensureRepo(to.git, call.app)
  const env: Record<string, string> = call.protocol === undefined ? {} : { GIT_PROTOCOL: call.protocol }
  if (client.gone.aborted) return 1
  const child = spawnGit(to.git, ['upload-pack', '--strict', '--', repo], env)
  const end = (): void => stop(child, 5000)
  to.stopping.addEventListener('abort', end)
  client.gone.addEventListener('abort', end)
  try {
    return await attach(client, child, { ...to.limits, isBusy: () => false })
  } finally {
    to.stopping.removeEventListener('abort', end)
    client.gone.removeEventListener('abort', end)
  }
}

/** Makes clones check out what is deployed. */
async function followHead(to: Serving, repo: string, ref: string | null): Promise<void> {
  if (!ref?.startsWith('refs/heads/')) return
  const head = await readFile(join(repo, 'HEAD'), 'utf8')
  if (head.trim() !== `ref: ${ref}`) await pointHead(to.git, repo, ref)
}

async function receive(to: Serving, client: Client, call: GitCall, push: OngoingPush): Promise<number> {
  const repo = await ensureRepo(to.git, call.app)
  await clearLeft(repo, to.started)
  if (client.gone.aborted || push.cancel.signal.aborted) return 1
  const refusals = refusalsFile(to.runFolder, push.token)
  const child = spawnGit(to.git, ['receive-pack', '--', repo], {
    DEIS_HOOK_SOCKET: to.hookSocket,
    DEIS_HOOK_TOKEN: push.token,
    DEIS_HOOK_REFUSALS: refusals,
  })
  let killing: NodeJS.Timeout | undefined
  push.cancel.signal.addEventListener('abort', () => {
    // A deploy reports by itself, through the hook, why it ends; before it there is only git to stop.
    if (!push.deploying) say(client, 'stderr', `${(push.cancel.signal.reason as Error).message}\n`)
    killing = setTimeout(() => stop(child, 5000), push.deploying ? cancelMs : 0)
  })
  try {
    const time = { ...to.limits, isBusy: () => push.deploying !== null }
    const code = await attach(client, child, time, announcements())
    await push.deploying
    if (code === 0) await followHead(to, repo, push.deployed)
    return code
  } finally {
    clearTimeout(killing)
    await rm(refusals, { force: true })
  }
}

async function serveGit(to: Serving, client: Client, username: string, call: GitCall): Promise<number> {
  if (to.isClosing()) throw new Refused('The platform is shutting down: try again in a moment')
  await checkPermission(to, username, call)
  if (call.service === 'git-upload-pack') return fetch(to, client, call)
  const push = to.pushes.begin({ app: call.app, username })
  if (!push) throw new Refused('Another git push is ongoing')
  try {
    // Once more under the lock: an app that is destroyed is first gone for authorize, and then its pushes are cancelled.
    await checkPermission(to, username, call)
    to.deps.expectPush()
    return await receive(to, client, call, push)
  } finally {
    to.pushes.end(push)
  }
}

async function run(to: Serving, client: Client, peer: Peer, command: string, protocol?: string): Promise<void> {
  const request = parseCommand(command)
  if (request.kind === 'ping') {
    say(client, 'stdout', 'pong')
    return finish(client, 0)
  }
  if (request.kind === 'refused') {
    say(client, 'stderr', `${request.text}\n`)
    return finish(client, 1)
  }
  const { app, service } = request
  const started = Date.now()
  let code = 1
  try {
    code = await serveGit(to, client, peer.username, { app, service, protocol })
  } catch (error) {
    const refused = error instanceof Refused
    if (!refused) to.deps.log('error', 'git session failed', { app, service, username: peer.username, error })
    const text = refused
      ? error.message
      : 'The platform failed to do this, for a reason of its own: try again in a moment'
    say(client, 'stdout', errorPacket(text))
  }
  to.deps.log('info', 'git session', { app, service, username: peer.username, code, ms: Date.now() - started })
  finish(client, code)
}

/** Resolves when the client has read everything, or left: OpenSSH drops what it has not read when a connection is ended. */
function delivered(client: Client): Promise<void> {
  return new Promise((resolve) => {
    if (client.gone.aborted) return resolve()
    const late = setTimeout(resolve, closeMs)
    client.gone.addEventListener('abort', () => {
      clearTimeout(late)
      resolve()
    })
  })
}

/** Handles the requests of a session; ssh2 refuses everything without a listener here: pty, subsystems, agent, X11. */
export function openSession(session: Session, peer: Peer, to: Serving, onWork: (work: Promise<void>) => void): void {
  let protocol: string | undefined
  const closed = new AbortController()
  session.on('close', () => closed.abort())
  const clientOf = (channel: ServerChannel): Client => {
    // ssh2 reports errors here when a connection is closed in the middle of a write.
    channel.on('error', () => peer.socket.destroy())
    channel.stderr.on('error', () => peer.socket.destroy())
    const forget = (): void => {
      // ssh2 does not do this, and then throws from a later read or end because it tries to notify the client.
      ;(channel as unknown as { outgoing: { state: string } }).outgoing.state = 'closed'
    }
    peer.gone.addEventListener('abort', forget, { signal: closed.signal })
    return { channel, socket: peer.socket, gone: AbortSignal.any([peer.gone, closed.signal]) }
  }
  session.on('env', (accept, reject, { key, val }) => {
    // Both are undefined when the client wants no reply.
    if (key !== 'GIT_PROTOCOL' || !/^version=[0-2]$/.test(val)) return (reject as (() => void) | undefined)?.()
    protocol = val
    ;(accept as (() => void) | undefined)?.()
  })
  session.once('exec', (accept, _reject, { command }) => {
    session.removeAllListeners('shell')
    const client = clientOf(accept())
    onWork(run(to, client, peer, command, protocol).then(() => delivered(client)))
  })
  session.once('shell', (accept) => {
    session.removeAllListeners('exec')
    const client = clientOf(accept())
    say(client, 'stdout', `Hi ${peer.username}! There is no shell here: use git push and git fetch.\r\n`)
    finish(client, 1)
    onWork(delivered(client))
  })
}
