// Which ssh connections are accepted, how long may they stay without a proven key, and what may they do after that?
import { once, setMaxListeners } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { AuthContext, Connection, Server as SshServer } from 'ssh2'
import { verify } from './auth.ts'
import type { GitServerDeps, Limits } from '../port.ts'
import type { Serving } from '../push/serve.ts'
import { openSession } from './session.ts'

type Client = {
  readonly socket: Socket
  readonly address: string
  /** Its key is proven, or it is closed: it no longer counts as waiting. */
  settle(): void
  /** Its first command has begun, or it is closed. */
  readonly begun: Promise<void>
  begin(): void
}

export type SshListener = {
  readonly server: Server
  /** Work of sessions that has not ended. */
  readonly work: ReadonlySet<Promise<void>>
  /** Accepts no more connections, and resolves when each accepted one has begun its first command, or is closed. */
  stopAccepting(): Promise<void>
  /** Stops accepting connections and ends all of them. */
  close(): Promise<void>
}

const closeMs = 2000

// ssh2 exposes the address and port of a connection, not its socket.
function nameOf(address: string | undefined, port: number | undefined): string {
  return `${address}:${port}`
}

/** Ends the connection that has waited longest without a proven key: a real client needs a second, and idle ones must not block others. */
function freeSlot(unproven: ReadonlySet<Client>, address: string, limits: Limits, full: boolean): void {
  const end = (client: Client | undefined): void => {
    client?.settle()
    client?.socket.destroy()
  }
  // A set is in the order of arrival.
  const mine = [...unproven].filter((client) => client.address === address)
  if (mine.length >= limits.unauthenticatedPerAddress) end(mine[0])
  else if (full || unproven.size >= limits.unauthenticated) end([...unproven][0])
}

/** Counts sockets and passes them to ssh2, which itself has neither deadlines nor limits. */
function createListener(ssh: SshServer, limits: Limits, clients: Map<string, Client>): Server {
  const unproven = new Set<Client>()
  return createServer((socket) => {
    // 'close' follows a reset.
    socket.on('error', () => socket.destroy())
    const address = socket.remoteAddress ?? ''
    const full = clients.size >= limits.connections
    if (full && unproven.size === 0) {
      socket.end('Too many connections: try again in a moment\r\n')
      socket.setTimeout(5000, () => socket.destroy())
      return
    }
    freeSlot(unproven, address, limits, full)
    const deadline = setTimeout(() => socket.destroy(), limits.authMs)
    let begin = (): void => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const client: Client = {
      socket,
      address,
      begun,
      begin: () => begin(),
      settle() {
        clearTimeout(deadline)
        unproven.delete(client)
      },
    }
    unproven.add(client)
    const name = nameOf(socket.remoteAddress, socket.remotePort)
    // Two streams of each session wait for the socket to drain.
    socket.setMaxListeners(0)
    socket.setNoDelay(true)
    clients.set(name, client)
    socket.once('close', () => {
      client.settle()
      client.begin()
      clients.delete(name)
    })
    ssh.injectSocket(socket)
  })
}

/** Checks keys until one is proven; calls back with its owner. */
function authenticate(
  connection: Connection,
  client: Client,
  deps: GitServerDeps,
  limits: Limits,
  onUser: (username: string) => void,
): void {
  let refusals = 0
  // Each query costs a look-up, and a client needs no more than one per key.
  let attempts = 0
  const decide = async (attempt: AuthContext): Promise<void> => {
    const verdict = await verify(attempt, (print) => deps.identify(print))
    // ssh2 handles attempts one after the other; if it ever did not, the first proof would count.
    if (connection.authenticated) return
    if (verdict.kind === 'proven') onUser(verdict.username)
    if (verdict.kind !== 'rejected') attempt.accept()
    // Clients first ask which methods there are.
    else if (attempt.method === 'none' || ++refusals < limits.authTries) attempt.reject(['publickey'])
    else connection.end()
  }
  connection.on('authentication', (attempt) => {
    if (++attempts > limits.authTries * 3) {
      connection.end()
      return
    }
    decide(attempt).catch((error: unknown) => {
      deps.log('error', 'ssh key could not be checked', { address: client.address, error })
      client.socket.destroy()
    })
  })
}

function serve(connection: Connection, client: Client, to: Serving, work: Set<Promise<void>>): void {
  const { deps, limits } = to
  const { socket } = client
  const gone = new AbortController()
  // Each session adds a listener.
  setMaxListeners(0, gone.signal)
  const disconnected = (): void => gone.abort()
  connection.on('error', (error) => {
    deps.log('debug', 'ssh connection failed', { address: client.address, error: error.message })
    disconnected()
    socket.destroy()
  })
  connection.on('end', disconnected).on('close', disconnected)
  let username: string | null = null
  authenticate(connection, client, deps, limits, (proven) => {
    username = proven
  })
  let sessions = 0
  let running = 0
  const idle = setInterval(() => {
    if (running === 0 && connection.authenticated) connection.end()
  }, limits.idleMs)
  gone.signal.addEventListener('abort', () => clearInterval(idle))
  connection.once('ready', () => client.settle())
  connection.on('session', (accept, reject) => {
    if (username === null || sessions >= limits.sessionsPerConnection) return reject()
    sessions++
    idle.refresh()
    const session = accept()
    session.on('close', () => {
      sessions--
    })
    openSession(session, { username, socket, gone: gone.signal }, to, (job) => {
      client.begin()
      running++
      const done = job.finally(() => {
        running--
        idle.refresh()
        work.delete(done)
      })
      work.add(done)
    })
  })
}

/** Everything between a TCP connection and a session of a known user. */
export function openListener(ssh: SshServer, to: Serving): SshListener {
  const clients = new Map<string, Client>()
  const connections = new Set<Connection>()
  const work = new Set<Promise<void>>()
  ssh.on('connection', (connection, info) => {
    const client = clients.get(nameOf(info.ip, info.port))
    if (!client) {
      connection.on('error', () => {}).end()
      return
    }
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
    serve(connection, client, to, work)
  })
  const server = createListener(ssh, to.limits, clients)
  let closed: Promise<unknown> | null = null
  const stop = (): void => {
    if (!server.listening) return
    closed = once(server, 'close')
    server.close()
  }
  return {
    server,
    work,
    async stopAccepting() {
      stop()
      await Promise.all([...clients.values()].map(({ begun }) => begun))
    },
    async close() {
      for (const connection of connections) connection.end()
      for (const { socket } of clients.values()) socket.destroySoon()
      stop()
      // For a client that does not even read the end of the connection.
      const late = setTimeout(() => {
        for (const { socket } of clients.values()) socket.destroy()
      }, closeMs)
      await closed
      clearTimeout(late)
    },
  }
}
