// Which numbers does the router show when it is asked?
import { productVersion } from '@deis/types'
import type { Serving } from '../serve.ts'
import type { Table } from '../table/table.ts'
import { createMerger } from './merge.ts'
import { metricsText } from './text.ts'

/** Of the route feed. */
export type Seen = { at: number; changes: number; connected: boolean }

type Sources = {
  readonly serving: Pick<Serving, 'measure'>
  readonly table: () => Table
  readonly seen: Readonly<Seen>
}

export type Collected = ReturnType<ReturnType<typeof createMerger>['merge']>

export type Collector = {
  /** The requests of each app since it was first seen, of all processes. */
  readonly counts: () => Promise<Collected>
  /** All of it, for Prometheus. */
  readonly text: () => Promise<string>
}

/** `most`: how many apps have series of their own. */
export function createCollector(most: number, { serving, table, seen }: Sources): Collector {
  const merger = createMerger(most)
  const startSeconds = Math.round(performance.timeOrigin / 1000)
  const collect = async () => {
    const { live, ended } = await serving.measure()
    const { apps } = table()
    return { live, collected: merger.merge(live, ended, (app) => apps.has(app)) }
  }
  return {
    counts: async () => (await collect()).collected,
    async text() {
      const { live, collected } = await collect()
      const { apps, seq } = table()
      const sum = (of: (one: (typeof live)[number]) => number): number => live.reduce((all, one) => all + of(one), 0)
      return metricsText({
        ...collected,
        connections: { http: sum((one) => one.connections.http), https: sum((one) => one.connections.https) },
        draining: sum((one) => one.draining),
        processes: live.length,
        cpuSeconds: sum((one) => one.cpuSeconds),
        residentBytes: sum((one) => one.residentBytes),
        startSeconds,
        table: {
          seq,
          ageSeconds: (Date.now() - seen.at) / 1000,
          changes: seen.changes,
          apps: apps.size,
          connected: seen.connected,
        },
        version: productVersion,
      })
    },
  }
}
