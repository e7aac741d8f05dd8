// How do the numbers of several processes become those of one router, with a bounded number of series?
import { countedReleases, noApp, offsets, type ReleaseCounts } from './counts.ts'

/** The numbers of one process. */
export type Measured = {
  readonly apps: readonly (readonly [string, readonly number[]])[]
  readonly releases: readonly ReleaseCounts[]
  /** Requests that run now, of apps that have any. */
  readonly running: readonly (readonly [string, number])[]
  readonly connections: { readonly http: number; readonly https: number }
  /** Upstreams that have left the table and still have requests. */
  readonly draining: number
  readonly cpuSeconds: number
  readonly residentBytes: number
}

/** In place of the names of apps that have no series of their own. */
export const otherApps = '_other'

export type Merger = {
  /** Of the processes that run, and of those that have ended since the last call. `has`: the app is in the table. */
  merge(
    live: readonly Measured[],
    ended: readonly Measured[],
    has: (app: string) => boolean,
  ): {
    readonly apps: ReadonlyMap<string, readonly number[]>
    /** Of apps that have series of their own. */
    readonly releases: readonly ReleaseCounts[]
    readonly running: ReadonlyMap<string, number>
  }
}

function add(to: number[], numbers: readonly number[]): void {
  for (const [index, value] of numbers.entries()) to[index] = (to[index] ?? 0) + value
}

function addAll(to: Map<string, number[]>, { apps }: Measured): void {
  for (const [app, numbers] of apps) {
    const sum = to.get(app)
    if (sum === undefined) to.set(app, [...numbers])
    else add(sum, numbers)
  }
}

/** Requests by class of each release, by app. */
type Releases = Map<string, Map<number, number[]>>

function addReleases(to: Releases, { releases }: Pick<Measured, 'releases'>): void {
  for (const [app, release, numbers] of releases) {
    const known = to.get(app) ?? new Map<number, number[]>()
    to.set(app, known)
    const sum = known.get(release) ?? []
    add(sum, numbers)
    known.set(release, sum)
  }
}

/** Each process keeps the newest that it has seen, and may have seen others. */
function newestOf(releases: Releases, app: string): ReleaseCounts[] {
  const known = [...(releases.get(app) ?? [])].toSorted(([one], [two]) => two - one)
  return known.slice(0, countedReleases).map(([release, numbers]) => [app, release, numbers])
}

function requestsOf(numbers: readonly number[]): number {
  return numbers.slice(offsets.requests, offsets.durations).reduce((sum, value) => sum + value, 0)
}

/**
 * At most `most` apps have series of their own. Which those are does not change while the app exists: a counter that went
 * to another series and back would look like one that was reset.
 */
export function createMerger(most: number): Merger {
  const past = new Map<string, number[]>()
  const pastReleases: Releases = new Map()
  const named = new Set<string>()
  /** What the others had when they were looked at last; what they leave behind stays counted. */
  const others = new Map<string, readonly number[]>()
  const left: number[] = []

  const classify = (totals: ReadonlyMap<string, number[]>, has: (app: string) => boolean): void => {
    for (const app of named) if (!has(app)) named.delete(app)
    for (const [app, numbers] of others)
      if (!has(app)) {
        add(left, numbers)
        others.delete(app)
      }
    const unknown = [...totals].filter(([app]) => app !== noApp && !named.has(app) && !others.has(app))
    const busiest = unknown.toSorted(([, one], [, two]) => requestsOf(two) - requestsOf(one))
    for (const [app, numbers] of busiest)
      if (named.size < most) named.add(app)
      else others.set(app, numbers)
  }

  return {
    merge(live, ended, has) {
      for (const one of ended) addAll(past, one)
      for (const app of past.keys()) if (app !== noApp && !has(app)) past.delete(app)
      for (const one of ended) addReleases(pastReleases, one)
      const before = [...pastReleases.keys()].filter(has).flatMap((app) => newestOf(pastReleases, app))
      pastReleases.clear()
      addReleases(pastReleases, { releases: before })
      const byRelease: Releases = new Map()
      for (const one of [{ releases: before }, ...live]) addReleases(byRelease, one)
      const totals = new Map([...past].map(([app, numbers]) => [app, [...numbers]]))
      for (const one of live) {
        addAll(totals, one)
        // Those whose first request still runs.
        for (const [app] of one.running) if (!totals.has(app)) totals.set(app, [])
      }
      for (const app of totals.keys()) if (app !== noApp && !has(app)) totals.delete(app)
      classify(totals, has)
      const apps = new Map<string, number[]>()
      const rest = [...left]
      for (const [app, numbers] of totals)
        if (others.has(app)) {
          others.set(app, numbers)
          add(rest, numbers)
        } else apps.set(app, numbers)
      if (rest.length > 0) apps.set(otherApps, rest)
      const running = new Map<string, number>()
      for (const [app, count] of live.flatMap((one) => one.running)) {
        const name = named.has(app) ? app : otherApps
        running.set(name, (running.get(name) ?? 0) + count)
      }
      return { apps, releases: [...named].flatMap((app) => newestOf(byRelease, app)), running }
    },
  }
}
