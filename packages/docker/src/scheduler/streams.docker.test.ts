// Does what containers print arrive whole, and do sessions end well when their image, engine or controller does not?
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Artifact, type Scheduler, type SessionIo, SessionRefused } from '@deis/ports/scheduler'
import { openClient } from '@deis/ports/testing/contract-client'
import type { Harness } from '@deis/ports/testing/contract-harness'
import { contractSteps } from '@deis/ports/testing/contract-steps'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEngine } from '../engine/engine.ts'
import { appLabel, kindLabel, ofPlatform } from '../labels.ts'
import { createDockerScheduler } from './create.ts'
import { isEngineThere, openTestbed, type Testbed } from './testbed.ts'

const { TEST_DOCKER_HOST = '', TEST_DOCKER_REGISTRY = '' } = process.env
const stay = 'sleep 600'

describe.skipIf(!isEngineThere)('on Docker', () => {
  let testbed: Testbed
  let scheduler: Scheduler
  let harness: Harness
  let folder: string
  let proxy: Server
  const through = new Set<Socket>()
  const reopen = async (): Promise<void> => {
    const signal = AbortSignal.timeout(20_000)
    const engine = await openEngine({ host: `unix://${join(folder, 'engine.sock')}`, certPath: null }, signal)
    scheduler = await createDockerScheduler(await testbed.options({ engine }))
  }
  beforeAll(async () => {
    testbed = await openTestbed('dx')
    folder = await mkdtemp(join(tmpdir(), 'deis-engine-'))
    proxy = createServer({ allowHalfOpen: true }, (client) => {
      const engine = connect({ path: new URL(TEST_DOCKER_HOST).pathname, allowHalfOpen: true })
      for (const [one, other] of [
        [client, engine],
        [engine, client],
      ] as const) {
        through.add(one)
        one.pipe(other)
        one.on('error', () => {})
        one.on('close', () => {
          through.delete(one)
          other.destroy()
        })
      }
    }).listen(join(folder, 'engine.sock'))
    await once(proxy, 'listening')
    await reopen()
    const unused = async (): Promise<never> => {
      throw new Error('not used')
    }
    harness = {
      scheduler: () => scheduler,
      artifact: await testbed.image('stack:1'),
      prefix: testbed.prefix,
      patience: 2,
      commands: { sleep: stay } as Harness['commands'],
      ask: unused,
      crash: unused,
      reopen: unused,
      reboot: unused,
      close: unused,
    }
  })
  afterAll(async () => {
    await scheduler?.close({ stop: false })
    proxy?.close()
    await testbed?.remove()
    await rm(folder, { recursive: true, force: true })
  })
  const { newApp, web, formation, apply, observe, settled, until, oneOff, run } = contractSteps(() => harness)
  const texts = async (app: string): Promise<string[]> =>
    (await scheduler.logs(app, { lines: 20_000 })).map(({ text }) => text)

  test('a line of any length is printed and stored as a whole', async () => {
    const app = newApp()
    const [code, output] = await run(app, "head -c 100000 /dev/zero | tr '\\0' a; echo; echo end")
    expect([code, output.length, output.endsWith('a\nend\n')]).toEqual([0, 100_005, true])
    const stored = await texts(app)
    expect([stored.join('').length, stored.at(-1)]).toEqual([100_003, 'end'])
  })

  test('output that is read more slowly than it is printed is not cut at the end of the command', async () => {
    const count = 150_000
    const [code, output] = await run(newApp(), `seq ${count}`)
    expect([code, output.split('\n').length, output.endsWith(`\n${count}\n`)]).toEqual([0, count + 1, true])
  })

  test('no line of two outputs at once is missing', async () => {
    const app = newApp()
    const count = 6000
    const each = (to: string): string => `(for ((i = 0; i < ${count}; i++)); do echo "${to} $i"; done) >&${to} &`
    const [, output] = await run(app, `${each('1')} ${each('2')} wait`)
    const printed = output.split('\n')
    for (const to of ['1', '2'])
      expect(printed.filter((line) => line.startsWith(`${to} `))).toEqual(
        Array.from({ length: count }, (_, index) => `${to} ${index}`),
      )
    expect((await texts(app)).length).toBe(2 * count)
  })

  test.each([false, true])('a session whose connection is lost ends, terminal: %s', async (terminal) => {
    const app = newApp()
    const one = openClient({ terminal, patience: 2 })
    const { exited } = await scheduler.open(oneOff(app, `echo ready; ${stay}`, 120), one.io)
    const outcome = expect(exited).rejects.toThrow('the connection to the command')
    await one.shows('ready')
    for (const socket of through) socket.destroy()
    await outcome
    expect(await observe(app)).toEqual([])
  })

  test('a command in a process ends when its connection is lost', async () => {
    const app = newApp()
    await apply(formation(app, 1, { worker: web(1, stay) }))
    const [pod] = await settled(app, 1)
    const one = openClient({ input: false, patience: 2 })
    const command = "trap '' HUP TERM; sleep 601 & echo ready; wait"
    const { exited } = await scheduler.exec({ app, pod: pod?.name ?? '', command }, one.io)
    const outcome = expect(exited).rejects.toThrow('was lost')
    await one.shows('ready')
    for (const socket of through) socket.destroy()
    await outcome
    expect(await testbed.docker('top', pod?.name ?? '')).not.toContain('sleep 601')
    expect(testbed.logged.filter((line) => line.startsWith('warn'))).toEqual([])
  })

  test('an image without a shell is refused for sessions, with the reason', async () => {
    const app = newApp()
    await writeFile(
      join(folder, 'Dockerfile'),
      `FROM scratch\nCOPY --from=${TEST_DOCKER_REGISTRY}/busybox:1 /bin/busybox /busybox\nLABEL ${ofPlatform(testbed.platform)}\nCMD ["/busybox", "sleep", "600"]\n`,
    )
    const reference = await testbed.docker('build', '--quiet', folder, '--file', join(folder, 'Dockerfile'))
    const artifact: Artifact = { kind: 'image', reference, launcher: 'none' }
    try {
      await apply(formation(app, 1, { worker: { ...web(1), command: null } }, { artifact }))
      const [pod] = await settled(app, 1)
      for (const terminal of [false, true])
        for (const begin of [
          (io: SessionIo) => scheduler.exec({ app, pod: pod?.name ?? '', command: 'ls' }, io),
          (io: SessionIo) => scheduler.open({ ...oneOff(app, 'ls'), artifact }, io),
        ]) {
          const refused = await begin(openClient({ terminal }).io).catch((error: unknown) => error)
          expect(String(refused)).toContain('neither bash nor sh')
          expect(refused).toBeInstanceOf(SessionRefused)
        }
    } finally {
      await scheduler.remove(app, AbortSignal.timeout(60_000))
      await testbed.docker('image', 'rm', reference)
    }
  })

  test('what a process printed last while no controller ran is stored, and commands that were left are removed', async () => {
    const app = newApp()
    await apply(formation(app, 1, { worker: web(1, 'trap "echo at the end; exit 3" TERM; echo up; sleep 600 & wait') }))
    const [pod] = await settled(app, 1)
    await until('it has printed', async () => (await texts(app)).includes('up'))
    await scheduler.close({ stop: false })
    await testbed.docker('stop', pod?.name ?? '')
    const labels = [ofPlatform(testbed.platform), `${appLabel}=${app}`, `${kindLabel}=run`]
    const marked = labels.flatMap((one) => ['--label', one])
    const left = await testbed.docker('run', '-d', ...marked, `${TEST_DOCKER_REGISTRY}/stack:1`, 'sleep', '600')
    await reopen()
    expect((await texts(app)).filter((text) => text === 'at the end')).toHaveLength(1)
    await expect(testbed.docker('inspect', left)).rejects.toThrow('No such')
  })
})
