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

export function loadProgram() {
  withWrk ??= hasProgram('wrk')
  return withWrk ? 'wrk' : 'a node client'
}

/** Loads from a process of its own. Returns the rate, and the processor time that each request took of the process `pid`. */
export async function load(scope, { url, headers = {}, seconds, pid }) {
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
