// How many requests a second does a server answer over connections that stay open, how late, and at which cost?
import { join } from 'node:path'
import { cpuSeconds, hasProgram, onCore, run } from './processes.mjs'

const milliseconds = { us: 0.001, ms: 1, s: 1000, m: 60_000 }
let withWrk

function wrkResult(text) {
  const wrong = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(text)
  if (wrong) throw new Error(`requests failed under load:\n${text}`)
  // A time in seconds has a space behind it.
  const [, late, unit] = /^ +99% +([\d.]+)([a-z]+) *$/m.exec(text)
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]),
    requests: Number(/(\d+) requests in/.exec(text)[1]),
    p99: Number(late) * milliseconds[unit],
  }
}

function loadProgram() {
  withWrk ??= hasProgram('wrk')
  return withWrk ? 'wrk' : 'a node client'
}

/**
 * Loads from a process of its own. Returns the rate, the slowest but one in a hundred, and the processor time that each
 * request took of the processes `pids`.
 */
async function load(scope, { url, headers = {}, seconds, pids, connections }) {
  const used = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
  const before = used()
  const [command, args] =
    loadProgram() === 'wrk'
      ? [
          'wrk',
          ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '15s', '--latency']
            .concat(Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]))
            .concat('--', url),
        ]
      : [
          process.execPath,
          [
            join(import.meta.dirname, 'load-client.mjs'),
            url,
            JSON.stringify(headers),
            String(seconds),
            String(connections),
          ],
        ]
  const { stdout } = await run(scope, ...onCore(1, command, args), { seconds: seconds + 30 })
  const { rate, requests, p99 } = loadProgram() === 'wrk' ? wrkResult(stdout) : JSON.parse(stdout)
  return { rate, p99, micros: ((used() - before) / requests) * 1e6 }
}

/**
 * Both sides warmed up, then loaded in turn: requests per second, the processor time of one, and the time until the last of
 * them is answered. The three goals are ratios to the floor.
 */
export async function compareLoad(
  scope,
  sides,
  { name, of, least, mostCpu, mostLate, runs, seconds, warmSeconds, connections = 16 },
) {
  for (const side of sides) await load(scope, { ...side, connections, seconds: warmSeconds })
  const results = [[], []]
  for (let one = 0; one < runs; one++)
    for (const [index, side] of sides.entries())
      results[index].push(await load(scope, { ...side, connections, seconds }))
  const both = (key) => {
    const [ours, floor] = results.map((side) => side.map((result) => result[key]))
    return { ours, floor }
  }
  return [
    { name, of, unit: 'req/s', ...both('rate'), least },
    { name: '', of: 'its CPU time', unit: 'µs', ...both('micros'), most: mostCpu },
    { name: '', of: 'its p99', unit: 'ms', ...both('p99'), most: mostLate, details: [`load by ${loadProgram()}`] },
  ]
}
