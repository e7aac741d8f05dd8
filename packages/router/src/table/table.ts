// Which app answers for a host?
import type { AppRoute, Challenge, RouteEvent } from '@deis/types'

/** Never changed, only replaced: each one is a snapshot of one moment. */
export type Table = {
  readonly epoch: string
  readonly seq: number
  readonly domain: string
  readonly apps: ReadonlyMap<string, AppRoute>
  readonly exact: ReadonlyMap<string, AppRoute>
  /** By what follows `*.`. */
  readonly wildcards: ReadonlyMap<string, AppRoute>
  /** Names without a dot, when the platform has no domain (docs/contract/build-and-route.md §4.4): they match a first label. */
  readonly labels: ReadonlyMap<string, AppRoute>
  readonly challenges: readonly Challenge[]
}

type Snapshot = Extract<RouteEvent, { type: 'snapshot' }>

/** The feed has skipped something; only a new snapshot helps. */
export class OutOfStep extends Error {}

type Parts = Pick<Table, 'epoch' | 'seq' | 'domain' | 'apps' | 'challenges'>

function tableOf({ epoch, seq, domain, apps, challenges }: Parts): Table {
  const exact = new Map<string, AppRoute>()
  const wildcards = new Map<string, AppRoute>()
  const labels = new Map<string, AppRoute>()
  const suffix = domain.toLowerCase().replace(/\.$/, '')
  // The first app keeps a host that a second one claims, so that a change elsewhere never takes it away.
  const claim = (map: Map<string, AppRoute>, key: string, app: AppRoute): void => {
    if (!map.has(key)) map.set(key, app)
  }
  for (const app of apps.values())
    for (const written of app.hosts) {
      const host = written.toLowerCase().replace(/\.$/, '')
      if (!host.includes('.') && suffix === '') claim(labels, host, app)
      else if (!host.includes('.')) claim(exact, `${host}.${suffix}`, app)
      else if (host.startsWith('*.')) claim(wildcards, host.slice(2), app)
      else claim(exact, host, app)
    }
  return { epoch, seq, domain, apps, exact, wildcards, labels, challenges }
}

export const emptyTable: Table = tableOf({ epoch: '', seq: 0, domain: '', apps: new Map(), challenges: [] })

/** @throws OutOfStep when the event does not follow what the table knows. */
export function applyEvent(table: Table, event: RouteEvent): Table {
  if (event.type === 'snapshot') {
    const { epoch, seq, domain, challenges = [] } = event
    return tableOf({ epoch, seq, domain, apps: new Map(event.apps.map((app) => [app.app, app])), challenges })
  }
  if (event.type === 'ping' && event.seq === table.seq) return table
  if (event.seq !== table.seq + 1)
    throw new OutOfStep(`line ${event.seq} of the route feed followed line ${table.seq}; a line is missing`)
  if (event.type === 'ping') return { ...table, seq: event.seq }
  if (event.type === 'challenges') return { ...table, seq: event.seq, challenges: event.challenges }
  const apps = new Map(table.apps)
  if (event.type === 'gone') apps.delete(event.app)
  else apps.set(event.app.app, event.app)
  return tableOf({ ...table, seq: event.seq, apps })
}

/** The table as the one event that makes it. */
export function snapshotOf(table: Table): Snapshot {
  const { epoch, seq, domain, challenges } = table
  const apps = [...table.apps.values()]
  return {
    type: 'snapshot',
    epoch,
    seq,
    domain,
    apps,
    ...(challenges.length > 0 ? { challenges: [...challenges] } : {}),
  }
}

/** `host` as hostOf gives it. An exact name wins over a wildcard, a longer wildcard over a shorter one, and all over a first label. */
export function findApp(table: Table, host: string): AppRoute | undefined {
  const exact = table.exact.get(host)
  if (exact !== undefined) return exact
  const first = host.indexOf('.')
  if (table.wildcards.size > 0)
    for (let dot = first; dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const app = table.wildcards.get(host.slice(dot + 1))
      if (app !== undefined) return app
    }
  return table.labels.get(first < 0 ? host : host.slice(0, first))
}
