// Which numbers does the controller show, and how are they collected?
import type { MetricsText } from '@deis/lib/metrics-listener'
import { productVersion } from '@deis/types'
import type { Core } from './domain/core.ts'
import type { Measures } from './domain/measures.ts'
import { observeBackups } from './metrics-backup.ts'

export type Metrics = MetricsText & {
  readonly measures: Measures
  /** What is looked at only when somebody asks. */
  observe(core: Core): void
}

const seconds = {
  request: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  work: [1, 5, 15, 30, 60, 120, 300, 600, 1800],
}
/** Those that expire first: every series costs memory where it is stored. */
const mostCertificates = 500

/** The library is loaded here only: it takes memory that a controller nobody watches does not need. */
export async function createMetrics(backend: string): Promise<Metrics> {
  // It is CommonJS: bundled, its parts are in the default export only.
  const { default: client } = await import('prom-client')
  const { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } = client
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  // Gauges that are named like counters.
  for (const kind of ['resources', 'handles', 'requests']) registry.removeSingleMetric(`nodejs_active_${kind}_total`)
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, labelNames: string[], buckets: number[]) =>
    new Histogram({ name, help, labelNames, buckets, registers })
  const gauge = (
    name: string,
    help: string,
    labelNames: string[],
    collect: (set: (labels: Record<string, string>, value: number) => void) => Promise<void> | void,
  ) => {
    // What is no longer there has no series.
    const made = new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect: async () => {
        made.reset()
        await collect((labels, value) => made.set(labels, value))
      },
    })
    return made
  }
  gauge('deis_build_info', 'Always 1.', ['version', 'node', 'backend'], (set) =>
    set({ version: productVersion, node: process.version, backend }, 1),
  )
  const requests = counter('deis_api_requests_total', 'Requests to the API that were answered.', [
    'route',
    'method',
    'code',
  ])
  const times = histogram(
    'deis_api_request_duration_seconds',
    'Time of requests to the API; deploys, builds and followed logs answer when they are done.',
    ['route', 'method'],
    seconds.request,
  )
  const builds = counter('deis_builds_total', 'Builds of pushes that have ended.', ['result'])
  const buildTimes = histogram('deis_build_duration_seconds', 'Time of builds.', ['result'], seconds.work)
  const deploys = counter('deis_deploys_total', 'Deploys of releases that have ended.', ['result'])
  const deployTimes = histogram('deis_deploy_duration_seconds', 'Time of deploys.', ['result'], seconds.work)
  const drained = counter('deis_drain_lines_total', 'Lines of logs that were sent to drains, or lost on the way.', [
    'result',
  ])
  const failures = counter('deis_scheduler_errors_total', 'Failures of the backend itself; most are tried again.')
  return {
    type: registry.contentType,
    text: () => registry.metrics(),
    measures: {
      deploy(result, took) {
        deploys.inc({ result })
        deployTimes.observe({ result }, took)
      },
      build(result, took) {
        builds.inc({ result })
        buildTimes.observe({ result }, took)
      },
      schedulerFailed: () => failures.inc(),
      drained: (result, lines) => drained.inc({ result }, lines),
      request({ route, method, status }, took) {
        requests.inc({ route, method, code: String(status) })
        times.observe({ route, method }, took)
      },
    },
    observe(core) {
      observeBackups(gauge, core.config.dataDir)
      gauge('deis_converge_queue_length', 'Changes of apps that are made now or wait for their turn.', [], (set) =>
        set({}, core.queue.length()),
      )
      gauge('deis_builds_running', 'Builds of this controller that run.', [], (set) => set({}, core.here.builds.size))
      gauge('deis_drains', 'Drains that this controller sends to.', ['state'], (set) => {
        const states = [...core.here.drains.values()].map(({ state }) => state.state)
        for (const state of ['idle', 'sending', 'failing']) set({ state }, states.filter((one) => one === state).length)
      })
      gauge('deis_apps', 'Apps of the platform.', [], async (set) => set({}, await core.db.app.count()))
      gauge(
        'deis_routers',
        'Routers that are connected, and how many have not applied the newest routes.',
        ['state'],
        (set) => {
          const { following, behind } = core.routes.following()
          set({ state: 'current' }, following - behind)
          set({ state: 'behind' }, behind)
        },
      )
      gauge(
        'deis_certificate_expiry_timestamp_seconds',
        `When certificates that domains use expire; the first ${mostCertificates}.`,
        ['certificate'],
        async (set) => {
          const rows = await core.db.certificate.findMany({
            where: { domains: { some: {} } },
            select: { name: true, expires: true },
            orderBy: { expires: 'asc' },
            take: mostCertificates,
          })
          for (const { name, expires } of rows) set({ certificate: name }, expires.getTime() / 1000)
        },
      )
    },
  }
}
