// How is the router put together from its parts?
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { RouteEvent } from '@deis/types'
import { accessLine } from './request/access.ts'
import type { Config } from './config.ts'
import type { RouterContext } from './context.ts'
import { followFeed } from './feed/feed.ts'
import { startHealth } from './health.ts'
import { listen } from './listen.ts'
import { networksOf } from './table/networks.ts'
import { createReporter } from './feed/reports.ts'
import { keepTables, loadTable } from './table/saved.ts'
import { createRouterServer } from './server.ts'
import { createSqueezer } from './request/squeeze.ts'
import { applyEvent, emptyTable, type Table } from './table/table.ts'
import { type Timing, usualTiming } from './timing.ts'
import { createTlsListener } from './tls.ts'
import { createUpstreams } from './upstream/upstreams.ts'

export type RouterOptions = Config & {
  /** One line for the operator, without the line's end. */
  readonly log: (line: string) => void
  /** Where access log lines go, if there is an access log. */
  readonly write: (text: string) => void
  readonly timing?: Partial<Timing>
}

export type Router = {
  readonly port: number
  /** Null: there is no such listener. */
  readonly tlsPort: number | null
  /** Null: there is no such listener. */
  readonly healthPort: number | null
  /**
   * Waits until load balancers have noticed that it ends, accepts no new connections, lets requests finish within the drain
   * time, and resolves when everything has ended.
   */
  close(): Promise<void>
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

/** Resolves when the router listens; it may not know of any app by then. */
export async function startRouter(options: RouterOptions): Promise<Router> {
  const { log, tableFile } = options
  const timing = { ...usualTiming, ...options.timing }
  const controller = { url: options.controllerUrl, key: options.key }
  const drain = options.drainSeconds * 1000
  const router = randomUUID()
  const stop = new AbortController()

  let closing: Promise<void> | null = null
  let table = tableFile === null ? emptyTable : await loadTable(tableFile, log)
  const keeper = tableFile === null ? null : keepTables(tableFile, log)
  const upstreams = createUpstreams({ timing, drain, onFreed: () => reporter.changed() })
  upstreams.use(upstreamsOf(table))
  const context: RouterContext = {
    table: () => table,
    upstreams,
    timing,
    squeezer: options.compression ? createSqueezer() : null,
    access: options.accessLog ? (entry) => options.write(accessLine(entry)) : null,
    log,
    trusted: options.trustedProxies.length > 0 ? networksOf(options.trustedProxies) : null,
    port: 0,
    tlsPort: 0,
    closing: false,
  }
  const unready = (): string | null =>
    closing !== null ? 'the router is closing' : table.epoch === '' ? 'the router has no route table yet' : null
  const { server, ...routerServer } = createRouterServer(context)
  const health =
    options.healthPort === null ? null : await startHealth({ port: options.healthPort, host: options.host, unready })
  const tls =
    options.tlsPort === null ? null : await createTlsListener({ table: () => table, log, take: routerServer.take })
  let port: number
  let tlsPort: number | null = null
  try {
    // Known before the first request arrives, which may be redirected to it.
    if (tls !== null) tlsPort = await listen(tls.server, options.tlsPort!, options.host)
    context.tlsPort = options.tlsPublicPort ?? tlsPort ?? usualTlsPort
    port = await listen(server, options.port, options.host)
  } catch (error) {
    await tls?.close()
    await health?.close()
    throw error
  }
  context.port = options.publicPort ?? port

  const reporter = createReporter(() => ({
    router,
    port: context.port,
    epoch: table.epoch,
    seq: table.seq,
    busy: upstreams.busy(),
  }))
  const apply = (event: RouteEvent): void => {
    table = applyEvent(table, event)
    reporter.changed()
    if (event.type === 'ping') return
    upstreams.use(upstreamsOf(table))
    keeper?.keep(table)
  }
  const following = followFeed(
    { controller, router, timing, log, apply, connected: (connection) => reporter.attach(connection) },
    stop.signal,
  )

  const end = async (): Promise<void> => {
    // Connections are closed with their next response, so that their clients reconnect elsewhere before this port is closed.
    context.closing = options.lingerSeconds > 0
    await wait(options.lingerSeconds * 1000)
    // The feed continues meanwhile: running requests may need new upstreams, and the controller needs to know the busy ones.
    await routerServer.close(drain, tls?.close())
    stop.abort()
    await following
    upstreams.close()
    await keeper?.settled()
    await health?.close()
  }
  return { port, tlsPort, healthPort: health?.port ?? null, close: () => (closing ??= end()) }
}
