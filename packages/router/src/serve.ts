// How does one process serve requests with the newest table?
import type { Server } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Sockets } from '@deis/lib/held-sockets'
import { listenAt } from '@deis/lib/listen'
import type { RouteEvent, RouterState } from '@deis/types'
import { proofHeader, proofOf } from '@deis/types/channel'
import { accessLine } from './request/access.ts'
import type { Config } from './config.ts'
import type { RouterContext } from './context.ts'
import { createCounter } from './metrics/counts.ts'
import type { Measured } from './metrics/merge.ts'
import { networksOf } from './table/networks.ts'
import { createRouterServer } from './server.ts'
import { createSqueezer } from './request/squeeze.ts'
import { applyEvent, type Table } from './table/table.ts'
import type { Timing } from './timing.ts'
import { createTlsListener } from './tls.ts'
import { createUpstreams } from './upstream/upstreams.ts'

/** What the controller wants to know: the table that is in use, and the removed upstreams that still have requests. */
export type Progress = Pick<RouterState, 'epoch' | 'seq' | 'busy'>

export type Ports = {
  readonly port: number
  /** Null: there is no such listener. */
  readonly tlsPort: number | null
  /** Where clients reach `port`. */
  readonly publicPort: number
}

export type Serving = Ports & {
  /** A change that fits the table before it. */
  apply(event: RouteEvent): void
  progress(): Progress
  /** Of the processes that serve now, and of those that have ended since it was asked last. */
  measure(): Promise<{ readonly live: readonly Measured[]; readonly ended: readonly Measured[] }>
  /** Requests that run still need changes of the table meanwhile. */
  close(): Promise<void>
}

export type ServeOptions = Omit<Config, 'workers'> & {
  /** One line for the operator, without the line's end. */
  readonly log: (line: string) => void
  /** Where access log lines go, if there is an access log. */
  readonly write: (text: string) => void
  readonly timing: Timing
  /** False: Node's HTTP server reads all requests. Only tests use it. */
  readonly direct?: boolean
  /** Held open by systemd; absent: none is. */
  readonly sockets?: Sockets
  /** How many processes share what is bounded for the whole router. */
  readonly processes: number
}

// The TLS port of a proxy in front of the router, unless configured.
const usualTlsPort = 443

/** Each upstream, and whether it is shared. */
function upstreamsOf(table: Table): Map<string, boolean> {
  return new Map(
    [...table.apps.values()].flatMap(({ upstreams, shared }) =>
      upstreams.map((address): [string, boolean] => [address, shared === true]),
    ),
  )
}

/** What this process takes of the machine. */
export function ownUse(): Pick<Measured, 'cpuSeconds' | 'residentBytes'> {
  const { user, system } = process.cpuUsage()
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() }
}

async function connectionsOf(server: Server | null): Promise<number> {
  if (server === null) return 0
  return new Promise((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)))
}

/** What is known without having been counted for each request is looked at only when somebody asks. */
async function measured(
  { counter, upstreams }: RouterContext,
  table: Table,
  servers: { readonly http: Server; readonly https: Server | null },
): Promise<Measured> {
  const running = [...table.apps.values()].flatMap(({ app, upstreams: addresses }): [string, number][] => {
    const count = addresses.reduce((sum, address) => sum + upstreams.running(address), 0)
    return count === 0 ? [] : [[app, count]]
  })
  return {
    apps: counter.all(),
    releases: counter.releases(),
    running,
    connections: { http: await connectionsOf(servers.http), https: await connectionsOf(servers.https) },
    draining: upstreams.busy().length,
    ...ownUse(),
  }
}

/** Resolves when it listens. `changed`: there is something new in `progress`. */
export async function startServing(options: ServeOptions, first: Table, changed: () => void): Promise<Serving> {
  const { log, timing, processes } = options
  const drain = options.drainSeconds * 1000
  let table = first
  const upstreams = createUpstreams({ timing, drain, processes, onFreed: changed })
  upstreams.use(upstreamsOf(table))
  const context: RouterContext = {
    table: () => table,
    upstreams,
    timing,
    squeezer: options.compression ? createSqueezer(processes) : null,
    counter: createCounter(() => table),
    access: options.accessLog ? (entry) => options.write(accessLine(entry)) : null,
    log,
    hasTls: options.tlsPort !== null || options.tlsPublicPort !== null,
    proof: `${proofHeader}: ${proofOf(options.key)}\r\n`,
    trusted: options.trustedProxies.length > 0 ? networksOf(options.trustedProxies) : null,
    port: 0,
    tlsPort: 0,
    direct: options.direct ?? true,
    closing: false,
  }
  const { server, ...routerServer } = createRouterServer(context)
  const tls =
    options.tlsPort === null ? null : await createTlsListener({ table: () => table, log, take: routerServer.take })
  const open = (on: Server, wanted: number, held: number | undefined): Promise<number> =>
    listenAt(on, { port: wanted, host: options.host, held }, log)
  let port: number
  let tlsPort: number | null = null
  try {
    // Known before the first request arrives, which may be redirected to it.
    if (tls !== null) tlsPort = await open(tls.server, options.tlsPort!, options.sockets?.[1])
    context.tlsPort = options.tlsPublicPort ?? tlsPort ?? usualTlsPort
    port = await open(server, options.port, options.sockets?.[0])
  } catch (error) {
    await tls?.close(0)
    throw error
  }
  context.port = options.publicPort ?? port

  return {
    port,
    tlsPort,
    publicPort: context.port,
    apply(event) {
      table = applyEvent(table, event)
      if (event.type !== 'ping') {
        upstreams.use(upstreamsOf(table))
        context.counter.keep(table)
      }
      changed()
    },
    progress: () => ({ epoch: table.epoch, seq: table.seq, busy: upstreams.busy() }),
    measure: async () => ({
      live: [await measured(context, table, { http: server, https: tls?.server ?? null })],
      ended: [],
    }),
    async close() {
      // Connections are closed with their next response, so that their clients reconnect elsewhere before this port is closed.
      context.closing = options.lingerSeconds > 0
      await wait(options.lingerSeconds * 1000)
      await routerServer.close(drain, tls?.close(timing.silent))
      upstreams.close()
    },
  }
}
