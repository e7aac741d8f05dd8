// Which scenarios are there, and how do they go on side by side?
import { test, vi } from 'vitest'
import { scenarios as accounts } from './accounts.ts'
import { scenarios as apps } from './apps.ts'
import { scenarios as checks } from './checks.ts'
import { scenarios as completion } from './completion.ts'
import { scenarios as config } from './config.ts'
import { scenarios as edge } from './edge.ts'
import { scenarios as enforced } from './enforced.ts'
import { scenarios as processes } from './processes.ts'
import { scenarios as words } from './words.ts'
import type { Scenario, World } from './world.ts'

/** Those in which what runs apps decides. Here and below the longest first, so that none is left alone in the end. */
export const onBackends: readonly Scenario[] = [...processes, ...edge, ...enforced, ...checks, ...config]

const everyScenario: readonly Scenario[] = [...onBackends, ...apps, ...accounts, ...words, ...completion]

/** Seconds, on a machine that has much else to do. */
const patience = 300

/** A test for each of them, in the world that is there when they begin; four at a time. */
export function conformanceTests(world: () => World, scenarios = everyScenario): void {
  vi.setConfig({ maxConcurrency: 4 })
  for (const { name, absent = false, run } of scenarios)
    (absent ? test.skip : test.concurrent)(name, { timeout: patience * 1000 }, () => run(world()))
}
