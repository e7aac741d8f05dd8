// Does nothing wrong serve, and is nothing left, when the engine is slow, a caller gives up, or somebody else uses what is the app's?
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Scheduler } from '@deis/ports/scheduler'
import type { Harness } from '@deis/ports/testing/contract-harness'
import { contractSteps, quiet, until } from '@deis/ports/testing/contract-steps'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../engine/engine.ts'
import { createDockerScheduler } from './create.ts'
import type { DockerOptions } from './backend.ts'
import { get, isEngineThere, openTestbed, serve, type Testbed } from './testbed.ts'

const never = new AbortController().signal
const plain = <T>(_: string, call: () => Promise<T>): Promise<T> => call()

describe.skipIf(!isEngineThere)('on Docker', () => {
  let testbed: Testbed
  let options: DockerOptions
  let scheduler: Scheduler
  let harness: Harness
  /** What happens around a call of the engine. */
  let around = plain
  beforeAll(async () => {
    testbed = await openTestbed('df')
    options = await testbed.options()
    const { engine } = options
    const slowed: Engine = {
      ...engine,
      read: (what, schema, call, signal) => around(call.path, () => engine.read(what, schema, call, signal)),
      send: (what, call, signal) => around(call.path, () => engine.send(what, call, signal)),
    }
    scheduler = await createDockerScheduler({ ...options, engine: slowed })
    harness = {
      scheduler: () => scheduler,
      artifact: await testbed.image('stack:1'),
      prefix: testbed.prefix,
      patience: 2,
      commands: { serve, sleep: 'sleep 600' } as Harness['commands'],
    } as Harness
  })
  afterAll(async () => {
    await scheduler?.close({ stop: false })
    await testbed?.remove()
  })
  const { newApp, web, formation, apply, observe, failure } = contractSteps(() => harness)
  const containersOf = async (app: string): Promise<string> =>
    testbed.docker('ps', '--all', '--quiet', '--filter', `label=io.deis.app=${app}`)

  test('a process that has ended before the engine told that it was started was never ready', async () => {
    const app = newApp()
    around = async (path, call) => {
      const answer = await call()
      if (path.endsWith('/start')) await sleep(1500)
      return answer
    }
    const crash = web(1, 'echo boom; exit 1')
    const failed = await failure(apply(formation(app, 1, { worker: crash }, { routable: null }))).finally(() => {
      around = plain
    })
    expect(failed.message).toContain('worker')
    expect(failed.evidence).toContain('boom')
    expect(await observe(app)).toEqual([])
  })

  test.each(['/containers/create', '/start'])('a deploy that is cancelled during %s leaves nothing', async (moment) => {
    const app = newApp()
    const cancel = new AbortController()
    around = async (path, call) => {
      const answer = call()
      // It is on its way by then.
      if (path.endsWith(moment)) setTimeout(() => cancel.abort(new Error('enough')), 5)
      return answer
    }
    const applied = scheduler.apply(formation(app, 1, { web: web(2) }), cancel.signal, quiet)
    await expect(applied).rejects.toThrow('enough')
    around = plain
    expect(await containersOf(app)).toBe('')
    expect(await observe(app)).toEqual([])
  })

  test('a container that is started again by hand is found at its new address, however late its end is known', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1) }))
    await apply(formation(app, 2, { web: web(1) }))
    const old = await until('the new one is alone', async () => {
      const [pod, ...more] = await observe(app)
      return more.length === 0 && pod?.address ? pod : false
    })
    // It ends and runs again before anybody looks at it.
    around = async (path, call) => {
      const answer = await call()
      if (path.endsWith('/wait')) await sleep(3000)
      return answer
    }
    try {
      await testbed.docker('restart', '--time', '0', old.name)
      const now = await until(
        'it is routed to where it is',
        async () => {
          const [pod] = await observe(app)
          return pod?.address && pod.address !== old.address ? pod.address : false
        },
        30,
      )
      expect(JSON.parse(await get(now))).toMatchObject({ pod: old.name })
    } finally {
      around = plain
    }
    await scheduler.remove(app, never)
  })

  test('a container is not left when the engine answers its creation too late', async () => {
    const app = newApp()
    around = async (path, call) => {
      const answer = await call()
      if (path.endsWith('/containers/create')) throw new Error('no answer')
      return answer
    }
    await failure(apply(formation(app, 1, { web: web(1) }))).finally(() => {
      around = plain
    })
    expect(await containersOf(app)).toBe('')
  })

  test('an app is removed although a container of somebody else is in its network, which stays and is said', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1) }))
    const stranger = `${app}-stranger`
    const image = `${process.env.TEST_DOCKER_REGISTRY}/busybox:1`
    await testbed.docker('run', '--detach', '--name', stranger, '--network', `deis-${app}`, image, 'sleep', '600')
    try {
      await scheduler.remove(app, never)
      expect(testbed.logged.at(-1)).toMatch(/^warn the network of an app stays/)
      expect(await containersOf(app)).toBe('')
      expect(await testbed.docker('inspect', '--format', '{{.State.Running}}', stranger)).toBe('true')
      await apply(formation(app, 1, { web: web(1) }))
    } finally {
      await testbed.docker('rm', '--force', stranger)
    }
    await scheduler.remove(app, never)
    expect(await testbed.docker('network', 'ls', '--quiet', '--filter', `name=deis-${app}$`)).toBe('')
  })

  test('one who no longer waits for the network of an app does not take it from others', async () => {
    const app = newApp()
    const cancel = new AbortController()
    const [first, second] = [options.networks.ensure(app, cancel.signal), options.networks.ensure(app, never)]
    cancel.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    expect(await second).toBe(`deis-${app}`)
    await scheduler.remove(app, never)
  })

  test('thirty-five apps at once have a network each, more than the engine itself would have for them', async () => {
    const apps = Array.from({ length: 35 }, () => newApp())
    try {
      expect(await Promise.all(apps.map((app) => options.networks.ensure(app, AbortSignal.timeout(120_000))))).toEqual(
        apps.map((app) => `deis-${app}`),
      )
      const subnet = '{{range .IPAM.Config}}{{.Subnet}}{{end}}'
      const subnets = await testbed.docker(
        'network',
        'inspect',
        '--format',
        subnet,
        ...apps.map((app) => `deis-${app}`),
      )
      expect(new Set(subnets.split('\n')).size).toBe(35)
    } finally {
      await Promise.all(apps.map((app) => options.networks.remove(app, AbortSignal.timeout(120_000))))
    }
    const names = (await testbed.docker('network', 'ls', '--format', '{{.Name}}')).split('\n')
    expect(names.filter((name) => apps.includes(name.replace('deis-', '')))).toEqual([])
  })

  test('an image whose name somebody deletes while it runs is pulled again', async () => {
    const app = newApp()
    const name = `${process.env.TEST_DOCKER_REGISTRY}/deis-test/${app}`
    await testbed.docker('tag', `${process.env.TEST_DOCKER_REGISTRY}/stack:1`, `${name}:1`)
    await testbed.docker('push', '--quiet', `${name}:1`)
    const digests = JSON.parse(
      await testbed.docker('inspect', '--format', '{{json .RepoDigests}}', `${name}:1`),
    ) as string[]
    const reference = digests.find((one) => one.startsWith(`${name}@`)) ?? ''
    await testbed.docker('rmi', `${name}:1`)
    const wanted = (release: number) => ({
      ...formation(app, release, { web: web(1) }),
      artifact: { kind: 'image', reference, launcher: 'none' } as const,
    })
    await apply(wanted(1))
    const asked: string[] = []
    around = (path, call) => {
      if (path.startsWith('/images/')) asked.push(path)
      return call()
    }
    try {
      // A container that runs keeps its image: nothing is asked.
      await apply(wanted(2))
      expect(asked).toEqual([])
      await testbed.docker('rmi', '--force', reference)
      await apply(wanted(3))
    } finally {
      around = plain
    }
    expect((await observe(app)).some(({ release, state }) => release === 3 && state === 'up')).toBe(true)
    await scheduler.remove(app, never)
    await testbed.docker('rmi', reference)
  })

  test('an image may take longer than the deploy has time', async () => {
    const app = newApp()
    const [to, port] = (process.env.TEST_DOCKER_REGISTRY ?? '').split(':')
    const server = createServer(({ url: path, method, headers }, response) => {
      const asked = { host: to, port, path, method, headers }
      const forward = (): void =>
        void request(asked, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(response)
        }).end()
      setTimeout(forward, path?.includes('/manifests/') ? 4000 : 0)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { artifact } = harness
    const here = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const reference = artifact.kind === 'image' ? artifact.reference.replace(`${to}:${port}`, here) : ''
    const slow = { kind: 'image', reference, launcher: 'none' } as const
    try {
      await apply(formation(app, 1, { web: web(1) }, { artifact: slow, deployTimeoutSeconds: 6 }))
      expect(await observe(app)).toMatchObject([{ state: 'up' }])
    } finally {
      server.close()
      await scheduler.remove(app, never)
      await testbed.docker('rmi', reference)
    }
  })
})
