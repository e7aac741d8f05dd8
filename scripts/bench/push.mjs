// How long does a small Node.js app take from `git push` until it answers, and how long would the same steps take by hand?
import { mkdirSync } from 'node:fs'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { answers, command, deploy, prepare } from './deploy.mjs'
import { startPlatform } from './platform.mjs'
import { freePorts, run } from './processes.mjs'
import { breakdown, stepsLine } from './push-steps.mjs'

const runs = 5

async function platformRun(scope, platform, person, app) {
  await platform.call('POST', '/v2/apps/', { id: app })
  const lines = []
  const from = performance.now()
  await deploy(scope, platform, person, app, (text) => lines.push({ at: performance.now(), text }))
  const to = performance.now()
  return { ms: to - from, steps: breakdown(from, lines, to) }
}

/** The same commit, installed and started the way a script on the machine would do it. */
async function floorRun(scope, folder, { env, repository }) {
  const [bare, work] = [join(folder, 'bare.git'), join(folder, 'work')]
  mkdirSync(folder)
  await run(scope, 'git', ['init', '-q', '--bare', bare], { env })
  const [port] = await freePorts(1)
  const from = performance.now()
  const marks = []
  const mark = (name) => marks.push({ name, ms: performance.now() - from - marks.reduce((sum, { ms }) => sum + ms, 0) })
  await run(scope, 'git', ['push', bare, 'master'], { cwd: repository, env })
  mark('git push')
  await run(scope, 'git', ['clone', '-q', '-b', 'master', bare, work], { env })
  mark('git clone')
  await run(scope, 'npm', ['ci', '--include=dev', '--prefer-offline'], { cwd: work, env })
  mark('npm ci')
  const app = spawn(command[0], command.slice(1), { cwd: work, env: { ...env, PORT: String(port) }, stdio: 'ignore' })
  const ended = once(app, 'exit')
  try {
    await answers(scope, port, 'localhost')
    mark('start')
    return { ms: performance.now() - from, steps: marks }
  } finally {
    app.kill('SIGKILL')
    await ended
  }
}

export async function measure({ root, scope }) {
  const platform = await startPlatform({ root, scope })
  const person = await prepare(scope, platform)
  const [ours, floor] = [[], []]
  for (let one = -1; one < runs; one++) {
    const results = [
      await platformRun(scope, platform, person, `app-${one + 1}`),
      await floorRun(scope, join(platform.folder, `floor-${one + 1}`), person),
    ]
    // The first fills the caches of both.
    if (one < 0) continue
    ours.push(results[0])
    floor.push(results[1])
  }
  const times = (results) => results.map(({ ms }) => ms)
  return [
    {
      name: 'push to live',
      of: 'by hand',
      unit: 'ms',
      ours: times(ours),
      floor: times(floor),
      most: 1.3,
      details: [`platform: ${stepsLine(ours)} (ms)`, `by hand:  ${stepsLine(floor)} (ms)`],
    },
  ]
}
