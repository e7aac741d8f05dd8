// Where do requests of each app go, which routers have applied that, and who is told when they have not (docs/architecture.md)?
import { randomUUID } from 'node:crypto'
import type { AppRoute, Challenge, Check, RouteEvent, RouterState } from '@deis/types'
import type { Core } from '../core.ts'

export type Count = {
  /** Routers that are connected; one that is away for a moment counts. */
  readonly following: number
  /** Those of them that have not taken up the newest routes, though they had time to. */
  readonly behind: number
}

/** Of all controllers on the database. */
export type Following = Count & {
  /** This installation has routers at all. */
  readonly needed: boolean
  /** They should be there by now. */
  readonly expected: boolean
}

export type RouteTable = {
  /** Replaces (or with null removes) an app's route; equal routes change nothing. */
  set(app: string, route: AppRoute | null): void
  /** Replaces what routers answer to CAs that verify names. */
  setChallenges(challenges: readonly Challenge[]): void
  /** A router listens: `send` gets the snapshot at once and then every change. Returns the function that ends it. */
  subscribe(router: string, send: (event: RouteEvent) => void): () => void
  report(state: RouterState): void
  /** Port of the router that reported last. */
  routerPort(): number | null
  /** Resolves when no router sends or holds requests for these upstreams any more, or when `limitMs` have passed. */
  drained(app: string, addresses: readonly string[], limitMs: number, signal: AbortSignal): Promise<void>
  /** Resolves when every router serves by the app's present route, or when `limitMs` have passed. */
  acknowledged(app: string, limitMs: number): Promise<void>
  /** The same for the challenges, by every router that is connected. @returns whether all have them. */
  challenged(limitMs: number): Promise<boolean>
  following(): Following
  /** Other controllers that have routers. */
  peersWithRouters(): string[]
  /** Those of this controller alone, for the others. */
  own(): Count
  /** Counts of another controller's routers; valid for `peerMs`. */
  reportPeer(instance: string, count: Count): void
  /** An event without a change; routers take long silence for a dead connection. */
  ping(): RouteEvent
}

/** The label under which routers lead to the API itself, where they do. */
export const apiHost = 'deis'

type Router = {
  seq: number
  busy: ReadonlySet<string>
  connections: number
  lastSeen: number
  /** When it was sent what it has not applied yet; null: it has applied all. */
  behindSince: number | null
}

/** A router that is away this long has been stopped; until then it may still be serving its last table. */
const forgetMs = 30_000
/** After a controller's start its routers need this long to find it again. */
const settleMs = 6_000
/** A controller that has just started, perhaps together with its first router, does not report missing routers yet. */
const startMs = 15_000
/** A router that reconnects within this time counts as connected throughout. */
const blinkMs = 3_000
/** Controllers report their counts of routers to each other more often than this. */
const peerMs = 15_000
/** A router may take this long to apply new routes. */
const lateMs = 5_000

