// Which upstreams are there, how busy is each, and which removed ones still have requests?
import { parseAddress } from './addresses.ts'
import { type Connection, openConnection, type Owner } from './connection.ts'
import type { Timing } from '../timing.ts'

type Idle = { readonly connection: Connection; readonly since: number }

export type Upstream = {
  readonly address: string
  /** Several processes behind a balancer. */
  shared: boolean
  /** Requests that it has not fully answered. */
  running: number
  /** The most that ran at once since the last count, and in the time of one count before. */
  peak: number
  lastPeak: number
  /** Connections without a request, the one used last at the end. */
  readonly idle: Idle[]
  /** It has left the table: no new requests, `busy` while old ones run. */
  gone: boolean
  /** It left the table longer ago than the drain limit: it is no longer waited for. */
  forgotten: boolean
  /** Ends the wait. */
  limit: NodeJS.Timeout | null
  /** Until then others are preferred: it could not be reached. */
  avoid: number
}

export type Upstreams = {
  /** The upstreams of the newest table, and whether each is shared. */
  use(addresses: ReadonlyMap<string, boolean>): void
  /** The least busy of these, ties in turn; null when all were tried. */
  pick(addresses: readonly string[], tried: ReadonlySet<string> | null): Upstream | null
  /** A connection that counts as a running request until it is settled. */
  begin(upstream: Upstream, kind: 'any' | 'fresh' | 'tunnel'): Connection
  unreachable(upstream: Upstream): void
  busy(): string[]
  /** Requests that this one has not fully answered. */
  running(address: string): number
  close(): void
}

type Options = {
  readonly timing: Timing
  /** Milliseconds after which a removed upstream is no longer reported as busy. */
  readonly drain: number
  /** How many processes share the connections that are kept. */
  readonly processes: number
  /** `busy` has become shorter. */
  readonly onFreed: () => void
}

// Beyond these, as many connections are kept as ran at once lately: fewer would be closed and opened again under load, and more
// would only hold the app's file descriptors after a burst.
const leastKept = 64
/** Connections to a shared upstream before one of them is used again: few clients still meet most of its processes. */
const sharedSpread = 8
const avoidFor = 1_000
const sweepEvery = 500

export function createUpstreams({ timing, drain, processes, onFreed }: Options): Upstreams {
  const least = Math.ceil(leastKept / processes)
  const known = new Map<string, Upstream>()
  let table: ReadonlyMap<string, boolean> = new Map()
  let turn = 0
  /** When peaks were counted last. */
  let counted = Date.now()

  const closeIdle = (upstream: Upstream): void => {
    for (const { connection } of upstream.idle.splice(0)) connection.socket.destroy()
  }

  const find = (address: string): Upstream => {
    let upstream = known.get(address)
    if (upstream === undefined) {
      const shared = table.get(address) === true
      upstream = {
        address,
        shared,
        running: 0,
        peak: 0,
        lastPeak: 0,
        idle: [],
        gone: false,
        forgotten: false,
        limit: null,
        avoid: 0,
      }
      known.set(address, upstream)
    }
    return upstream
  }

  const remove = (upstream: Upstream): void => {
    upstream.gone = true
    closeIdle(upstream)
    if (upstream.running === 0) {
      known.delete(upstream.address)
      return
    }
    const forget = (): void => {
      upstream.forgotten = true
      onFreed()
    }
    upstream.limit = setTimeout(forget, drain).unref()
  }

  const isOld = (upstream: Upstream, connection: Connection): boolean =>
    upstream.shared && Date.now() - connection.since >= timing.sharedAge

  /** Whether there is a use for one more connection beside those that are open. */
  const hasUse = ({ idle, running, peak, lastPeak }: Upstream): boolean =>
    idle.length + running < Math.max(least, peak, lastPeak)

  const ownerOf = (upstream: Upstream): Owner => ({
    settled(connection, reusable) {
      upstream.running--
      if (upstream.gone) {
        connection.socket.destroy()
        if (upstream.running > 0) return
        known.delete(upstream.address)
        if (upstream.limit !== null) clearTimeout(upstream.limit)
        if (!upstream.forgotten) onFreed()
      } else if (reusable && hasUse(upstream) && !isOld(upstream, connection))
        upstream.idle.push({ connection, since: Date.now() })
      else connection.socket.destroy()
    },
    lost(connection) {
      const at = upstream.idle.findIndex((entry) => entry.connection === connection)
      if (at >= 0) upstream.idle.splice(at, 1)
    },
  })

  const sweep = setInterval(() => {
    const oldest = Date.now() - timing.pooled
    const counts = counted <= oldest
    if (counts) counted = Date.now()
    for (const upstream of known.values()) {
      const { idle } = upstream
      if (counts) Object.assign(upstream, { peak: upstream.running, lastPeak: upstream.peak })
      while (idle.length > 0 && idle[0]!.since <= oldest) idle.shift()!.connection.socket.destroy()
      // Those used last are not those opened last.
      if (upstream.shared)
        for (const { connection } of idle.filter((entry) => isOld(upstream, entry.connection)))
          connection.socket.destroy()
    }
  }, sweepEvery).unref()

  return {
    use(addresses) {
      table = addresses
      for (const upstream of known.values()) {
        const shared = addresses.get(upstream.address)
        if (shared !== undefined) {
          if (upstream.limit !== null) clearTimeout(upstream.limit)
          Object.assign(upstream, { gone: false, forgotten: false, limit: null, shared })
        } else if (!upstream.gone) remove(upstream)
      }
    },
    pick(addresses, tried) {
      const start = turn++ % addresses.length
      let best: Upstream | null = null
      let bestLoad = Infinity
      for (let index = 0; index < addresses.length; index++) {
        const address = addresses[(start + index) % addresses.length]!
        if (tried?.has(address)) continue
        const upstream = find(address)
        const load = upstream.running + (upstream.avoid !== 0 && upstream.avoid > Date.now() ? 1e9 : 0)
        if (load >= bestLoad) continue
        best = upstream
        bestLoad = load
      }
      return best
    },
    begin(upstream, kind) {
      const open = upstream.idle.length + upstream.running++
      upstream.peak = Math.max(upstream.peak, upstream.running)
      // The one used last keeps warm, but each is bound to one process: of a shared upstream they take turns.
      const next = (): Idle | undefined => (upstream.shared ? upstream.idle.shift() : upstream.idle.pop())
      const reuse = kind === 'any' && (!upstream.shared || open >= sharedSpread)
      for (let idle = reuse ? next() : undefined; idle; idle = next()) {
        if (!isOld(upstream, idle.connection)) return idle.connection
        idle.connection.socket.destroy()
      }
      return openConnection(
        { ...parseAddress(upstream.address)!, tunnel: kind === 'tunnel', timing },
        ownerOf(upstream),
      )
    },
    unreachable(upstream) {
      upstream.avoid = Date.now() + avoidFor
    },
    busy() {
      return [...known.values()].filter(({ gone, forgotten }) => gone && !forgotten).map(({ address }) => address)
    },
    running: (address) => known.get(address)?.running ?? 0,
    close() {
      clearInterval(sweep)
      for (const upstream of known.values()) {
        closeIdle(upstream)
        if (upstream.limit !== null) clearTimeout(upstream.limit)
      }
    },
  }
}
