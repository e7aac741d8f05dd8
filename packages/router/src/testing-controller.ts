// What replaces the controller in the tests?
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { AppRoute, Challenge, RouteEvent, RouterState } from '@deis/types'
import {
  type Channel,
  channelOf,
  greeting,
  newNonce,
  nonceHeader,
  routesPath,
  routesProtocol,
} from '@deis/types/channel'
import { linesOf } from '@deis/types/lines'
import { listen } from './testing-listen.ts'

export type TestController = {
  readonly url: string
  readonly port: number
  readonly states: RouterState[]
  /** How often a feed was asked for. */
  readonly feeds: () => number
  set(app: string, hosts: string[], upstreams: string[], shared?: boolean): number
  /** The same with all that a route may say. */
  put(route: AppRoute): number
  gone(app: string): number
  challenge(...challenges: Challenge[]): number
  /** Says text in the running feeds, sealed as the controller's. */
  say(text: string): void
  /** Writes text into the running feeds as it is. */
  raw(text: string): void
  /** Cuts the running feeds. */
  cut(): void
  seen(what: (state: RouterState) => boolean): Promise<RouterState>
  nextFeed(): Promise<void>
  close(): Promise<void>
}

/** A controller as far as routers see it. */
export async function startController(
  key: string,
  domain = 'localhost',
  port = 0,
  epoch = 'epoch-1',
): Promise<TestController> {
  const apps = new Map<string, AppRoute>()
  const feeds = new Map<Socket, Channel>()
  const bus = new EventEmitter().setMaxListeners(0)
  const states: RouterState[] = []
  let seq = 0
  let asked = 0

  const say = (text: string): void => {
    for (const [feed, channel] of feeds) feed.write(`${channel.seal(text)}\n`)
  }
  const send = (event: RouteEvent): number => {
    say(JSON.stringify(event))
    return event.seq
  }
  const serve = async (request: IncomingMessage, socket: Socket): Promise<void> => {
    const url = new URL(request.url ?? '', 'http://controller')
    const router = url.searchParams.get('router')
    const routerNonce = request.headers[nonceHeader]
    if (url.pathname !== routesPath || router === null || typeof routerNonce !== 'string')
      return void socket.end('HTTP/1.1 404 Not Found\r\n\r\n')
    asked++
    const controllerNonce = newNonce()
    const channel = channelOf('controller', { key, router, routerNonce, controllerNonce })
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${routesProtocol}\r\n${nonceHeader}: ${controllerNonce}\r\n\r\n${channel.seal(greeting)}\n`,
    )
    for await (const line of linesOf(socket, 1_000_000)) {
      const state = JSON.parse(channel.open(line)) as RouterState
      if (!feeds.has(socket)) {
        feeds.set(socket, channel)
        const snapshot: RouteEvent = { type: 'snapshot', epoch, seq, domain, apps: [...apps.values()] }
        socket.write(`${channel.seal(JSON.stringify(snapshot))}\n`)
        bus.emit('feed')
      }
      if (state.epoch !== epoch) continue
      states.push(state)
      bus.emit('state', state)
    }
  }
  const sockets = new Set<Socket>()
  const server = createServer((_request, response) => void response.writeHead(404).end())
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (request, upgraded) => {
    const socket = upgraded as Socket
    socket.on('error', () => undefined)
    socket.on('close', () => feeds.delete(socket))
    serve(request, socket).catch(() => socket.destroy())
  })
  const bound = await listen(server, port)
  const controller: TestController = {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    states,
    feeds: () => asked,
    set: (app, hosts, upstreams, shared) => controller.put({ app, hosts, upstreams, ...(shared ? { shared } : {}) }),
    put(route) {
      apps.set(route.app, route)
      return send({ type: 'app', seq: ++seq, app: route })
    },
    gone(app) {
      apps.delete(app)
      return send({ type: 'gone', seq: ++seq, app })
    },
    challenge: (...challenges) => send({ type: 'challenges', seq: ++seq, challenges }),
    say,
    raw(text) {
      for (const feed of feeds.keys()) feed.write(text)
    },
    cut() {
      for (const feed of feeds.keys()) feed.destroy()
    },
    async seen(what) {
      const known = states.findLast(what)
      if (known !== undefined) return known
      for (;;) {
        const [state] = (await once(bus, 'state')) as [RouterState]
        if (what(state)) return state
      }
    },
    async nextFeed() {
      await once(bus, 'feed')
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return controller
}
