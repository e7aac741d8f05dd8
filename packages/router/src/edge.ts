// What do the handlers of requests share, and how do they find an upstream?
import type { Socket } from 'node:net'
import type { AccessEntry } from './access.ts'
import { findApp, type Table } from './table.ts'
import type { Timing } from './timing.ts'
import type { Upstream, Upstreams } from './upstreams.ts'

export type Edge = {
  /** The newest table; asked again for every try. */
  readonly table: () => Table
  readonly upstreams: Upstreams
  readonly timing: Timing
  readonly access: ((entry: AccessEntry) => void) | null
  /** Where the router listens. */
  port: number
  /** It takes no new connections and ends the ones it has after their request. */
  closing: boolean
}

/** One request on its way to an upstream. */
export type Search = {
  app: string | null
  upstream: Upstream | null
  tried: Set<string> | null
  failedSince: number
  /** An upstream may have read the request: it is not offered to that one again. */
  reached: boolean
  pause: NodeJS.Timeout | null
}

export function startSearch(): Search {
  return { app: null, upstream: null, tried: null, failedSince: 0, reached: false, pause: null }
}

type Then = { found(upstream: Upstream): void; none(status: 404 | 502 | 503): void }

/**
 * Each upstream once; when all refuse, again for a moment with the newest table, since a deploy may just be switching.
 * Nothing is called any more after `search.pause` was cleared.
 */
export function seek(edge: Edge, host: string, search: Search, then: Then): void {
  const app = findApp(edge.table(), host)
  if (app === undefined) return then.none(404)
  search.app = app.app
  if (app.upstreams.length === 0) return then.none(503)
  const upstream = edge.upstreams.pick(app.upstreams, search.tried)
  if (upstream !== null) {
    search.upstream = upstream
    return then.found(upstream)
  }
  if (search.reached || Date.now() - search.failedSince >= edge.timing.retry) return then.none(502)
  search.tried = null
  search.pause = setTimeout(() => seek(edge, host, search, then), edge.timing.retryPause)
}

/** The upstream could not be reached or did not answer: not this one again in this round. */
export function skip(edge: Edge, search: Search, unreachable: boolean): void {
  const { upstream } = search
  if (upstream === null) return
  if (unreachable) edge.upstreams.unreachable(upstream)
  else search.reached = true
  search.tried ??= new Set()
  search.tried.add(upstream.address)
  if (search.failedSince === 0) search.failedSince = Date.now()
}

/** The client's address; IPv4 as such on a socket that takes both. */
export function addressOf(socket: Socket): string {
  const address = socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}
