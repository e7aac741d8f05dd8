// How is the router put together from its parts?
import { randomUUID } from 'node:crypto'
import { setInterval } from 'node:timers/promises'
import { type MetricsListener, startMetrics } from '@deis/lib/metrics-listener'
import { messageOf, type RouteEvent, type Traffic } from '@deis/types'
import { type ControllerConnection, createReporter, followFeed } from './feed/feed.ts'
import { startHealth } from './health.ts'
import { createCollector, type Seen } from './metrics/collect.ts'
import { contentType } from './metrics/text.ts'
import { createDifference } from './metrics/traffic.ts'
import { type ServeOptions, type Serving, startServing } from './serve.ts'
import { keepTables, loadTable } from './table/saved.ts'
import { applyEvent, emptyTable } from './table/table.ts'
import { type Timing, usualTiming } from './timing.ts'

export type RouterOptions = Omit<ServeOptions, 'timing' | 'processes'> & { readonly timing?: Partial<Timing> }

export type Router = {
  readonly port: number
  /** Null: there is no such listener. */
  readonly tlsPort: number | null
  /** Null: there is no such listener. */
  readonly healthPort: number | null
  /** Null: there is no such listener. */
  readonly metricsPort: number | null
  /**
   * Waits until load balancers have noticed that it ends, accepts no new connections, lets requests finish within the drain
   * time, and resolves when everything has ended.
   */
  close(): Promise<void>
}

/** Apps in one report; the others are told with the next one. */
const mostTraffic = 2_000

/** Resolves when the router listens; it may not know of any app by then. `serve`: in this process, or in others. */
export async function startRouter(options: RouterOptions, serve = startServing): Promise<Router> {
  const { log, tableFile } = options
  const timing = { ...usualTiming, ...options.timing }
  const controller = { url: options.controllerUrl, key: options.key }
  const router = randomUUID()
  const stop = new AbortController()

  let closing: Promise<void> | null = null
  let table = tableFile === null ? emptyTable : await loadTable(tableFile, log)
  const keeper = tableFile === null ? null : keepTables(tableFile, log)
  const unready = (): string | null =>
    closing !== null ? 'the router is closing' : table.epoch === '' ? 'the router has no route table yet' : null
  const health =
    options.healthPort === null ? null : await startHealth({ port: options.healthPort, host: options.host, unready })
  let serving: Serving
  try {
    serving = await serve({ ...options, timing, processes: 1 }, table, () => reporter.changed())
  } catch (error) {
    await health?.close()
    throw error
  }
  const { port, tlsPort, publicPort } = serving

  const seen: Seen = { at: Date.now(), changes: 0, connected: false }
  const collector = createCollector(options.metricsApps, { serving, table: () => table, seen })
  const difference = createDifference()
  let traffic: Traffic[] = []
  let metrics: MetricsListener | null
  try {
    metrics =
      options.metrics === null ? null : await startMetrics(options.metrics, { type: contentType, text: collector.text })
  } catch (error) {
    await serving.close()
    await health?.close()
    throw error
  }

  const reporter = createReporter(() => {
    const told = traffic.splice(0, mostTraffic)
    return { router, port: publicPort, ...serving.progress(), ...(told.length === 0 ? {} : { traffic: told }) }
  })
  const countTraffic = async (): Promise<void> => {
    // As long as nothing was served.
    let wasConnected = true
    for await (const _ of setInterval(timing.traffic, null, { signal: stop.signal, ref: false })) {
      // What no controller asked for is forgotten: it would come with the wrong minute.
      const isKnown = wasConnected
      wasConnected = seen.connected
      traffic = []
      if (!seen.connected) continue
      const added = difference(await collector.counts())
      if (!isKnown || added.length === 0) continue
      traffic = added
      reporter.changed()
    }
  }
  countTraffic().catch((error: unknown) => {
    if (!stop.signal.aborted) log(`requests are no longer counted: ${messageOf(error)}`)
  })
  const apply = (event: RouteEvent): void => {
    seen.at = Date.now()
    const before = table
    table = applyEvent(table, event)
    // The controller gets an answer to each of its lines.
    reporter.changed()
    if (table === before) return
    serving.apply(event)
    if (event.type === 'ping') return
    seen.changes++
    keeper?.keep(table)
  }
  const connected = (connection: ControllerConnection | null): void => {
    seen.connected = connection !== null
    reporter.attach(connection)
  }
  const following = followFeed({ controller, router, timing, log, apply, connected }, stop.signal)

  const end = async (): Promise<void> => {
    // The feed continues meanwhile: running requests may need new upstreams, and the controller needs to know the busy ones.
    await serving.close()
    stop.abort()
    await following
    await keeper?.settled()
    await metrics?.close()
    await health?.close()
  }
  return {
    port,
    tlsPort,
    healthPort: health?.port ?? null,
    metricsPort: metrics?.port ?? null,
    close: () => (closing ??= end()),
  }
}
