// How long does a small Node.js app take from `git push` until it answers, and how long would the same steps take by hand?
import { mkdirSync } from 'node:fs'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { answers, command, deploy, prepare } from './deploy.mjs'
import { startPlatform } from './platform.mjs'
import { median } from './report.mjs'
import { freePorts, run } from './processes.mjs'

const runs = 5

/** What begins with the line, in the order of a push; a line that does not come leaves its step to the one before. */
const steps = [
  ['ssh, receive', null],
  ['unpack, detect', /Starting build/],
  ['Node.js version', /-----> .*(app detected|Node\.js)/i],
  ['npm ci', /Installing dependencies/],
  ['pack', /added \d+ package|up to date/],
  ['release, unpack, start, ready, routed', /Build complete/],
  ['end of the push', /deployed to Workflow/],
  ['until it answers', /^git push ended/],
]

/** The time of each step, from when the lines came. */
function breakdown(from, lines, to) {
  const marks = [{ name: steps[0][0], at: from }]
  let next = 1
  for (const { at, text } of lines) {
    const found = steps.findIndex(([, begins], index) => index >= next && begins.test(text))
    if (found < 0) continue
    marks.push({ name: steps[found][0], at })
    next = found + 1
  }
  return marks.map(({ name, at }, index) => ({ name, ms: (marks[index + 1]?.at ?? to) - at }))
}

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

/** The medians of the steps, in one line. */
function stepsLine(results) {
  const names = [...new Set(results.flatMap(({ steps }) => steps.map(({ name }) => name)))]
  const of = (name) => results.flatMap(({ steps }) => steps.filter((step) => step.name === name).map(({ ms }) => ms))
  return names.map((name) => `${name} ${Math.round(median(of(name)))}`).join(' · ')
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
