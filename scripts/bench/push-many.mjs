// How long does an app of fifty thousand files take from `git push` until it answers, and how long would its files take by hand?
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { deploy, prepare } from './deploy.mjs'
import { startPlatform } from './platform.mjs'
import { cpuSeconds, run } from './processes.mjs'

const files = 50_000
const folders = 500
const runs = 2
const everyMs = 10

async function addFiles(scope, { repository, env }) {
  for (let one = 0; one < files; one++) {
    const folder = join(repository, 'data', String(one % folders))
    if (one < folders) mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${one}.txt`), `${one} `.repeat(100))
  }
  await run(scope, 'git', ['add', '.'], { cwd: repository, env })
  await run(scope, 'git', ['commit', '-q', '-m', 'many files'], { cwd: repository, env })
}

/** The longest time in which the controller does not answer, while `work` goes on. */
async function longestWait({ api }, work) {
  const over = new AbortController()
  const watch = async () => {
    let longest = 0
    while (!over.signal.aborted) {
      const from = performance.now()
      await (await fetch(new URL('/healthz', api))).text()
      longest = Math.max(longest, performance.now() - from)
      await wait(everyMs)
    }
    return longest
  }
  const watching = watch()
  try {
    await work()
  } finally {
    over.abort()
  }
  return watching
}

async function platformRun(scope, platform, person, app) {
  await platform.call('POST', '/v2/apps/', { id: app })
  const [cpu, from] = [cpuSeconds(platform.pids.controller), performance.now()]
  const longest = await longestWait(platform, () => deploy(scope, platform, person, app, undefined, 600))
  return { ms: performance.now() - from, cpu: cpuSeconds(platform.pids.controller) - cpu, longest }
}

/** Pushed, checked out, packed and unpacked again: what a platform that keeps what it starts cannot do without. */
async function floorRun(scope, folder, { env, repository }) {
  const [bare, work, slug, app] = ['bare.git', 'work', 'slug.tgz', 'app'].map((name) => join(folder, name))
  mkdirSync(app, { recursive: true })
  await run(scope, 'git', ['init', '-q', '--bare', bare], { env })
  const from = performance.now()
  await run(scope, 'git', ['push', bare, 'master'], { cwd: repository, env })
  await run(scope, 'git', ['clone', '-q', '-b', 'master', bare, work], { env })
  await run(scope, 'tar', ['-C', work, '--exclude=.git', '-czf', slug, '.'], { env })
  await run(scope, 'tar', ['-C', app, '-xzf', slug], { env })
  return performance.now() - from
}

export async function measure({ root, scope }) {
  const platform = await startPlatform({ root, scope })
  const person = await prepare(scope, platform)
  await addFiles(scope, person)
  const [ours, floor] = [[], []]
  for (let one = 0; one < runs; one++) {
    ours.push(await platformRun(scope, platform, person, `many-${one}`))
    floor.push(await floorRun(scope, join(platform.folder, `floor-${one}`), person))
  }
  const of = (what) => ours.map((result) => result[what])
  return [
    { name: 'push-many', of: 'by hand', unit: 'ms', ours: of('ms'), floor, most: 1.5 },
    { name: 'push-many', of: 'of CPU in the controller', unit: 's', values: of('cpu') },
    { name: 'push-many', of: 'longest wait for the API', unit: 'ms', values: of('longest'), most: 50 },
  ]
}
