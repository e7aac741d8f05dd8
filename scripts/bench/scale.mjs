// How long do ten processes, or one with another config, take to be live, and how long if they are started by hand?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { answers, command, deployFirst } from './deploy.mjs'
import { deisOf, startPlatform } from './platform.mjs'
import { cleanEnv, freePorts, run } from './processes.mjs'

const runs = 5
const count = 10
/** Processes that still end take time from what is measured next. */
const endMs = 3_000

/** Milliseconds until as many processes of the same program answer. */
async function byHand(scope, cwd, processes) {
  const ports = await freePorts(processes)
  const from = performance.now()
  const children = ports.map((port) =>
    spawn(command[0], command.slice(1), { cwd, env: { ...cleanEnv(), PORT: String(port) }, stdio: 'ignore' }),
  )
  const ended = children.map((child) => once(child, 'exit'))
  try {
    await Promise.all(ports.map((port) => answers(scope, port, 'localhost')))
    return performance.now() - from
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(ended)
  }
}

export async function measure({ root, scope }) {
  const platform = await startPlatform({ root, scope })
  const { env, repository } = await deployFirst(scope, platform)
  await run(scope, 'npm', ['ci', '--prefer-offline'], { cwd: repository, env })
  const deis = await deisOf({ root, scope }, platform)
  const times = { up: [], upByHand: [], set: [], setByHand: [] }
  for (let one = -1; one < runs; one++) {
    const set = (await deis('config:set', `RUN=${one}`, '-a', 'first')).ms
    await wait(endMs)
    const up = (await deis('scale', `web=${count}`, '-a', 'first')).ms
    await deis('scale', 'web=1', '-a', 'first')
    await wait(endMs)
    const [upByHand, setByHand] = [await byHand(scope, repository, count), await byHand(scope, repository, 1)]
    // The first fills the caches of both.
    if (one >= 0) for (const [name, ms] of Object.entries({ up, upByHand, set, setByHand })) times[name].push(ms)
  }
  const compared = (name, of, ours, floor) => ({ name, of, unit: 'ms', ours, floor, most: 1.3 })
  return [
    compared(`scale web=${count}`, `${count} started by hand`, times.up, times.upByHand),
    compared('config:set', 'one started by hand', times.set, times.setByHand),
  ]
}
