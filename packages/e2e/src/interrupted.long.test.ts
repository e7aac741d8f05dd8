// Does nothing that a run of the tests has started go on when the run is killed?
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { processes, processesAround } from './processes.ts'
import { sweepRuns, typescript } from './run-folder.ts'
import { until } from './until.ts'

const source = fileURLToPath(new URL('run-folder.ts', import.meta.url))
// As an app: in its own session, with nothing of the run in its environment but where it works.
const runner = `
const { openRun } = await import(${JSON.stringify(source)})
const { spawn } = await import('node:child_process')
await openRun()
const app = spawn('sleep', ['600'], { cwd: process.env.TMPDIR, env: {}, detached: true, stdio: 'ignore' })
console.log(process.env.TMPDIR + ' ' + app.pid)
setInterval(() => {}, 1000)
`

let base: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'deis-e2e-'))
  await chmod(base, 0o755)
})
afterEach(() => rm(base, { recursive: true, force: true }))

const alive = async (wanted: number): Promise<boolean> => (await processes()).some(({ pid }) => pid === wanted)

async function startRun(): Promise<{ child: ChildProcess; folder: string; app: number }> {
  const args = [...typescript, '--input-type=module', '--eval', runner]
  const env = { PATH: process.env.PATH, TMPDIR: base }
  const child = spawn(process.execPath, args, { env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const [folder = '', app] = String(line).trim().split(' ')
  return { child, folder, app: Number(app) }
}

const watchdogs = async (): Promise<number[]> =>
  (await processes()).filter(({ command }) => command.includes(`run-watchdog.ts ${base}/`)).map(({ pid }) => pid)

test.skipIf(process.platform !== 'linux')('a watchdog ends it', async () => {
  const { child, folder, app } = await startRun()
  expect(await alive(app)).toBe(true)
  process.kill(-(child.pid ?? 0), 'SIGKILL')
  await until({ what: 'all of it is gone' }, async () => !(await alive(app)) && !existsSync(folder))
  await until({ what: 'the watchdog has ended' }, async () => (await watchdogs()).length === 0)
})

test.skipIf(process.platform !== 'linux')(
  'without a watchdog the next run ends it, but nothing of a run that goes on',
  async () => {
    const [one, other] = [await startRun(), await startRun()]
    for (const pid of await until({ what: 'both have one' }, async () => {
      const found = await watchdogs()
      return found.length === 2 ? found : false
    }))
      process.kill(pid, 'SIGKILL')
    process.kill(-(one.child.pid ?? 0), 'SIGKILL')
    await until({ what: 'the first has ended' }, async () => !(await alive(one.child.pid ?? 0)))
    expect(await alive(one.app)).toBe(true)
    await sweepRuns(base)
    expect([await alive(one.app), existsSync(one.folder)]).toEqual([false, false])
    expect([await alive(other.app), existsSync(other.folder)]).toEqual([true, true])
    process.kill(-(other.child.pid ?? 0), 'SIGKILL')
    await until({ what: 'the other has ended' }, async () => !(await alive(other.child.pid ?? 0)))
    await sweepRuns(base)
    expect(await processesAround(other.folder)).toEqual([])
  },
)
