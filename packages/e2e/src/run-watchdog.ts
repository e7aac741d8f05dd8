// Who ends what a killed run of the tests has left? This program, which the runner starts: its input ends with the runner.
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { sweepRuns } from './run-folder.ts'

const folder = process.argv[2] ?? ''
await text(process.stdin)
// A process lets go of its files a moment before it has ended.
for (let tries = 0; tries < 200 && existsSync(folder); tries++) {
  await sweepRuns(dirname(folder))
  await sleep(50)
}
