// How many connections may clients keep open, and which one makes room for another?
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { clientOf } from './guesses.ts'

export type ConnectionLimits = {
  readonly perAddress: number
  readonly total: number
  /** Of many clients: only counted among all. */
  readonly isProxy: (address: string) => boolean
}

/** All connections, or those of one address; `idle` in the order in which they became so. */
type Group = { readonly limit: number; readonly guests: Set<Guest>; readonly idle: Set<Guest> }
type Guest = {
  readonly socket: Socket
  readonly groups: readonly Group[]
  /** Those that are not wholly sent, each with what it answers. */
  readonly answers: Map<ServerResponse, IncomingMessage>
  isUpgraded: boolean
  leave(): void
}

const groupOf = (limit: number): Group => ({ limit, guests: new Set(), idle: new Set() })

/** Those with a request that is being answered, and what became a WebSocket: never closed to make room. */
const busyOf = ({ guests, idle }: Group): number => guests.size - idle.size

/** Only the client holds it up, by not taking answers or by sending a body slowly: nobody can keep a place so. */
const isHeldUp = ({ answers }: Guest): boolean =>
  answers.size > 0 && [...answers].every(([{ writableEnded }, { complete }]) => writableEnded || !complete)

function firstToGo({ guests, idle }: Group): Guest | undefined {
  const [oldest] = idle
  if (oldest) return oldest
  for (const guest of guests) if (isHeldUp(guest)) return guest
  return undefined
}

function refuse(response: ServerResponse): void {
  const detail = 'Too many requests are being answered for your address, or in all: try again in a moment.'
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1', connection: 'close' })
  response.end(JSON.stringify({ detail }))
}

/**
 * Looks after a server. One connection too many ends the one that is idle for longest, or has not said yet what it wants;
 * else one whose client takes no answers or does not end its request; where all are busy, its request is refused. Returns what sees each request, and
 * says whether it refused it.
 */
export function boundConnections(
  server: Server,
  { perAddress, total, isProxy }: ConnectionLimits,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const everybody = groupOf(total)
  const addresses = new Map<string, Group>()
  const guests = new WeakMap<Socket, Guest>()
  const groupsOf = (socket: Socket): Group[] => {
    const address = socket.remoteAddress ?? ''
    if (isProxy(address)) return [everybody]
    const client = clientOf(address)
    const group = addresses.get(client) ?? groupOf(perAddress)
    addresses.set(client, group)
    socket.once('close', () => {
      if (group.guests.size === 0) addresses.delete(client)
    })
    return [group, everybody]
  }
  const rest = (guest: Guest): void => {
    guest.isUpgraded = false
    for (const { idle } of guest.groups) idle.add(guest)
  }
  const work = (guest: Guest): void => {
    for (const { idle } of guest.groups) idle.delete(guest)
  }
  const enter = (socket: Socket): void => {
    let isHere = true
    const leave = (): void => {
      if (!isHere) return
      isHere = false
      for (const group of guest.groups) {
        group.idle.delete(guest)
        group.guests.delete(guest)
      }
    }
    const guest: Guest = { socket, groups: groupsOf(socket), answers: new Map(), isUpgraded: false, leave }
    guests.set(socket, guest)
    socket.prependOnceListener('close', leave)
    for (const group of guest.groups) {
      const other = group.guests.size < group.limit ? undefined : firstToGo(group)
      other?.leave()
      other?.socket.destroy()
    }
    for (const group of guest.groups) group.guests.add(guest)
    rest(guest)
  }
  server.on('connection', (socket: Socket) => {
    const known = guests.get(socket)
    // Given back by who would have upgraded it.
    if (known) rest(known)
    else enter(socket)
  })
  server.on('upgrade', ({ socket }: IncomingMessage) => {
    const guest = guests.get(socket)
    if (!guest) return
    guest.isUpgraded = true
    work(guest)
  })
  return (request, response) => {
    const guest = guests.get(request.socket)
    if (guest === undefined) return false
    work(guest)
    guest.answers.set(response, request)
    response.once('close', () => {
      guest.answers.delete(response)
      if (guest.answers.size === 0 && !guest.isUpgraded && !guest.socket.destroyed) rest(guest)
    })
    // Whoever asks whether the controller lives must not take it for dead.
    if (
      request.url === '/healthz' ||
      request.url === '/readiness' ||
      guest.groups.every((group) => busyOf(group) <= group.limit)
    )
      return false
    refuse(response)
    return true
  }
}
