// How much does the deis command add to the start of node?
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPlatform } from './platform.mjs'
import { cleanEnv, run } from './processes.mjs'

const runs = 15

/** Each with the longest it may take, in starts of node. */
const commands = [
  { words: ['--version'], most: 1.3 },
  { words: ['shortcuts'], most: 1.3 },
  // They ask the controller, which runs on the same machine.
  { words: ['apps'], most: 1.8 },
  { words: ['ps', '--app', 'bench'], most: 1.8 },
  { words: ['config', '--app', 'bench'], most: 1.8 },
]

export async function measure({ root, dist, scope }) {
  const { api, call, home } = await startPlatform({ root, scope })
  await call('POST', '/v2/apps/', { id: 'bench' })
  await call('POST', '/v2/apps/bench/config/', { values: { LEVEL: 'debug' } })
  mkdirSync(join(home, '.deis'))
  writeFileSync(join(home, '.deis/client.json'), JSON.stringify({ controller: api, token: call.token }))
  const env = { ...cleanEnv(), HOME: home }
  const timed = async (program, args) => (await run(scope, program, args, { env })).ms
  const times = commands.map(() => [])
  const floor = []
  // The first of each reads files that the others find in memory.
  for (let one = -1; one < runs; one++) {
    const node = await timed(process.execPath, ['-e', '0'])
    if (one >= 0) floor.push(node)
    for (const [index, { words }] of commands.entries()) {
      // As it is run from a shell.
      const took = await timed(join(dist, 'bin/deis'), words)
      if (one >= 0) times[index].push(took)
    }
  }
  return commands.map(({ words, most }, index) => ({
    name: `deis ${words[0]}`,
    of: 'bare node',
    unit: 'ms',
    ours: times[index],
    floor,
    most,
  }))
}
