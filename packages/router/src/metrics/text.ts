// How are the router's numbers written for Prometheus (text format 0.0.4)?
import { bounds, classes, errorCodes, offsets, protocols, type ReleaseCounts } from './counts.ts'

export type Numbers = {
  readonly apps: ReadonlyMap<string, readonly number[]>
  readonly releases: readonly ReleaseCounts[]
  readonly running: ReadonlyMap<string, number>
  readonly connections: Readonly<Record<string, number>>
  readonly draining: number
  readonly processes: number
  readonly cpuSeconds: number
  readonly residentBytes: number
  readonly startSeconds: number
  readonly table: {
    readonly seq: number
    readonly ageSeconds: number
    readonly changes: number
    readonly apps: number
    readonly connected: boolean
  }
  readonly version: string
}

type Labels = Readonly<Record<string, string>>
type Sample = { readonly labels?: Labels; readonly suffix?: string; readonly value: number }
type Type = 'counter' | 'gauge' | 'histogram'

export const contentType = 'text/plain; version=0.0.4; charset=utf-8'

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

function written(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (one) => escapes[one]!)}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function family(name: string, type: Type, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return ''
  const lines = samples.map(({ labels = {}, suffix = '', value }) => `${name}${suffix}${written(labels)} ${value}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

/** What never happened to an app has no series. */
function counted(app: string, numbers: readonly number[], first: number, names: readonly Labels[]): Sample[] {
  return names.flatMap((labels, index) => {
    const value = numbers[first + index] ?? 0
    return value === 0 ? [] : [{ labels: { app, ...labels }, value }]
  })
}

function histogram(app: string, numbers: readonly number[]): Sample[] {
  let sum = 0
  const buckets = [...bounds.map(String), '+Inf'].map((le, index) => {
    sum += numbers[offsets.durations + index] ?? 0
    return { suffix: '_bucket', labels: { app, le }, value: sum }
  })
  if (sum === 0) return []
  return [
    ...buckets,
    { suffix: '_sum', labels: { app }, value: numbers[offsets.seconds] ?? 0 },
    { suffix: '_count', labels: { app }, value: sum },
  ]
}

const answers = classes.flatMap((code) => protocols.map((protocol) => ({ code, protocol })))
const reasons = errorCodes.map((reason) => ({ reason }))

function ofRelease([app, release, numbers]: ReleaseCounts): Sample[] {
  return classes.flatMap((code, index) => {
    const value = numbers[index] ?? 0
    return value === 0 ? [] : [{ labels: { app, release: `v${release}`, code }, value }]
  })
}

export function metricsText({ apps, releases, running, connections, table, ...rest }: Numbers): string {
  const all = [...apps]
  const ofApps = (one: (app: string, numbers: readonly number[]) => Sample[]): Sample[] =>
    all.flatMap(([app, numbers]) => one(app, numbers))
  const single = (value: number): Sample[] => [{ value }]
  const name = 'deis_router'
  return [
    family(
      `${name}_requests_total`,
      'counter',
      'Requests that have ended, by class of the status; none: the client left first.',
      ofApps((app, numbers) => counted(app, numbers, offsets.requests, answers)),
    ),
    family(
      `${name}_release_requests_total`,
      'counter',
      'The same by the release that was deployed last when they ended.',
      releases.flatMap(ofRelease),
    ),
    family(
      `${name}_request_duration_seconds`,
      'histogram',
      'Time from the head of a request to the end of its response.',
      ofApps(histogram),
    ),
    family(
      `${name}_errors_total`,
      'counter',
      'Requests that failed, or were answered by the router itself, by reason.',
      ofApps((app, numbers) => counted(app, numbers, offsets.errors, reasons)),
    ),
    family(
      `${name}_response_bytes_total`,
      'counter',
      'Bytes of the bodies of responses.',
      ofApps((app, numbers) => counted(app, numbers, offsets.bytes, [{}])),
    ),
    family(
      `${name}_upstream_retries_total`,
      'counter',
      'Attempts after the first to reach a process for a request.',
      ofApps((app, numbers) => counted(app, numbers, offsets.retries, [{}])),
    ),
    family(
      `${name}_in_flight_requests`,
      'gauge',
      'Requests that a process of the app works on now, WebSockets included.',
      [...running].map(([app, value]) => ({ labels: { app }, value })),
    ),
    family(
      `${name}_open_connections`,
      'gauge',
      'Open connections of clients.',
      Object.entries(connections).map(([listener, value]) => ({ labels: { listener }, value })),
    ),
    family(
      `${name}_draining_upstreams`,
      'gauge',
      'Processes that get no new requests and still work on some.',
      single(rest.draining),
    ),
    family(`${name}_table_seq`, 'gauge', 'Line of the route feed that is applied.', single(table.seq)),
    family(
      `${name}_table_age_seconds`,
      'gauge',
      'Time since the controller sent something; it does at least every 5 seconds.',
      single(table.ageSeconds),
    ),
    family(`${name}_table_apps`, 'gauge', 'Apps in the route table.', single(table.apps)),
    family(`${name}_config_events_total`, 'counter', 'Changes of the route table.', single(table.changes)),
    family(`${name}_feed_connected`, 'gauge', '1: there is a controller.', single(table.connected ? 1 : 0)),
    family(`${name}_processes`, 'gauge', 'Processes of this router.', single(rest.processes)),
    family('process_cpu_seconds_total', 'counter', 'Processor time of all its processes.', single(rest.cpuSeconds)),
    family('process_resident_memory_bytes', 'gauge', 'Memory of all its processes.', single(rest.residentBytes)),
    family('process_start_time_seconds', 'gauge', 'When it started.', single(rest.startSeconds)),
    family('deis_build_info', 'gauge', 'Always 1.', [
      { labels: { version: rest.version, node: process.version }, value: 1 },
    ]),
  ].join('')
}
