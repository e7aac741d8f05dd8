// How much does the deis command add to the start of node?
import { join } from 'node:path'
import { cleanEnv, run } from './processes.mjs'

const runs = 15

export async function measure({ dist, scope }) {
  const env = { ...cleanEnv(), HOME: scope.folder() }
  const timed = async (args) => {
    const from = performance.now()
    await run(scope, process.execPath, args, { env })
    return performance.now() - from
  }
  const ours = []
  const floor = []
  // The first of each reads files that the others find in memory.
  for (let one = -1; one < runs; one++) {
    const times = [await timed([join(dist, 'cli/deis.js'), '--version']), await timed(['-e', '0'])]
    if (one < 0) continue
    ours.push(times[0])
    floor.push(times[1])
  }
  return [{ name: 'cli start', of: 'bare node', unit: 'ms', ours, floor, most: 1.4 }]
}
