// Who may connect, for how long without a proven key, and what may a connection do afterwards?
import { once, setMaxListeners } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { AuthContext, Connection, Server as SshServer } from 'ssh2'
import { judge } from './auth.ts'
import type { GitServerDeps, Limits } from '../port.ts'
import { openSession, type Serving } from './session.ts'

type Guest = {
  readonly socket: Socket
  readonly address: string
  /** Its key is proven, or it is gone: it no longer counts among those that wait. */
  welcome(): void
}

export type Door = {
  readonly listener: Server
  /** Work of sessions that has not ended. */
  readonly work: ReadonlySet<Promise<void>>
  /** Lets nobody in and ends all connections. */
  close(): Promise<void>
}

const goodbyeMs = 2000

// ssh2 tells address and port of a connection, not its socket.
function nameOf(address: string | undefined, port: number | undefined): string {
  return `${address}:${port}`
}

/** Ends who has waited longest without a proven key: whoever means it needs a second, and idlers must not keep others out. */
function makeRoom(unproven: ReadonlySet<Guest>, address: string, limits: Limits, full: boolean): void {
  const end = (guest: Guest | undefined): void => {
    guest?.welcome()
    guest?.socket.destroy()
  }
  // A set is in the order of arrival.
  const mine = [...unproven].filter((guest) => guest.address === address)
  if (mine.length >= limits.unauthenticatedPerAddress) end(mine[0])
  else if (full || unproven.size >= limits.unauthenticated) end([...unproven][0])
}

/** Counts sockets and hands them to ssh2, which itself knows neither deadlines nor limits. */
function createListener(ssh: SshServer, limits: Limits, guests: Map<string, Guest>): Server {
  const unproven = new Set<Guest>()
  return createServer((socket) => {
    // A reset connection is seen by 'close'.
    socket.on('error', () => socket.destroy())
    const address = socket.remoteAddress ?? ''
    const full = guests.size >= limits.connections
    if (full && unproven.size === 0) {
      socket.end('Too many connections: try again in a moment\r\n')
      socket.setTimeout(5000, () => socket.destroy())
      return
    }
    makeRoom(unproven, address, limits, full)
    const deadline = setTimeout(() => socket.destroy(), limits.authMs)
    const guest: Guest = {
      socket,
      address,
      welcome() {
        clearTimeout(deadline)
        unproven.delete(guest)
      },
    }
    unproven.add(guest)
    const name = nameOf(socket.remoteAddress, socket.remotePort)
    // Each session's two streams listen for room in the socket.
    socket.setMaxListeners(0)
    socket.setNoDelay(true)
    guests.set(name, guest)
    socket.once('close', () => {
      guest.welcome()
      guests.delete(name)
    })
    ssh.injectSocket(socket)
  })
}

/** Judges keys until one is proven; calls back with its owner. */
function authenticate(
  connection: Connection,
  guest: Guest,
  deps: GitServerDeps,
  limits: Limits,
  onUser: (username: string) => void,
): void {
  let refusals = 0
  // Queries cost a look-up each, and one needs no more than one a key.
  let attempts = 0
  const decide = async (attempt: AuthContext): Promise<void> => {
    const verdict = await judge(attempt, (print) => deps.identify(print))
    // ssh2 judges attempts one after the other; were it ever not so, the first proof would stand.
    if (connection.authenticated) return
    if (verdict.kind === 'proven') onUser(verdict.username)
    if (verdict.kind !== 'rejected') attempt.accept()
    // The first thing clients do is to ask what there is.
    else if (attempt.method === 'none' || ++refusals < limits.authTries) attempt.reject(['publickey'])
    else connection.end()
  }
  connection.on('authentication', (attempt) => {
    if (++attempts > limits.authTries * 3) {
      connection.end()
      return
    }
    decide(attempt).catch((error: unknown) => {
      deps.log('error', 'ssh key could not be checked', { address: guest.address, error })
      guest.socket.destroy()
    })
  })
}

function serve(connection: Connection, guest: Guest, to: Serving, work: Set<Promise<void>>): void {
  const { deps, limits } = to
  const { socket } = guest
  const gone = new AbortController()
  // Each session listens.
  setMaxListeners(0, gone.signal)
  const leave = (): void => gone.abort()
  connection.on('error', (error) => {
    deps.log('debug', 'ssh connection failed', { address: guest.address, error: error.message })
    leave()
    socket.destroy()
  })
  connection.on('end', leave).on('close', leave)
  let username: string | null = null
  authenticate(connection, guest, deps, limits, (proven) => {
    username = proven
  })
  let sessions = 0
  let running = 0
  const idle = setInterval(() => {
    if (running === 0 && connection.authenticated) connection.end()
  }, limits.idleMs)
  gone.signal.addEventListener('abort', () => clearInterval(idle))
  connection.once('ready', () => guest.welcome())
  connection.on('session', (accept, reject) => {
    if (username === null || sessions >= limits.sessionsPerConnection) return reject()
    sessions++
    idle.refresh()
    const session = accept()
    session.on('close', () => {
      sessions--
    })
    openSession(session, { username, socket, gone: gone.signal }, to, (job) => {
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
export function openDoor(ssh: SshServer, to: Serving): Door {
  const guests = new Map<string, Guest>()
  const connections = new Set<Connection>()
  const work = new Set<Promise<void>>()
  ssh.on('connection', (connection, info) => {
    const guest = guests.get(nameOf(info.ip, info.port))
    if (!guest) {
      connection.on('error', () => {}).end()
      return
    }
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
    serve(connection, guest, to, work)
  })
  const listener = createListener(ssh, to.limits, guests)
  return {
    listener,
    work,
    async close() {
      for (const connection of connections) connection.end()
      for (const { socket } of guests.values()) socket.destroySoon()
      if (!listener.listening) return
      const closed = once(listener, 'close')
      listener.close()
      // Somebody who does not even take the goodbye.
      const impatience = setTimeout(() => {
        for (const { socket } of guests.values()) socket.destroy()
      }, goodbyeMs)
      await closed
      clearTimeout(impatience)
    },
  }
}
