// What do the handlers of requests share, and how do they find an upstream?
import type { AccessEntry } from './request/access.ts'
import { type Asked, gate } from './request/policy.ts'
import type { Front } from './request/origin.ts'
import { page, type Page, unknownHost } from './request/pages.ts'
import type { Squeezer } from './request/squeeze.ts'
import { findApp, type Table } from './table/table.ts'
import type { Timing } from './timing.ts'
import type { Upstream, Upstreams } from './upstream/upstreams.ts'

export type Edge = Front & {
  /** The newest table; asked again for every try. */
  readonly table: () => Table
  readonly upstreams: Upstreams
  readonly timing: Timing
  readonly access: ((entry: AccessEntry) => void) | null
  /** Null: responses go out as they come. */
  readonly squeezer: Squeezer | null
  /** One line for the operator. */
  readonly log: (line: string) => void
  /** It ends the connections it has after their request. */
  closing: boolean
}

/** One request on its way to an upstream. */
export type Search = {
  app: string | null
  upstream: Upstream | null
  tried: Set<string> | null
  failedSince: number
  /** How many upstreams may have read the request: it is not offered to those again. */
  reached: number
  pause: NodeJS.Timeout | null
}

export function startSearch(): Search {
  return { app: null, upstream: null, tried: null, failedSince: 0, reached: 0, pause: null }
}

// Behind a shared upstream there may be another process, so that one which broke off does not speak for all.
const mostReached = { alone: 1, shared: 2 }

type Then = { found(upstream: Upstream): void; none(content: Page): void }

/**
 * An upstream of the app whose name was asked for, or what to answer instead.
 * Each upstream once; when all refuse, again for a moment with the newest table, since a deploy may just be switching.
 * Nothing is called any more after `search.pause` was cleared.
 */
export function seek(edge: Edge, asked: Asked, search: Search, then: Then): void {
  const app = findApp(edge.table(), asked.host)
  if (app === undefined) return then.none(unknownHost(asked.method, asked.target))
  search.app = app.app
  const instead = gate(app, asked, edge)
  if (instead !== null) return then.none(instead)
  if (app.upstreams.length === 0) return then.none(page(503))
  const upstream = edge.upstreams.pick(app.upstreams, search.tried)
  if (upstream !== null) {
    search.upstream = upstream
    return then.found(upstream)
  }
  const [patience, mostTries] = app.shared
    ? [edge.timing.sharedRetry, mostReached.shared]
    : [edge.timing.retry, mostReached.alone]
  if (search.reached >= mostTries || Date.now() - search.failedSince >= patience) return then.none(page(502))
  search.tried = null
  search.pause = setTimeout(() => seek(edge, asked, search, then), edge.timing.retryPause)
}

/** The upstream could not be reached or did not answer: not this one again in this round. */
export function skip(edge: Edge, search: Search, unreachable: boolean): void {
  const { upstream } = search
  if (upstream === null) return
  if (unreachable) edge.upstreams.unreachable(upstream)
  else search.reached++
  search.tried ??= new Set()
  search.tried.add(upstream.address)
  if (search.failedSince === 0) search.failedSince = Date.now()
}
