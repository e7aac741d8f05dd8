// What replaces the apps and unusual clients in the tests, and how is a router started?
import { EventEmitter, once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect, createServer as createNetServer, type Socket } from 'node:net'
import type { AppRoute } from '@deis/types'
import { type Router, type RouterOptions, startRouter } from './start.ts'
import { startController, type TestController } from './testing-controller.ts'
import { listen } from './testing-listen.ts'

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

/** A port where no program listens. */
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

export type Fixture = {
  readonly router: Router
  readonly options: RouterOptions
  readonly controller: TestController
  readonly logs: string[]
  readonly written: string[]
  /** Sets an app and waits until the router has applied it. */
  route(app: string, hosts: string[], upstreams: string[], shared?: boolean): Promise<void>
  /** The same with all that a route may say. */
  put(route: AppRoute): Promise<void>
  close(): Promise<void>
}

/** A router with its controller. */
export async function startFixture(options: Partial<RouterOptions> = {}): Promise<Fixture> {
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
    metrics: null,
    metricsApps: 200,
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
