// Does what an app takes of the machine stay within its limits, and is it said when it does not? (As root, with systemd and cgroup v2.)
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openIsolation } from '@deis/machine/isolation'
import { openLimits } from '@deis/machine/limits'
import { openClient } from '@deis/ports/testing/contract-client'
import { testFormation } from '@deis/ports/testing/formation'
import type { Artifact, Formation, ObservedPod, ProcessSpec, Scheduler } from '@deis/ports/scheduler'
import { createProcessScheduler } from './create.ts'
import { openTestbed, type Testbed } from './testbed.ts'

const never = new AbortController().signal
const limits = await openLimits((await openIsolation()).path)

/** Takes memory, processes and time when it is told to. */
const greedy = `import { createServer } from 'node:http'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
const held = []
if (process.env.EAGER) held.push(Buffer.alloc(300e6, 1))
createServer((request, response) => {
  const [, what, number] = request.url.split('/')
  if (what === 'eat') for (let at = 0; at < 60; at++) held.push(Buffer.alloc(10e6, 1))
  if (what === 'group') return response.end(readFileSync('/proc/self/cgroup', 'utf8'))
  if (what === 'fork') {
    let started = 0, failed = 0
    const many = Array.from({ length: Number(number) }, () => {
      try { spawn('sleep', ['60']).on('error', () => failed++).on('spawn', () => started++) } catch { failed++ }
    })
    return setTimeout(() => response.end(JSON.stringify({ started, failed })), 2000)
  }
  response.end('fine')
}).listen(process.env.PORT)
`

describe.skipIf(!limits.enforced).sequential('limits (as root, with systemd and cgroup v2)', () => {
  let testbed: Testbed
  let scheduler: Scheduler
  let slug: Artifact
  beforeAll(async () => {
    testbed = await openTestbed()
    scheduler = await createProcessScheduler(testbed.options({ limits }))
    slug = await testbed.slug({ 'server.mjs': greedy })
  })
  afterAll(async () => {
    await scheduler?.close({ stop: true })
    await testbed?.remove()
  })

  const formation = (app: string, more: { memory?: string; cpu?: string; env?: Record<string, string> }): Formation => {
    const { env = {}, ...shares } = more
    const web: ProcessSpec = { command: 'node server.mjs', replicas: 1, graceSeconds: 5, ...shares }
    return testFormation(app, 1, slug, { web }, { env, deployTimeoutSeconds: 60 })
  }
  const running = async (app: string): Promise<ObservedPod> => {
    const [pod] = await scheduler.observe(app)
    if (pod === undefined || pod.address === null) throw new Error(`${app} does not run`)
    return pod
  }
  const linesOf = async (app: string): Promise<string> =>
    (await scheduler.logs(app, { lines: 100 })).map(({ text }) => text).join('\n')
  const groupFile = async (app: string, file: string): Promise<string> => {
    const group = await testbed.get((await running(app)).address!, '/group')
    return (await readFile(`/sys/fs/cgroup${/0::(\S+)/.exec(group)?.[1]}/${file}`, 'utf8')).trim()
  }

  test('the backend says that it enforces them', async () => {
    expect(await scheduler.capabilities()).toMatchObject({ memoryLimits: true, cpuLimits: true })
  })

  test('they are those of the group that the process is in', async () => {
    await scheduler.apply(formation('calm', { memory: '128M/256M', cpu: '250m/500m' }), never, () => {})
    expect(await groupFile('calm', 'memory.max')).toBe(String(256 * 2 ** 20))
    expect(await groupFile('calm', 'memory.swap.max').catch(() => '0')).toBe('0')
    expect(await groupFile('calm', 'cpu.max')).toBe('50000 100000')
    expect(await groupFile('calm', 'cpu.weight')).toBe('25')
    expect(await groupFile('calm', 'pids.max')).toBe('4096')
  })

  test('an app that takes more memory is killed with the cause and started again, and no other is touched', async () => {
    await scheduler.apply(formation('greedy', { memory: '128M' }), never, () => {})
    const before = (await running('calm')).started
    await testbed.get((await running('greedy')).address!, '/eat').catch(() => '')
    await expect
      .poll(() => linesOf('greedy'), { timeout: 30_000 })
      .toContain('process used more memory than its limit of 128M and was killed (OOMKilled), restarting in 1s')
    await expect.poll(async () => (await scheduler.observe('greedy'))[0]?.state, { timeout: 60_000 }).toBe('up')
    expect((await running('calm')).started).toEqual(before)
  }, 120_000)

  test('one that is killed before it is ready fails its deploy with the cause and the remedy', async () => {
    const failing = scheduler.apply(formation('eager', { memory: '128M', env: { EAGER: '1' } }), never, () => {})
    await expect(failing).rejects.toMatchObject({
      message: 'web used more memory than its limit of 128M and was killed (OOMKilled) before it was ready',
      hint: 'Raise its limit: deis limits:set web=512M',
    })
  }, 120_000)

  test('commands beside a process share its limits', async () => {
    const { io, shows } = openClient({ terminal: false, patience: 60 })
    const { name } = await running('calm')
    const code = scheduler.exec({ app: 'calm', pod: name, command: 'cat /proc/self/cgroup' }, io)
    expect(await code).toBe(0)
    await shows((await testbed.get((await running('calm')).address!, '/group')).trim())
  }, 120_000)

  test('after the controller has ended they hold, and the next one says the cause', async () => {
    await scheduler.close({ stop: false })
    const address = (await running('greedy').catch(() => null))?.address ?? null
    scheduler = await createProcessScheduler(testbed.options({ limits }))
    expect(address).toBeNull()
    await expect.poll(async () => (await scheduler.observe('greedy'))[0]?.state, { timeout: 30_000 }).toBe('up')
    await scheduler.apply(formation('greedy', { memory: '128M' }), never, () => {})
    const count = (text: string): number => text.split('(OOMKilled)').length
    const said = count(await linesOf('greedy'))
    await testbed.get((await running('greedy')).address!, '/eat').catch(() => '')
    await expect.poll(async () => count(await linesOf('greedy')), { timeout: 30_000 }).toBeGreaterThan(said)
  }, 120_000)

  test('what is stopped is gone with its group', async () => {
    const group = `/sys/fs/cgroup${/0::(\S+)/.exec(await testbed.get((await running('calm')).address!, '/group'))?.[1]}`
    await scheduler.remove('calm', never)
    await expect
      .poll(() => readFile(`${group}/cgroup.procs`, 'utf8').catch(() => 'gone'), { timeout: 10_000 })
      .toBe('gone')
  }, 60_000)
})
