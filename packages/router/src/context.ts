// What do the request handlers share, and how do they find an upstream?
import type { AccessEntry } from './request/access.ts'
import { type Asked, checkPolicy } from './request/policy.ts'
import type { Counter, ErrorCode } from './metrics/counts.ts'
import type { OriginSettings } from './request/origin.ts'
import { challenge, maintenance, page, type Page, unknownHost } from './request/pages.ts'
import { findChallenge } from './table/challenges.ts'
import type { Squeezer } from './request/squeeze.ts'
import { findApp, type Table } from './table/table.ts'
import type { Timing } from './timing.ts'
import type { Upstream, Upstreams } from './upstream/upstreams.ts'

export type RouterContext = OriginSettings & {
  /** The newest table; called again for every attempt. */
  readonly table: () => Table
  readonly upstreams: Upstreams
  readonly timing: Timing
  readonly access: ((entry: AccessEntry) => void) | null
  /** Null: nothing is counted. */
  readonly counter: Counter
  /** Null: responses are not compressed. */
  readonly squeezer: Squeezer | null
  readonly hasTls: boolean
  /** A header line that proves to the API that this router sent the request. */
  readonly proof: string
  /** One line for the operator. */
  readonly log: (line: string) => void
  /** Plain requests are read without Node's HTTP server. */
  readonly direct: boolean
  /** The router is ending: connections are closed after their request. */
  closing: boolean
}

/** One request on its way to an upstream. */
export type Search = {
  app: string | null
  /** A header line that only its requests have. */
  more: string
  /** For `Strict-Transport-Security`. */
  hsts: number | null
  upstream: Upstream | null
  tried: Set<string> | null
  failedSince: number
  /** How many upstreams may have read the request: it is not sent to those again. */
  reached: number
  /** Attempts after the first. */
  retries: number
  /** Why the app did not answer, or not wholly. */
  error: ErrorCode | null
  pause: NodeJS.Timeout | null
}

export function startSearch(): Search {
  return {
    app: null,
    more: '',
    hsts: null,
    upstream: null,
    tried: null,
    failedSince: 0,
    reached: 0,
    retries: 0,
    error: null,
    pause: null,
  }
}

// A shared upstream may have other processes, so one process that broke off does not stand for all.
const mostReached = { alone: 1, shared: 2 }

export type Then = { found(upstream: Upstream): void; none(content: Page): void }

/**
 * Finds an upstream of the app with the requested name, or the page to answer instead.
 * Each upstream is tried once; when all refuse, again for a moment with the newest table, since a deploy may be switching.
 * Nothing is called after `search.pause` was cleared.
 */
export function seek(context: RouterContext, asked: Asked, search: Search, then: Then): void {
  const table = context.table()
  // Before everything that an app may have set: whitelist, maintenance, HTTPS only.
  const proof = findChallenge(table, asked)
  if (proof !== null) return then.none(challenge(proof))
  const app = findApp(table, asked.host)
  if (app === undefined) return then.none(unknownHost(asked.method, asked.target))
  search.app = app.app
  search.hsts = asked.secure && app.hsts !== undefined ? app.hsts : null
  search.more = app.platform === true ? context.proof : ''
  const instead = checkPolicy(app, asked, context)
  if (instead !== null) {
    if (instead === maintenance) search.error = 'H80'
    return then.none(instead)
  }
  if (app.upstreams.length === 0) {
    search.error = 'H14'
    return then.none(page(503))
  }
  const upstream = context.upstreams.pick(app.upstreams, search.tried)
  if (upstream !== null) {
    search.upstream = upstream
    return then.found(upstream)
  }
  const [patience, mostTries] = app.shared
    ? [context.timing.sharedRetry, mostReached.shared]
    : [context.timing.retry, mostReached.alone]
  if (search.reached >= mostTries || Date.now() - search.failedSince >= patience) {
    search.error = search.reached > 0 ? 'H13' : 'H21'
    return then.none(page(502))
  }
  search.tried = null
  search.pause = setTimeout(() => seek(context, asked, search, then), context.timing.retryPause)
}

/** The upstream could not be reached or did not answer: it is skipped in this round. */
export function skip(context: RouterContext, search: Search, unreachable: boolean): void {
  const { upstream } = search
  search.retries++
  if (upstream === null) return
  if (unreachable) context.upstreams.unreachable(upstream)
  else search.reached++
  search.tried ??= new Set()
  search.tried.add(upstream.address)
  if (search.failedSince === 0) search.failedSince = Date.now()
}

/** What cannot be read as a request is for no app. */
export function countRefused({ counter }: RouterContext, secure: boolean, status: number): void {
  const protocol = secure ? 'https' : 'http'
  counter.finished({ app: null, status, protocol, ms: null, bytes: 0, retries: 0, error: null })
}
