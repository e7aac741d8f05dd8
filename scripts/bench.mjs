// How near does the platform come to its floors, measured side by side in one run?
//   node scripts/bench.mjs [cli] [apps] [push] [push-many] [scale] [router] [memory] [hostile] [start] [many] [kubernetes] [docker] [apps200]      without names: all
// The exit code is 1 when a goal is missed by more than the runs differ, or something could not be measured.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMissed, report } from './bench/report.mjs'
import { openScope } from './bench/scope.mjs'
import { buildAll } from './build.mjs'
import { installAll } from './install.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const log = (text) => console.log(`deis: ${text}`)

const names = [
  'cli',
  'apps',
  'push',
  'push-many',
  'scale',
  'router',
  'memory',
  'hostile',
  'start',
  'many',
  'kubernetes',
  'docker',
  'apps200',
]

/** @returns how many goals were missed; null if it could not be measured. */
async function measureOne(name, interrupted) {
  const { measure } = await import(`./bench/${name}.mjs`)
  const scope = openScope(interrupted)
  try {
    // An array, or one result after the other as soon as it is known.
    let missed = 0
    for await (const result of await measure({ root, dist: join(root, 'dist'), scope })) {
      for (const line of report([result])) console.log(line)
      if (isMissed(result)) missed++
    }
    return missed
  } catch (error) {
    interrupted.throwIfAborted()
    console.error(`${name}: could not be measured: ${error.stack ?? error}`)
    return null
  } finally {
    await scope.close()
  }
}

async function main(wanted) {
  const unknown = wanted.filter((name) => !names.includes(name))
  if (unknown.length > 0)
    throw new Error(`there is no measurement ${unknown.join(', ')}; there are: ${names.join(', ')}`)
  installAll(log)
  await buildAll(log)
  const interrupt = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => interrupt.abort(new Error(`interrupted by ${signal}`)))
  const results = []
  for (const name of wanted.length > 0 ? wanted : names) {
    interrupt.signal.throwIfAborted()
    results.push(await measureOne(name, interrupt.signal))
  }
  const missed = results.reduce((sum, one) => sum + (one ?? 0), 0)
  console.log(missed === 0 ? 'no goal was missed by more than the runs differ' : `goals missed: ${missed}`)
  return missed > 0 || results.includes(null) ? 1 : 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`deis: ${error.message}`)
  process.exitCode = 1
}
