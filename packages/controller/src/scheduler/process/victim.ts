// Which controller is killed in the tests? A program of its own: opens the scheduler, applies, and dies where it is told to.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Formation } from '../port.ts'
import { createProcessScheduler } from './create.ts'
import { openTestbed } from './testbed.ts'

/** The argument, as JSON. */
export type Orders = {
  readonly folder: string
  readonly firstPort: number
  /** Applied one after the other; the last one is cut short. */
  readonly formations: readonly Formation[]
  /** Milliseconds after the last apply began. */
  readonly dieAfter: number
}

const { folder, firstPort, formations, dieAfter } = JSON.parse(process.argv[2] ?? '') as Orders
const testbed = await openTestbed(firstPort, folder)
const scheduler = await createProcessScheduler(testbed.options())
const never = new AbortController().signal
for (const formation of formations.slice(0, -1)) await scheduler.apply(formation, never, () => {})
for (const formation of formations.slice(-1)) void scheduler.apply(formation, never, () => {})
await sleep(dieAfter)
process.kill(process.pid, 'SIGKILL')
