// How many connections may clients keep open, and which one is closed for a new one?
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { clientOf } from './guesses.ts'

export type ConnectionLimits = {
  readonly perAddress: number
  readonly total: number
  /** A proxy stands for many clients, so its connections count in the total only. */
  readonly isProxy: (address: string) => boolean
}

/** All connections, or those of one address; `idle` in the order in which they became so. */
type Group = { readonly limit: number; readonly connections: Set<Connection>; readonly idle: Set<Connection> }
type Connection = {
  readonly socket: Socket
  readonly groups: readonly Group[]
  /** Those that are not wholly sent, each with what it answers. */
  readonly answers: Map<ServerResponse, IncomingMessage>
  isUpgraded: boolean
  remove(): void
}

const groupOf = (limit: number): Group => ({ limit, connections: new Set(), idle: new Set() })

/** Those with a request that is being answered, and what became a WebSocket: never closed for a new one. */
const busyOf = ({ connections, idle }: Group): number => connections.size - idle.size

/** Only the client delays it, by not taking answers or by sending a body slowly: such a connection may be closed. */
const isHeldUp = ({ answers }: Connection): boolean =>
  answers.size > 0 && [...answers].every(([{ writableEnded }, { complete }]) => writableEnded || !complete)

function firstToClose({ connections, idle }: Group): Connection | undefined {
  const [oldest] = idle
  if (oldest) return oldest
  for (const connection of connections) if (isHeldUp(connection)) return connection
  return undefined
}

function refuse(response: ServerResponse): void {
  const detail = 'Too many requests are in progress, from your address or in total. Try again in a moment.'
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1', connection: 'close' })
  response.end(JSON.stringify({ detail }))
}

/**
 * Limits a server's connections. One too many closes the one that has been idle for longest or has not sent a request yet,
 * else one whose client takes no answers or does not finish its request. Where all are busy, the request is refused.
 * Returns a function that is called with each request, and returns whether it refused it.
 */
export function boundConnections(
  server: Server,
  { perAddress, total, isProxy }: ConnectionLimits,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const all = groupOf(total)
  const addresses = new Map<string, Group>()
  const known = new WeakMap<Socket, Connection>()
  const groupsOf = (socket: Socket): Group[] => {
    const address = socket.remoteAddress ?? ''
    if (isProxy(address)) return [all]
    const client = clientOf(address)
    const group = addresses.get(client) ?? groupOf(perAddress)
    addresses.set(client, group)
    socket.once('close', () => {
      if (group.connections.size === 0) addresses.delete(client)
    })
    return [group, all]
  }
  const markIdle = (connection: Connection): void => {
    connection.isUpgraded = false
    for (const { idle } of connection.groups) idle.add(connection)
  }
  const markBusy = (connection: Connection): void => {
    for (const { idle } of connection.groups) idle.delete(connection)
  }
  const accept = (socket: Socket): void => {
    let isOpen = true
    const remove = (): void => {
      if (!isOpen) return
      isOpen = false
      for (const group of connection.groups) {
        group.idle.delete(connection)
        group.connections.delete(connection)
      }
    }
    const connection: Connection = { socket, groups: groupsOf(socket), answers: new Map(), isUpgraded: false, remove }
    known.set(socket, connection)
    socket.prependOnceListener('close', remove)
    for (const group of connection.groups) {
      const other = group.connections.size < group.limit ? undefined : firstToClose(group)
      other?.remove()
      other?.socket.destroy()
    }
    for (const group of connection.groups) group.connections.add(connection)
    markIdle(connection)
  }
  server.on('connection', (socket: Socket) => {
    const before = known.get(socket)
    // Returned to the server after an upgrade that is not offered.
    if (before) markIdle(before)
    else accept(socket)
  })
  server.on('upgrade', ({ socket }: IncomingMessage) => {
    const connection = known.get(socket)
    if (!connection) return
    connection.isUpgraded = true
    markBusy(connection)
  })
  return (request, response) => {
    const connection = known.get(request.socket)
    if (connection === undefined) return false
    markBusy(connection)
    connection.answers.set(response, request)
    response.once('close', () => {
      connection.answers.delete(response)
      if (connection.answers.size === 0 && !connection.isUpgraded && !connection.socket.destroyed) markIdle(connection)
    })
    // Health checks must not fail because of other clients.
    if (
      request.url === '/healthz' ||
      request.url === '/readiness' ||
      connection.groups.every((group) => busyOf(group) <= group.limit)
    )
      return false
    refuse(response)
    return true
  }
}
