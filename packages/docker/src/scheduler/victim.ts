// Which controller is killed in the tests? A program of its own: opens the scheduler, applies, and kills itself when told to.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Formation } from '@deis/ports/scheduler'
import { createDockerScheduler } from './create.ts'
import { openTestbed } from './testbed.ts'

/** The argument, as JSON. */
export type Orders = {
  readonly prefix: string
  readonly folder: string
  readonly formation: Formation
  /** Milliseconds after the apply began. */
  readonly dieAfter: number
}

const { formation, dieAfter, ...same } = JSON.parse(process.argv[2] ?? '') as Orders
const testbed = await openTestbed('', undefined, same)
const scheduler = await createDockerScheduler(await testbed.options())
void scheduler.apply(formation, new AbortController().signal, () => {}).catch(() => {})
await sleep(dieAfter)
process.kill(process.pid, 'SIGKILL')
