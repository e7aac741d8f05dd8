// What may one ssh session do? One git command on one app, or nothing.
import type { Socket } from 'node:net'
import type { ServerChannel, Session } from 'ssh2'
import { attach, type Client, finish, say } from './channel.ts'
import { parseCommand } from './command.ts'
import { errorPacket } from '../push/packets.ts'
import { type GitClient, ownFailure, Refused, serveGit, type Serving } from '../push/serve.ts'

export type Peer = {
  readonly username: string
  readonly socket: Socket
  /** Aborted when the connection is down. */
  readonly gone: AbortSignal
}

const closeMs = 2000

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
    const git: GitClient = {
      gone: client.gone,
      warn: (text) => say(client, 'stderr', text),
      attach: (child, patience, check) => attach(client, child, patience, check),
    }
    const user = { username: peer.username, address: peer.socket.remoteAddress ?? null }
    code = await serveGit(to, git, user, { app, service, protocol })
  } catch (error) {
    const refused = error instanceof Refused
    if (!refused) to.deps.log('error', 'git session failed', { app, service, username: peer.username, error })
    say(client, 'stdout', errorPacket(refused ? error.message : ownFailure))
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
