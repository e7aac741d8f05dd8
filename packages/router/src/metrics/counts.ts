// What does one process count of the requests of each app?
import { durationBounds } from '@deis/types'
import type { Table } from '../table/table.ts'

/** By the first digit of a status; none: the client left before an answer. */
export const classes = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const
export const protocols = ['http', 'https', 'ws'] as const
/** Seconds. */
export const bounds = durationBounds
/** The codes that Heroku gave these errors, by which they are searched for (docs/operations.md). */
export const errorCodes = ['H12', 'H13', 'H14', 'H18', 'H21', 'H27', 'H28', 'H80'] as const

export type Protocol = (typeof protocols)[number]
export type ErrorCode = (typeof errorCodes)[number]

/** Where each number of an app is in its list. */
export const offsets = {
  /** By class, then by protocol. */
  requests: 0,
  /** One for each bound, and one for what took longer than all. */
  durations: classes.length * protocols.length,
  seconds: classes.length * protocols.length + bounds.length + 1,
  bytes: classes.length * protocols.length + bounds.length + 2,
  retries: classes.length * protocols.length + bounds.length + 3,
  errors: classes.length * protocols.length + bounds.length + 4,
  end: classes.length * protocols.length + bounds.length + 4 + errorCodes.length,
} as const

/** In place of an app's name for requests to names that no app has. Names of apps have no underscore. */
export const noApp = '_none'

export type Finished = {
  readonly app: string | null
  /** 0: the client left before an answer. */
  readonly status: number
  readonly protocol: Protocol
  /** Null: how long it took says nothing about the app, as with a WebSocket. */
  readonly ms: number | null
  /** Of the response. */
  readonly bytes: number
  readonly retries: number
  readonly error: ErrorCode | null
}

export type Counter = {
  finished(request: Finished): void
  /** Forgets apps that the table does not have. */
  keep(table: Table): void
  /** The numbers of each app that had requests. */
  all(): (readonly [string, readonly number[]])[]
  /** The requests of each release that is counted, by class. */
  releases(): ReleaseCounts[]
}

export type ReleaseCounts = readonly [app: string, release: number, requests: readonly number[]]

/** Of each app, the newest. */
export const countedReleases = 3

/** Nothing is stored for each request; an app takes memory only once it has had one. */
export function createCounter(table: () => Table): Counter {
  const counts = new Map<string, Float64Array>()
  const ofReleases = new Map<string, Map<number, Float64Array>>()
  const of = (app: string): Float64Array | null => {
    const known = counts.get(app)
    if (known !== undefined) return known
    // Its last requests may end after it has gone.
    if (app !== noApp && !table().apps.has(app)) return null
    const made = new Float64Array(offsets.end)
    counts.set(app, made)
    return made
  }
  const countRelease = (app: string, kind: number): void => {
    const release = table().apps.get(app)?.release
    if (release === undefined) return
    let known = ofReleases.get(app)
    if (known === undefined) ofReleases.set(app, (known = new Map()))
    let numbers = known.get(release)
    if (numbers === undefined) {
      numbers = new Float64Array(classes.length)
      known.set(release, numbers)
      if (known.size > countedReleases) known.delete(Math.min(...known.keys()))
    }
    numbers[kind]!++
  }
  return {
    finished({ app, status, protocol, ms, bytes, retries, error }) {
      const numbers = of(app ?? noApp)
      if (numbers === null) return
      const kind = status < 100 || status > 599 ? 0 : Math.floor(status / 100)
      numbers[offsets.requests + kind * protocols.length + protocols.indexOf(protocol)]!++
      if (app !== null) countRelease(app, kind)
      numbers[offsets.bytes]! += bytes
      if (retries > 0) numbers[offsets.retries]! += retries
      if (error !== null) numbers[offsets.errors + errorCodes.indexOf(error)]!++
      if (ms === null) return
      const seconds = ms / 1000
      let bucket = 0
      while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++
      numbers[offsets.durations + bucket]!++
      numbers[offsets.seconds]! += seconds
    },
    keep({ apps }) {
      for (const app of counts.keys()) if (app !== noApp && !apps.has(app)) counts.delete(app)
      for (const app of ofReleases.keys()) if (!apps.has(app)) ofReleases.delete(app)
    },
    all: () => [...counts].map(([app, numbers]) => [app, [...numbers]] as const),
    releases: () =>
      [...ofReleases].flatMap(([app, known]) =>
        [...known].map(([release, numbers]) => [app, release, [...numbers]] as const),
      ),
  }
}
