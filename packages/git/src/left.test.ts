// Is what git leaves behind when it is killed gone with the next push, and does nothing of it keep a push out?
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withVariable } from '@deis/machine/pid'
import { type Copy, freshCopies, deferred, outcome, type Platform, remote } from './fixture.ts'
import { spawnGit } from './git.ts'

let platform: Platform
let copy: Copy
freshCopies((fresh) => ({ platform, copy } = fresh))

const repo = (app = 'app'): string => join(platform.folder, 'repos', `${app}.git`)
const incoming = async (app?: string): Promise<string[]> =>
  (await readdir(join(repo(app), 'objects'))).filter((name) => name.includes('incoming-'))
/** Whether it is git's own process for the push of it. */
const ofApp = async (pid: number): Promise<boolean> =>
  (await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')).includes(repo())
const push = (app = 'app') => copy.git('push', remote(platform, app), 'main')

test('objects of a receive that was killed go with the next push, and those of another app stay', async () => {
  await writeFile(join(copy.folder, 'large'), randomBytes(3_000_000))
  await copy.commit({})
  const started = deferred()
  const go = deferred()
  platform.state.deploy = async ({ app }) => {
    if (app === 'app') return
    started.resolve()
    await go.resolved
  }
  const other = outcome(copy.start('push', remote(platform, 'other'), 'main'))
  await started.resolved
  const held = deferred()
  const died = deferred()
  const { deploy } = platform.state
  platform.state.deploy = async (pushed) => {
    if (pushed.app !== 'app') return deploy(pushed)
    held.resolve()
    await died.resolved
  }
  const pushing = push()
  await held.resolved
  for (const pid of await withVariable('HOME', join(platform.folder, 'repos', '.home')))
    if (await ofApp(pid)) process.kill(pid, 'SIGKILL')
  died.resolve()
  expect((await pushing).code).not.toBe(0)
  expect(await incoming()).toHaveLength(1)
  platform.state.deploy = deploy
  expect((await push()).code).toBe(0)
  expect(await incoming()).toEqual([])
  expect(await incoming('other')).toHaveLength(1)
  go.resolve()
  expect((await other).code).toBe(0)
})

test('locks from before the start keep no push out; those of now do', async () => {
  expect((await push()).code).toBe(0)
  const locks = ['HEAD.lock', 'packed-refs.lock', 'shallow.lock', 'refs/heads/main.lock', 'refs/tags/a/b.lock']
  await mkdir(join(repo(), 'refs/tags/a'), { recursive: true })
  for (const lock of locks) await writeFile(join(repo(), lock), '')
  await copy.commit({ a: '1' })
  const kept = await push()
  expect([kept.code, kept.stderr]).toEqual([1, expect.stringMatching(/failed to update ref|cannot lock ref/)])
  await platform.restart()
  const taken = await push()
  expect([taken.code, taken.stderr]).toEqual([0, expect.anything()])
  for (const lock of locks) expect(await readdir(repo(), { recursive: true })).not.toContain(lock)
})

test('what a killed controller left running ends at the next start', async () => {
  await push()
  const left = spawnGit({ program: 'git', path: process.env['PATH'] ?? '', folder: join(platform.folder, 'repos') }, [
    'receive-pack',
    '--',
    repo(),
  ])
  const ended = once(left, 'close')
  await once(left.stdout, 'data')
  await platform.restart()
  expect(await ended).toEqual([null, 'SIGKILL'])
})
