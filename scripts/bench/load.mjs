// How many requests a second does a server answer, over connections that stay open?
import { join } from 'node:path'
import { cpuSeconds, hasProgram, onCore, run } from './processes.mjs'

const connections = 16
let withWrk

function wrkResult(text) {
  const wrong = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(text)
  if (wrong) throw new Error(`requests failed under load:\n${text}`)
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]),
    requests: Number(/(\d+) requests in/.exec(text)[1]),
  }
}

function loadProgram() {
  withWrk ??= hasProgram('wrk')
  return withWrk ? 'wrk' : 'a node client'
}

/** Loads from a process of its own. Returns the rate, and the processor time that each request took of the process `pid`. */
async function load(scope, { url, headers = {}, seconds, pid }) {
  const before = cpuSeconds(pid)
  const [command, args] =
    loadProgram() === 'wrk'
      ? [
          'wrk',
          ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '15s']
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
  const { rate, requests } = loadProgram() === 'wrk' ? wrkResult(stdout) : JSON.parse(stdout)
  return { rate, micros: ((cpuSeconds(pid) - before) / requests) * 1e6 }
}

/** Both sides warmed up, then loaded in turn: requests per second, and the processor time of one. */
export async function compareLoad(scope, sides, { name, of, least, runs, seconds, warmSeconds }) {
  for (const side of sides) await load(scope, { ...side, seconds: warmSeconds })
  const results = [[], []]
  for (let one = 0; one < runs; one++)
    for (const [index, side] of sides.entries()) results[index].push(await load(scope, { ...side, seconds }))
  const [rates, micros] = ['rate', 'micros'].map((key) => results.map((side) => side.map((result) => result[key])))
  return [
    { name, of, unit: 'req/s', ours: rates[0], floor: rates[1], least },
    {
      name: '',
      of: 'its CPU time',
      unit: 'µs',
      ours: micros[0],
      floor: micros[1],
      details: [`load by ${loadProgram()}`],
    },
  ]
}
