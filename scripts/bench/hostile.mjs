// How much later does the controller list apps while somebody sends it what hurts most?
import { join } from 'node:path'
import { startPlatform } from './platform.mjs'
import { onCore, run } from './processes.mjs'

const count = 20
const seconds = 5
const kinds = {
  config: 'CPU limits of 80,000 digits',
  nested: 'logins of a million arrays in each other',
  names: 'logins with names of 4 MB',
  logins: 'logins with wrong passwords',
  keys: '20,000 config keys',
  headers: 'headers that never end',
}

/** The slowest but one in a hundred of all answers, in milliseconds, asked for one after the other. */
async function slowest(scope, url, headers, until) {
  const times = []
  while (performance.now() < until) {
    const started = performance.now()
    const answer = await fetch(url, { headers, signal: AbortSignal.any([scope.signal, AbortSignal.timeout(60_000)]) })
    await answer.arrayBuffer()
    if (!answer.ok) throw new Error(`GET ${url} answered ${answer.status}`)
    times.push(performance.now() - started)
  }
  return times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1]
}

export async function measure({ root, scope }) {
  const platform = await startPlatform({ root, scope })
  for (let one = 0; one < count; one++) await platform.call('POST', '/v2/apps/', { id: `app-${one}` })
  const { token } = platform.call
  const headers = { authorization: `token ${token}` }
  const url = `${platform.api}/v2/apps`
  const during = (ms) => slowest(scope, url, headers, performance.now() + ms)
  await during(seconds * 1000)
  const results = []
  for (const [kind, of] of Object.entries(kinds)) {
    const rest = await during(seconds * 1000)
    const program = join(import.meta.dirname, 'hostile-client.mjs')
    const args = [program, platform.api, token, kind, String(seconds + 1)]
    const attack = run(scope, ...onCore(1, process.execPath, args), { seconds: 60 })
    // Whatever becomes of it is said below.
    attack.catch(() => {})
    const attacked = await during(seconds * 1000)
    const { stdout } = await attack
    results.push({
      name: kind,
      of: 'p99 at rest',
      unit: 'ms',
      ours: [attacked],
      floor: [rest],
      details: [`GET /v2/apps while 200 a second are to be sent of ${of}; answered were ${stdout}`],
    })
  }
  return results
}
