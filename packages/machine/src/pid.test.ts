// Are processes recognised again, and is a whole group ended, gently first?
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import {
  foregroundOf,
  groupMembers,
  identify,
  isAlive,
  killAll,
  processesOf,
  sessionMembers,
  signalGroup,
  signalPid,
  stopGroup,
  variableOfAll,
  withVariable,
} from './pid.ts'

const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
})

/** A group of its own; resolves when its first output has come. */
async function start(
  script: string,
  options: { uid?: number; env?: Record<string, string>; stdin?: 'pipe' } = {},
): Promise<number> {
  const child = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: [options.stdin ?? 'ignore', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], ...options.env },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  children.push(child)
  if (!child.stdout || child.pid === undefined) throw new Error('not started')
  await once(child.stdout, 'data')
  return child.pid
}

test('a process keeps its identity until it ends', async () => {
  const pid = await start('echo ready; exec sleep 600')
  const identity = await identify(pid)
  expect(identity).toMatchObject({ pid })
  expect(await identify(pid)).toEqual(identity)
  if (!identity) throw new Error('no identity')
  expect(await isAlive(identity)).toBe(true)
  expect(await isAlive({ ...identity, started: `${identity.started}0` })).toBe(false)
  signalPid(pid, 'SIGKILL')
  await expect.poll(() => isAlive(identity)).toBe(false)
  expect(await identify(pid)).toBeNull()
})

test('a process whose name holds parentheses and spaces is read correctly', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deis-pid-'))
  try {
    const odd = join(folder, 'a) (b 1')
    await copyFile('/bin/sh', odd)
    const pid = await start('exec "$ODD" -c "echo ready; read forever"', { env: { ODD: odd }, stdin: 'pipe' })
    expect(await groupMembers(pid)).toEqual([pid])
    expect(await identify(pid)).toMatchObject({ pid })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('members of a group, children of children included', async () => {
  const pid = await start('(sleep 600 & sleep 600 & echo ready; wait)')
  const members = await groupMembers(pid)
  expect(members).toContain(pid)
  expect(members.length).toBeGreaterThanOrEqual(3)
  expect(await stopGroup(pid, 5000)).toBe(true)
  expect(await groupMembers(pid)).toEqual([])
})

test('one that ignores TERM is killed when the grace is over, not before', async () => {
  const pid = await start('trap "" TERM; echo ready; while :; do sleep 1; done')
  const begin = Date.now()
  expect(await stopGroup(pid, 300)).toBe(true)
  expect(Date.now() - begin).toBeGreaterThanOrEqual(290)
  expect(await groupMembers(pid)).toEqual([])
})

test('an aborted stop sends TERM only', async () => {
  const pid = await start('trap "" TERM; echo ready; while :; do sleep 1; done')
  const abort = new AbortController()
  const stopping = stopGroup(pid, 60_000, abort.signal)
  await sleep(50)
  abort.abort()
  expect(await stopping).toBe(false)
  expect(await groupMembers(pid)).toContain(pid)
})

test('a group that is gone is not an error', async () => {
  const pid = await start('echo ready; exec sleep 600')
  expect(await stopGroup(pid, 1000)).toBe(true)
  expect(await stopGroup(pid, 1000)).toBe(true)
})

test.each([0, 1, -1, Number.NaN])('nothing is ever sent to %s', (target) => {
  expect(() => signalPid(target, 'SIGKILL')).toThrow('refused to send a signal to')
  expect(() => signalGroup(target, 'SIGKILL')).toThrow('refused to send a signal to')
})

test.skipIf(process.platform !== 'linux')(
  'processes are found by a variable, also those that left the group',
  async () => {
    const mark = `mark-${process.pid}`
    const pid = await start('setsid sleep 600 & setsid sleep 600 & echo ready; exec sleep 600', {
      env: { TEST_MARK: mark, TEST_MARK_TOO: 'other' },
    })
    await expect.poll(async () => (await withVariable('TEST_MARK', mark)).length).toBe(3)
    expect(await withVariable('TEST_MARK', mark)).toContain(pid)
    expect((await variableOfAll('TEST_MARK')).get(pid)).toBe(mark)
    expect(await withVariable('TEST_MARK', mark.slice(0, -1))).toEqual([])
    await killAll(() => withVariable('TEST_MARK', mark))
    expect(await withVariable('TEST_MARK', mark)).toEqual([])
  },
)

test.skipIf(process.platform !== 'linux')(
  'a session has all its groups, a process without a terminal no foreground',
  async () => {
    const pid = await start(`exec bash -c 'set -m; sleep 600 & echo ready; exec sleep 600'`)
    await expect.poll(async () => (await sessionMembers(pid)).length).toBe(2)
    expect(await groupMembers(pid)).toEqual([pid])
    expect(await foregroundOf(pid)).toBeNull()
    await killAll(() => sessionMembers(pid))
    expect(await sessionMembers(pid)).toEqual([])
    expect(await foregroundOf(pid)).toBeNull()
  },
)

test.skipIf(process.getuid?.() !== 0)('processes are found by their user (needs root)', async () => {
  const uid = 39_000
  expect(await processesOf(uid)).toEqual([])
  const pid = await start('echo ready; exec sleep 600', { uid })
  expect(await processesOf(uid)).toEqual([pid])
})
