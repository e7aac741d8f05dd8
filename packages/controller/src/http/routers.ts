// How does a router follow the route table, and how does it prove that it may (types/src/channel.ts)?
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { messageOf, type RouteEvent, RouterState } from '@deis/types'
import { channelOf, greeting, isNonce, newNonce, nonceHeader, routesPath, routesProtocol } from '@deis/types/channel'
import { linesOf } from '@deis/types/lines'
import { Check } from 'typebox/value'
import type { Core } from '../domain/core.ts'

/** Far below the router's time-out of 15 s; each is answered. */
const pingMs = 5_000
/** A router that sends nothing for this long is gone, whatever its connection looks like. */
const silenceMs = 15_000
/** Connections that have not proven yet that they are routers. */
const maxUnproven = 32
const longestLine = 1024 * 1024
/** Bytes that a router has not read yet. One that does not read is disconnected, and gets a snapshot when it connects again. */
const mostUnsent = 256 * 1024 * 1024

const idForm = /^[A-Za-z0-9._-]{1,64}$/

export type Upgrade = (request: IncomingMessage, socket: Socket, first: Buffer) => void

function stateOf(text: string, router: string): RouterState {
  const state: unknown = JSON.parse(text)
  if (!Check(RouterState, state) || state.router !== router) throw new Error('not the state of this router')
  return state
}

type RouterConnection = { readonly router: string; readonly routerNonce: string; readonly proven: () => void }

async function serveRouter(
  core: Core,
  socket: Socket,
  { router, routerNonce, proven }: RouterConnection,
): Promise<void> {
  const controllerNonce = newNonce()
  const channel = channelOf('controller', { key: core.config.routerKey!, router, routerNonce, controllerNonce })
  const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${routesProtocol}\r\n${nonceHeader}: ${controllerNonce}\r\n\r\n`
  const send = (event: RouteEvent): void => {
    if (socket.writableLength > mostUnsent) socket.destroy()
    else socket.write(`${channel.seal(JSON.stringify(event))}\n`)
  }
  const silence = setTimeout(
    () => socket.destroy(new Error(`nothing was received for ${silenceMs / 1000} s`)),
    silenceMs,
  )
  let ping: NodeJS.Timeout | undefined
  let unsubscribe = (): void => {}
  try {
    socket.write(`${head}${channel.seal(greeting)}\n`)
    let known = false
    for await (const line of linesOf(socket, longestLine)) {
      silence.refresh()
      const state = stateOf(channel.open(line), router)
      if (!known) {
        known = true
        proven()
        unsubscribe = core.routes.subscribe(router, send)
        ping = setInterval(() => send(core.routes.ping()), pingMs)
      }
      core.routes.report(state)
      core.traffic.record(state.traffic ?? [])
    }
  } finally {
    clearTimeout(silence)
    clearInterval(ping)
    unsubscribe()
    socket.destroy()
  }
}

/** Takes requests for an upgrade to the routers' protocol, and ends their connections. */
export function acceptRouters(core: Core): Upgrade {
  const unproven = new Set<Socket>()
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
    const [oldest] = unproven
    if (unproven.size >= maxUnproven) oldest?.destroy()
    unproven.add(socket)
    all.add(socket)
    socket.once('close', () => {
      unproven.delete(socket)
      all.delete(socket)
    })
    if (core.shutdown.aborted) stop()
    socket.setTimeout(0)
    socket.setNoDelay(true)
    if (first.length > 0) socket.unshift(first)
    const proven = (): void => void unproven.delete(socket)
    serveRouter(core, socket, { router, routerNonce, proven }).catch((error: unknown) => {
      if (!core.shutdown.aborted) core.log.warn({ router, reason: messageOf(error) }, 'disconnected a router')
    })
  }
}