export function createRouteTable(
  platformDomain: string,
  options: { readonly now?: () => number; readonly routersExpected?: boolean } = {},
): RouteTable {
  const { now = Date.now, routersExpected = true } = options
  const epoch = randomUUID()
  const started = now()
  const apps = new Map<string, AppRoute>()
  const changedAt = new Map<string, number>()
  const listeners = new Map<symbol, (event: RouteEvent) => void>()
  const routers = new Map<string, Router>()
  const peers = new Map<string, Count & { readonly at: number }>()
  const waiting = new Set<() => void>()
  let seq = 0
  let port: number | null = null
  let challenges: readonly Challenge[] = []
  let challengedAt = 0

  const own = (): Count => {
    const here = [...routers.values()].filter(
      ({ connections, lastSeen }) => connections > 0 || now() - lastSeen < blinkMs,
    )
    return {
      following: here.length,
      behind: here.filter(({ behindSince }) => behindSince !== null && now() - behindSince > lateMs).length,
    }
  }
  const publish = (event: RouteEvent): void => {
    for (const router of routers.values()) router.behindSince ??= now()
    for (const send of listeners.values()) send(event)
  }
  const routerOf = (id: string): Router => {
    let router = routers.get(id)
    if (!router) {
      router = { seq: 0, busy: new Set(), connections: 0, lastSeen: now(), behindSince: null }
      routers.set(id, router)
    }
    return router
  }
  const recheck = (): void => {
    for (const check of waiting) check()
  }
  /** Whether all routers serve by the app's present route and fulfil `also`. */
  const allRouters = (app: string, also: (router: Router) => boolean): boolean => {
    for (const [id, router] of routers)
      if (router.connections === 0 && now() - router.lastSeen > forgetMs) routers.delete(id)
    if (routers.size === 0) return !routersExpected || now() - started > settleMs
    const wanted = changedAt.get(app) ?? 0
    return [...routers.values()].every((router) => router.seq >= wanted && also(router))
  }
  const isDrained = (app: string, address: string): boolean =>
    !apps.get(app)?.upstreams.includes(address) && allRouters(app, (router) => !router.busy.has(address))
  /** Resolves when `done` returns true, or at the limit. */
  const wait = (done: () => boolean, limitMs: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (how: () => void): void => {
        clearTimeout(limit)
        clearInterval(again)
        waiting.delete(check)
        signal?.removeEventListener('abort', abort)
        how()
      }
      const check = (): void => {
        if (done()) end(resolve)
      }
      const abort = (): void => end(() => reject(signal?.reason as Error))
      const limit = setTimeout(() => end(resolve), limitMs)
      // Routers can also disappear without a report.
      const again = setInterval(check, 500)
      waiting.add(check)
      signal?.addEventListener('abort', abort, { once: true })
      if (signal?.aborted) abort()
      else check()
    })

  return {
    set(app, route) {
      const before = apps.get(app)
      if (JSON.stringify(before ?? null) === JSON.stringify(route)) return
      seq++
      changedAt.set(app, seq)
      if (route) apps.set(app, route)
      else apps.delete(app)
      publish(route ? { type: 'app', seq, app: route } : { type: 'gone', seq, app })
      recheck()
    },
    setChallenges(next) {
      if (JSON.stringify(next) === JSON.stringify(challenges)) return
      seq++
      challenges = next
      challengedAt = seq
      publish({ type: 'challenges', seq, challenges: [...next] })
      recheck()
    },
    subscribe(id, send) {
      const key = Symbol(id)
      const router = routerOf(id)
      router.connections++
      router.behindSince ??= now()
      listeners.set(key, send)
      send({
        type: 'snapshot',
        epoch,
        seq,
        domain: platformDomain,
        apps: [...apps.values()],
        ...(challenges.length > 0 ? { challenges: [...challenges] } : {}),
      })
      return () => {
        listeners.delete(key)
        router.connections--
        router.lastSeen = now()
      }
    },
    report(state) {
      port = state.port
      if (state.epoch !== epoch) return
      const router = routerOf(state.router)
      router.seq = Math.max(router.seq, state.seq)
      if (router.seq >= seq) router.behindSince = null
      router.busy = new Set(state.busy)
      router.lastSeen = now()
      recheck()
    },
    routerPort: () => port,
    drained: (app, addresses, limitMs, signal) =>
      wait(() => addresses.every((address) => isDrained(app, address)), limitMs, signal),
    acknowledged: (app, limitMs) => wait(() => allRouters(app, () => true), limitMs),
    async challenged(limitMs) {
      const all = (): boolean => {
        const connected = [...routers.values()].filter(({ connections }) => connections > 0)
        return connected.length > 0 && connected.every((router) => router.seq >= challengedAt)
      }
      await wait(all, limitMs)
      return all()
    },
    own,
    reportPeer(instance, { following, behind }) {
      peers.set(instance, { following, behind, at: now() })
    },
    peersWithRouters: () =>
      [...peers].filter(([, { at, following }]) => following > 0 && now() - at <= peerMs).map(([instance]) => instance),
    following() {
      for (const [instance, { at }] of peers) if (now() - at > peerMs) peers.delete(instance)
      const all = [own(), ...peers.values()]
      return {
        following: all.reduce((sum, { following }) => sum + following, 0),
        behind: all.reduce((sum, { behind }) => sum + behind, 0),
        needed: routersExpected,
        expected: routersExpected && now() - started > startMs,
      }
    },
    ping: () => ({ type: 'ping', seq }),
  }
}

/** Where clients reach apps without TLS; 0: any free port was asked for, and no router has reported yet which one it got. */
export function publicPort({ config, routes }: Core): number {
  return config.routerPublicPort ?? (config.routerPort === 0 ? (routes.routerPort() ?? 0) : config.routerPort)
}

const plural = (count: number): string => `${count} router${count === 1 ? '' : 's'}`

function problemOf({ following, behind, expected }: Following): string | null {
  if (!expected) return null
  if (following === 0)
    return 'no router is connected to the controller, so no change of routes takes effect; check that the router runs, and see its log'
  if (behind > 0)
    return `${behind} of ${plural(following)} ${behind === 1 ? 'has' : 'have'} not applied the newest routes yet; see the router's log`
  return null
}

export function checkRouters(core: Core): Check {
  const state = core.routes.following()
  const problem = problemOf(state)
  const detail =
    problem ??
    (state.following > 0
      ? `${plural(state.following)} connected, with the newest routes`
      : state.needed
        ? 'waiting for routers: the controller has just started'
        : 'not needed: the cluster has its own Ingress controller')
  if (problem === null) return { name: 'routers', status: 'ok', detail }
  return { name: 'routers', status: state.following === 0 ? 'missing' : 'limited', detail, concern: 'broken' }
}

/** After a change of an app: `2/2`, and a warning if routers are missing or late. */
export function routersNow(core: Core): { readonly count: string; readonly warning: string | null } {
  const state = core.routes.following()
  const problem = problemOf(state)
  return {
    count: `${state.following - state.behind}/${state.following}`,
    warning: problem === null ? null : `The change is stored, but ${problem}.`,
  }
}
