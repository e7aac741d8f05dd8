// How much memory does the platform take while nothing happens?
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { deployFirst } from './deploy.mjs'
import { startPlatform } from './platform.mjs'

const idleSeconds = 10

function megabytes(file, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'utf8'))[1]) / 1024
}

function memoryOf(pid) {
  return {
    rss: megabytes(`/proc/${pid}/status`, 'VmRSS'),
    own: megabytes(`/proc/${pid}/status`, 'RssAnon'),
    files: megabytes(`/proc/${pid}/status`, 'RssFile'),
    pss: megabytes(`/proc/${pid}/smaps_rollup`, 'Pss'),
  }
}

export async function measure({ root, scope }) {
  const platform = await startPlatform({ root, scope })
  await deployFirst(scope, platform)
  await wait(idleSeconds * 1000, undefined, { signal: scope.signal })
  const programs = Object.entries(platform.pids).map(([name, pid]) => ({ name, ...memoryOf(pid) }))
  const sum = (key) => programs.reduce((total, program) => total + program[key], 0)
  const line = ({ name, rss, own, pss }) =>
    `${name.padEnd(12)} RSS ${rss.toFixed(1).padStart(6)} MB   its own ${own.toFixed(1).padStart(6)} MB   PSS ${pss.toFixed(1).padStart(6)} MB`
  const total = { name: 'sum', rss: sum('rss'), own: sum('own'), pss: sum('pss') }
  // RSS counts node's own program file in each process, PSS shares it among whatever else runs on this machine.
  const once = total.own + Math.max(...programs.map(({ files }) => files))
  return [
    {
      name: 'idle memory',
      of: 'RSS in sum',
      unit: 'MB',
      values: [total.rss],
      most: 150,
      details: [...programs, total].map(line),
    },
    { name: '', of: 'with node counted once', unit: 'MB', values: [once] },
  ]
}
