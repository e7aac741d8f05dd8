// Which scenarios are there, and how do they go on side by side?
import { test } from 'vitest'
import { scenarios as accounts } from './accounts.ts'
import { scenarios as apps } from './apps.ts'
import { scenarios as completion } from './completion.ts'
import { scenarios as config } from './config.ts'
import { scenarios as edge } from './edge.ts'
import { scenarios as enforced } from './enforced.ts'
import { scenarios as processes } from './processes.ts'
import { scenarios as words } from './words.ts'
import type { Scenario, World } from './world.ts'

const scenarios: readonly Scenario[] = [
  ...processes,
  ...enforced,
  ...edge,
  ...apps,
  ...config,
  ...accounts,
  ...words,
  ...completion,
]
const atOnce = 4

/** Lets no more than so many go on at the same time. */
function limited(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let free = most
  return async (work) => {
    if (free > 0) free -= 1
    else await new Promise<void>((go) => waiting.push(go))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }
}

/** A test for each of them, in the world that is there when they begin. */
export function conformanceTests(world: () => World): void {
  const inTurn = limited(atOnce)
  for (const { name, absent = false, run } of scenarios)
    (absent ? test.skip : test.concurrent)(name, () => inTurn(() => run(world())))
}
