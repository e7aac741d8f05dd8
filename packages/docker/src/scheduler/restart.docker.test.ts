// Do apps come back when the engine restarts and takes their containers with it, also when the controller was away? On an engine
// of the test's own, since others would lose theirs.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Scheduler } from '@deis/ports/scheduler'
import type { Harness } from '@deis/ports/testing/contract-harness'
import { contractSteps, until } from '@deis/ports/testing/contract-steps'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDockerScheduler } from './create.ts'
import { get, isEngineThere, openTestbed, serve, type Testbed } from './testbed.ts'

const isPossible = isEngineThere && process.getuid?.() === 0 && existsSync('/usr/sbin/dockerd')

describe.skipIf(!isPossible).sequential('an engine without live restore', () => {
  let folder: string
  let engine: ChildProcess
  let testbed: Testbed
  let scheduler: Scheduler
  let harness: Harness
  const host = (): string => `unix://${join(folder, 'socket')}`
  const startEngine = async (): Promise<void> => {
    const args = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '--host', host()]
    // It leaves the rules of the machine's other engines alone.
    const apart = [
      '--pidfile',
      join(folder, 'pid'),
      '--bridge',
      'none',
      '--iptables=false',
      '--ip-forward=false',
      '--init-path',
      '/nowhere/docker-init',
    ]
    engine = spawn('/usr/sbin/dockerd', [...args, ...apart, '--log-level', 'error'], { stdio: 'ignore' })
    await until(
      'the engine answers',
      async () =>
        testbed.docker('version').then(
          () => true,
          () => false,
        ),
      60,
    )
  }
  const endEngine = async (): Promise<void> => {
    if (engine.exitCode !== null) return
    engine.kill('SIGTERM')
    await once(engine, 'exit')
  }
  const open = async (): Promise<void> => {
    scheduler = await createDockerScheduler(await testbed.options())
  }
  beforeAll(async () => {
    // The path of a socket has at most 108 characters.
    folder = await mkdtemp('/tmp/deis-engine-')
    testbed = await openTestbed('dr', host())
    await startEngine()
    await testbed.docker('pull', '--quiet', `${process.env.TEST_DOCKER_REGISTRY}/stack:1`)
    await open()
    harness = {
      scheduler: () => scheduler,
      artifact: await testbed.image('stack:1'),
      prefix: testbed.prefix,
      patience: 3,
      commands: { serve } as Harness['commands'],
    } as Harness
  })
  afterAll(async () => {
    await scheduler?.close({ stop: false })
    await testbed?.remove()
    await endEngine()
    await rm(folder, { recursive: true, force: true })
  })
  const { web, formation, apply, observe, settled } = contractSteps(() => harness)
  const wanted = (app: string) => formation(app, 1, { web: web(2), worker: web(1, 'sleep 600') })
  const answers = async (app: string): Promise<void> => {
    for (const { address } of await observe(app)) if (address !== null) await get(address)
  }

  test('its init program is missing, which doctor says, and processes start without it', async () => {
    const checks = await (await scheduler.capabilities()).checks()
    expect(checks.find(({ name }) => name === 'init')).toMatchObject({ status: 'limited' })
    const app = `${testbed.prefix}bare`
    await apply(formation(app, 1, { web: web(1) }))
    await answers(app)
    await scheduler.remove(app, new AbortController().signal)
  })

  test('its restart ends all containers, and the platform starts them again', async () => {
    const app = `${testbed.prefix}here`
    await apply(wanted(app))
    const before = (await observe(app)).map(({ name }) => name).toSorted()
    await endEngine()
    const checks = await (await scheduler.capabilities()).checks()
    expect(checks[0]).toMatchObject({ name: 'docker', status: 'missing', concern: 'broken' })
    await startEngine()
    const pods = await until(
      'all of it is up again',
      async () => {
        const now = await observe(app)
        const routed = now.filter(({ address }) => address !== null).length
        return now.length === 3 && routed === 2 && now.every(({ state }) => state === 'up') && now
      },
      90,
    )
    expect(pods.map(({ name }) => name).toSorted()).toEqual(before)
    await answers(app)
    const all = await testbed.docker('ps', '--all', '--quiet', '--filter', `label=io.deis.app=${app}`)
    expect(all.split('\n')).toHaveLength(3)
    await scheduler.remove(app, new AbortController().signal)
  })

  test('the same while the controller is away', async () => {
    const app = `${testbed.prefix}away`
    await apply(wanted(app))
    await scheduler.close({ stop: false })
    await endEngine()
    await startEngine()
    await open()
    // None of them runs, and none is taken for one that does.
    expect(await observe(app)).toEqual([])
    await apply(wanted(app))
    await settled(app, 3)
    await answers(app)
    const all = await testbed.docker('ps', '--all', '--quiet', '--filter', `label=io.deis.app=${app}`)
    expect(all.split('\n')).toHaveLength(3)
  })
})
