// How do the parts of the router come together?
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { RouteEvent } from '@deis/types'
import { accessLine } from './access.ts'
import type { Config } from './config.ts'
import type { Edge } from './edge.ts'
import { followFeed } from './feed.ts'
import { createReporter } from './reports.ts'
import { keepTables, loadTable } from './saved.ts'
import { createEdgeServer } from './server.ts'
import { applyEvent, emptyTable, type Table } from './table.ts'
import { type Timing, usualTiming } from './timing.ts'
import { createUpstreams } from './upstreams.ts'

export type RouterOptions = Config & {
  /** One line for the operator, without the line's end. */
  readonly log: (line: string) => void
  /** Where access log lines go, if there is an access log. */
  readonly write: (text: string) => void
  readonly timing?: Partial<Timing>
}

export type Router = {
  readonly port: number
  /** Takes nothing new, lets requests finish for at most the drain time, and resolves when all is over. */
  close(): Promise<void>
}

function upstreamsOf(table: Table): Set<string> {
  return new Set([...table.apps.values()].flatMap(({ upstreams }) => upstreams))
}

/** Resolves when the router listens; it may not know of any app by then. */
export async function startRouter(options: RouterOptions): Promise<Router> {
  const { log, tableFile } = options
  const timing = { ...usualTiming, ...options.timing }
  const controller = { url: options.controllerUrl, key: options.key }
  const drain = options.drainSeconds * 1000
  const router = randomUUID()
  const stop = new AbortController()

  let table = tableFile === null ? emptyTable : await loadTable(tableFile, log)
  const keeper = tableFile === null ? null : keepTables(tableFile, log)
  const upstreams = createUpstreams({ timing, drain, onFreed: () => reporter.changed() })
  const edge: Edge = {
    table: () => table,
    upstreams,
    timing,
    access: options.accessLog ? (entry) => options.write(accessLine(entry)) : null,
    port: 0,
    closing: false,
  }
  const { server, ...edgeServer } = createEdgeServer(edge)
  server.listen({ port: options.port, host: options.host })
  await once(server, 'listening')
  edge.port = (server.address() as AddressInfo).port

  const reporter = createReporter({
    controller,
    timing,
    log,
    signal: stop.signal,
    state: () => ({ router, port: edge.port, epoch: table.epoch, seq: table.seq, busy: upstreams.busy() }),
  })
  const apply = (event: RouteEvent): void => {
    table = applyEvent(table, event)
    if (event.type === 'ping') return
    upstreams.use(upstreamsOf(table))
    keeper?.keep(table)
    reporter.changed()
  }
  const following = followFeed(
    { controller, router, timing, log, apply, connected: (is) => reporter.connected(is) },
    stop.signal,
  )

  let closing: Promise<void> | null = null
  const end = async (): Promise<void> => {
    // The feed goes on meanwhile: running requests may have to learn of new upstreams, the controller of busy ones.
    await edgeServer.close(drain)
    stop.abort()
    await following
    upstreams.close()
    await keeper?.settled()
  }
  return { port: edge.port, close: () => (closing ??= end()) }
}
