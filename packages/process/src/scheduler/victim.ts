// Which controller is killed in the tests? A program of its own: opens the scheduler, applies, and kills itself when told to.
import { setTimeout as sleep } from 'node:timers/promises'
import { openClient } from '@deis/ports/testing/contract-client'
import { createArchiver } from '@deis/machine/archive'
import { findTar } from '@deis/machine/tar'
import type { Formation } from '@deis/ports/scheduler'
import { createProcessScheduler } from './create.ts'
import { openTestbed } from './testbed.ts'

/** The argument, as JSON. */
export type Orders = {
  readonly folder: string
  readonly archiveProgram: readonly string[]
  readonly firstPort: number
  /** Applied one after the other; the last one is cut short. */
  readonly formations: readonly Formation[]
  /** Milliseconds after the last apply began. */
  readonly dieAfter: number
  /** Run at terminals and by pipes, in pods of their own and beside a process of the last one; it dies when all of them have printed something. */
  readonly sessions?: string
}

const { folder, archiveProgram, firstPort, formations, dieAfter, sessions } = JSON.parse(
  process.argv[2] ?? '',
) as Orders
const testbed = await openTestbed({ folder, firstPort })
const scheduler = await createProcessScheduler(
  testbed.options({ archiver: createArchiver(archiveProgram, await findTar()) }),
)
const never = new AbortController().signal
for (const formation of formations.slice(0, -1)) await scheduler.apply(formation, never, () => {})
const last = formations.at(-1)
if (last) void scheduler.apply(last, never, () => {})
await sleep(dieAfter)
if (sessions !== undefined && last) {
  const [pod] = await scheduler.observe(last.app)
  const target = { app: last.app, pod: pod?.name ?? '', command: sessions }
  const oneOff = { ...last, command: sessions, timeoutSeconds: 600 }
  const clients = [true, false, true, false].map((terminal) => openClient({ terminal, patience: 3 }))
  await Promise.all(
    clients.map(async (client, index) => {
      await (index < 2 ? scheduler.open(oneOff, client.io) : scheduler.exec(target, client.io))
      await client.shows('here')
    }),
  )
}
process.kill(process.pid, 'SIGKILL')
