// What replaces the controller, the apps and unusual clients in the tests?
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net'
import type { AppRoute, RouteEvent, RouterState } from '@deis/types'
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
import { type Router, type RouterOptions, startRouter } from './start.ts'

async function listen(
  server: { listen(port: number, host: string): unknown; address(): unknown },
  port = 0,
): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server as unknown as EventEmitter, 'listening')
  return (server.address() as AddressInfo).port
}

export type StandIn = {
  readonly url: string
  readonly port: number
  readonly states: RouterState[]
  /** How often a feed was asked for. */
  readonly feeds: () => number
  set(app: string, hosts: string[], upstreams: string[], shared?: boolean): number
  /** The same with all that a route may say. */
  put(route: AppRoute): number
  gone(app: string): number
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
): Promise<StandIn> {
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
  const standIn: StandIn = {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    states,
    feeds: () => asked,
    set: (app, hosts, upstreams, shared) => standIn.put({ app, hosts, upstreams, ...(shared ? { shared } : {}) }),
    put(route) {
      apps.set(route.app, route)
      return send({ type: 'app', seq: ++seq, app: route })
    },
    gone(app) {
      apps.delete(app)
      return send({ type: 'gone', seq: ++seq, app })
    },
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
  return standIn
}

export type App = { readonly address: string; readonly server: Server; close(): Promise<void> }

export async function startApp(handler: RequestListener): Promise<App> {
  const server = createServer(handler)
  const port = await listen(server)
  return {
    address: `127.0.0.1:${port}`,
    server,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type RawApp = { readonly address: string; readonly sockets: Set<Socket>; close(): Promise<void> }

/** An app that sends any bytes: `on` is called for each connection. */
export async function startRawApp(on: (socket: Socket) => void, allowHalfOpen = false): Promise<RawApp> {
  const sockets = new Set<Socket>()
  const server = createNetServer({ allowHalfOpen }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    on(socket)
  })
  const port = await listen(server)
  return {
    address: `127.0.0.1:${port}`,
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A port where nobody listens. */
export async function refusingAddress(): Promise<string> {
  const server = createNetServer()
  const port = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return `127.0.0.1:${port}`
}

export type Client = {
  readonly socket: Socket
  /** All that came so far. */
  text(): string
  /** Resolves with all that came once `what` matches it; rejects when the connection ends before. */
  until(what: RegExp): Promise<string>
  /** Resolves with all that came when the connection is closed; `error` says how, if not by its end. */
  closed(): Promise<{ text: string; error: string | undefined }>
}

/** A client that sends bytes as they are. */
export function startClient(port: number, text = ''): Client {
  let seen = ''
  let error: string | undefined
  const bus = new EventEmitter()
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.write(text, 'latin1')
  socket.on('data', (chunk) => {
    seen += chunk.toString('latin1')
    bus.emit('change')
  })
  socket.on('end', () => socket.end())
  socket.on('error', (thrown: NodeJS.ErrnoException) => {
    error = thrown.code
  })
  const closed = new Promise<{ text: string; error: string | undefined }>((resolve) => {
    socket.on('close', () => {
      resolve({ text: seen, error })
      bus.emit('change')
    })
  })
  return {
    socket,
    text: () => seen,
    async until(what) {
      while (!what.test(seen)) {
        if (socket.closed) throw new Error(`the connection ended before ${what}, after ${JSON.stringify(seen)}`)
        await once(bus, 'change')
      }
      return seen
    },
    closed: () => closed,
  }
}

/** Sends one request head (lines) and gives all that came back until the connection was closed. */
export async function exchange(port: number, ...lines: string[]): Promise<string> {
  const client = startClient(port, `${lines.join('\r\n')}\r\n\r\n`)
  return (await client.closed()).text
}

export type Stage = {
  readonly router: Router
  readonly options: RouterOptions
  readonly controller: StandIn
  readonly logs: string[]
  readonly written: string[]
  /** Sets an app and waits until the router has applied it. */
  route(app: string, hosts: string[], upstreams: string[], shared?: boolean): Promise<void>
  /** The same with all that a route may say. */
  put(route: AppRoute): Promise<void>
  close(): Promise<void>
}

/** A router with its controller. */
export async function startStage(options: Partial<RouterOptions> = {}): Promise<Stage> {
  const key = 'key-of-the-tests'
  const controller = await startController(key)
  const logs: string[] = []
  const written: string[] = []
  const all: RouterOptions = {
    port: 0,
    publicPort: null,
    tlsPort: null,
    tlsPublicPort: null,
    trustedProxies: [],
    healthPort: null,
    lingerSeconds: 0,
    host: '127.0.0.1',
    controllerUrl: controller.url,
    key,
    tableFile: null,
    drainSeconds: 5,
    accessLog: false,
    compression: true,
    log: (line) => logs.push(line),
    write: (text) => written.push(text),
    ...options,
  }
  const router = await startRouter(all)
  return {
    router,
    options: all,
    controller,
    logs,
    written,
    async route(app, hosts, upstreams, shared) {
      await controller.seen(() => true)
      const seq = controller.set(app, hosts, upstreams, shared)
      await controller.seen((state) => state.seq >= seq)
    },
    async put(route) {
      await controller.seen(() => true)
      const seq = controller.put(route)
      await controller.seen((state) => state.seq >= seq)
    },
    async close() {
      await router.close()
      await controller.close()
    },
  }
}
