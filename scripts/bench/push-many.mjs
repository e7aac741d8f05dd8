// How long does an app of fifty thousand files take from `git push` until it answers, and how long would its files take by hand?
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { deploy, prepare } from './deploy.mjs'
import { longestHold, watched } from './loops.mjs'
import { startPlatform } from './platform.mjs'
import { cpuSeconds, cpuSecondsOfAll, run } from './processes.mjs'
import { breakdown, stepsLine } from './push-steps.mjs'

const files = 50_000
const folders = 500
const runs = 3

async function addFiles(scope, { repository, env }) {
  for (let one = 0; one < files; one++) {
    const folder = join(repository, 'data', String(one % folders))
    if (one < folders) mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${one}.txt`), `${one} `.repeat(100))
  }
  const here = { cwd: repository, env }
  await run(scope, 'git', ['add', '.'], here)
  await run(scope, 'git', ['-c', 'gc.auto=0', 'commit', '-q', '-m', 'many files'], here)
  // Otherwise git does this by itself in the background, during the first push.
  await run(scope, 'git', ['gc', '-q'], here)
}

/** The files of builds are gone, so that their deletion is not measured with the next push. */
async function settled({ dataDir }) {
  const late = performance.now() + 60_000
  while (readdirSync(join(dataDir, 'builder/builds')).length > 0) {
    if (performance.now() > late) throw new Error('the files of a build were not deleted')
    await wait(20)
  }
}

async function platformRun(scope, platform, person, loops, app) {
  await platform.call('POST', '/v2/apps/', { id: app })
  const { controller } = platform.pids
  const lines = []
  // The client is a child of this program.
  const all = () => cpuSecondsOfAll(controller) + cpuSecondsOfAll(process.pid) - cpuSeconds(process.pid)
  const [cpu, allCpu, from] = [cpuSeconds(controller), all(), performance.now()]
  let to = from
  const held = await longestHold(loops, controller, async () => {
    await deploy(scope, platform, person, app, (text) => lines.push({ at: performance.now(), text }), 600)
    to = performance.now()
  })
  await settled(platform)
  const used = { cpu: cpuSeconds(controller) - cpu, allCpu: all() - allCpu }
  return { ms: to - from, ...used, held, steps: breakdown(from, lines, to) }
}

/** Pushed, checked out, packed and unpacked again: what a platform that keeps what it starts cannot do without. */
async function floorRun(scope, folder, { env, repository }) {
  const [bare, work, slug, app] = ['bare.git', 'work', 'slug.tgz', 'app'].map((name) => join(folder, name))
  mkdirSync(app, { recursive: true })
  await run(scope, 'git', ['init', '-q', '--bare', bare], { env })
  const steps = []
  const children = () => cpuSecondsOfAll(process.pid) - cpuSeconds(process.pid)
  const [from, cpu] = [performance.now(), children()]
  const mark = (name) => steps.push({ name, ms: performance.now() - from - steps.reduce((sum, { ms }) => sum + ms, 0) })
  await run(scope, 'git', ['push', bare, 'master'], { cwd: repository, env })
  mark('git push')
  await run(scope, 'git', ['clone', '-q', '-b', 'master', bare, work], { env })
  mark('git clone')
  await run(scope, 'tar', ['-C', work, '--exclude=.git', '-czf', slug, '.'], { env })
  mark('tar')
  await run(scope, 'tar', ['-C', app, '-xzf', slug], { env })
  mark('untar')
  return { ms: performance.now() - from, allCpu: children() - cpu, steps }
}

export async function measure({ root, scope }) {
  const loops = scope.folder()
  const platform = await startPlatform({ root, scope, env: watched(loops) })
  const person = await prepare(scope, platform)
  await addFiles(scope, person)
  const [ours, floor] = [[], []]
  // Not in turns: after the platform has deleted the files of a build, ext4 makes new ones more slowly for minutes.
  for (let one = 0; one < runs; one++) floor.push(await floorRun(scope, join(platform.folder, `floor-${one}`), person))
  for (let one = 0; one < runs; one++) ours.push(await platformRun(scope, platform, person, loops, `many-${one}`))
  const of = (results, what) => results.map((result) => result[what])
  return [
    {
      name: 'push-many',
      of: 'by hand',
      unit: 'ms',
      ours: of(ours, 'ms'),
      floor: of(floor, 'ms'),
      most: 1.5,
      details: [`platform: ${stepsLine(ours)} (ms)`, `by hand:  ${stepsLine(floor)} (ms)`],
    },
    { name: 'push-many', of: 'of the CPU', unit: 's', ours: of(ours, 'allCpu'), floor: of(floor, 'allCpu') },
    { name: 'push-many', of: 'of CPU in the controller', unit: 's', values: of(ours, 'cpu') },
    { name: 'push-many', of: 'longest hold of its event loop', unit: 'ms', values: of(ours, 'held'), most: 50 },
  ]
}
