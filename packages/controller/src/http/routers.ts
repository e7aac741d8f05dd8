// How does a router follow the route table: who may, and what is said (types/src/channel.ts)?
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { messageOf, type RouteEvent, RouterState } from '@deis/types'
import { channelOf, greeting, isNonce, newNonce, nonceHeader, routesPath, routesProtocol } from '@deis/types/channel'
import { linesOf } from '@deis/types/lines'
import { Check } from 'typebox/value'
import type { Core } from '../domain/core.ts'

/** Far below the router's patience of 15 s; each is answered. */
const pingMs = 5_000
/** Without a word of a router: it is gone, whatever its connection says. */
const silenceMs = 15_000
/** Those that have not shown yet that they are routers. */
const mostGuests = 32
const longestLine = 1024 * 1024
/** What a router has not taken yet: one that does not read gets a snapshot when it comes back. */
const mostUnsent = 256 * 1024 * 1024

const idForm = /^[A-Za-z0-9._-]{1,64}$/

export type Upgrade = (request: IncomingMessage, socket: Socket, first: Buffer) => void

function stateOf(text: string, router: string): RouterState {
  const state: unknown = JSON.parse(text)
  if (!Check(RouterState, state) || state.router !== router) throw new Error('it is not the state of this router')
  return state
}

type Visit = { readonly router: string; readonly routerNonce: string; readonly proven: () => void }

async function attend(core: Core, socket: Socket, { router, routerNonce, proven }: Visit): Promise<void> {
  const controllerNonce = newNonce()
  const channel = channelOf('controller', { key: core.config.routerKey!, router, routerNonce, controllerNonce })
  const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${routesProtocol}\r\n${nonceHeader}: ${controllerNonce}\r\n\r\n`
  const send = (event: RouteEvent): void => {
    if (socket.writableLength > mostUnsent) socket.destroy()
    else socket.write(`${channel.seal(JSON.stringify(event))}\n`)
  }
  const silence = setTimeout(() => socket.destroy(new Error('it has said nothing for long')), silenceMs)
  let ping: NodeJS.Timeout | undefined
  let leave = (): void => {}
  try {
    socket.write(`${head}${channel.seal(greeting)}\n`)
    let known = false
    for await (const line of linesOf(socket, longestLine)) {
      silence.refresh()
      const state = stateOf(channel.open(line), router)
      if (!known) {
        known = true
        proven()
        leave = core.routes.subscribe(router, send)
        ping = setInterval(() => send(core.routes.ping()), pingMs)
      }
      core.routes.report(state)
    }
  } finally {
    clearTimeout(silence)
    clearInterval(ping)
    leave()
    socket.destroy()
  }
}

/** Takes requests for an upgrade to the routers' protocol, and ends their connections. */
export function acceptRouters(core: Core): Upgrade {
  const guests = new Set<Socket>()
  const all = new Set<Socket>()
  const stop = (): void => {
    for (const socket of all) socket.destroySoon()
  }
  core.shutdown.addEventListener('abort', stop, { once: true })
  return (request, socket, first) => {
    socket.on('error', () => undefined)
    const [path = '', query] = (request.url ?? '').split('?')
    const router = new URLSearchParams(query).get('router') ?? ''
    const routerNonce = request.headers[nonceHeader]
    if (`${path.replace(/\/$/, '')}/` !== routesPath || !idForm.test(router) || !isNonce(routerNonce)) {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      socket.destroySoon()
      return
    }
    const [oldest] = guests
    if (guests.size >= mostGuests) oldest?.destroy()
    guests.add(socket)
    all.add(socket)
    socket.once('close', () => {
      guests.delete(socket)
      all.delete(socket)
    })
    if (core.shutdown.aborted) stop()
    socket.setTimeout(0)
    socket.setNoDelay(true)
    if (first.length > 0) socket.unshift(first)
    const proven = (): void => void guests.delete(socket)
    attend(core, socket, { router, routerNonce, proven }).catch((error: unknown) => {
      if (!core.shutdown.aborted) core.log.warn({ router, reason: messageOf(error) }, 'a router was cut off')
    })
  }
}
