// Do apps on a Docker Engine keep to their limits and networks, and come back when somebody deletes what is theirs?
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Scheduler } from '@deis/ports/scheduler'
import type { Harness } from '@deis/ports/testing/contract-harness'
import { contractSteps, quiet } from '@deis/ports/testing/contract-steps'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDockerScheduler } from './create.ts'
import { get, isEngineThere, openTestbed, serve, type Testbed } from './testbed.ts'

const stay = 'sleep 600'

describe.skipIf(!isEngineThere)('on Docker', () => {
  let testbed: Testbed
  let scheduler: Scheduler
  let harness: Harness
  beforeAll(async () => {
    testbed = await openTestbed('dt')
    scheduler = await createDockerScheduler(await testbed.options())
    const unused = async (): Promise<never> => {
      throw new Error('not used')
    }
    harness = {
      scheduler: () => scheduler,
      artifact: await testbed.image('stack:1'),
      prefix: testbed.prefix,
      patience: 2,
      commands: { serve } as Harness['commands'],
      ask: unused,
      crash: unused,
      reopen: unused,
      reboot: unused,
      close: unused,
    }
  })
  afterAll(async () => {
    await scheduler?.close({ stop: false })
    await testbed?.remove()
  })
  const { newApp, web, formation, apply, observe, settled, failure, until, oneOff } = contractSteps(() => harness)
  const addressOf = async (app: string): Promise<string> => (await observe(app))[0]?.address ?? ''

  test('a process that needs more than its memory limit fails with that cause, and hurts no other', async () => {
    const [calm, greedy] = [newApp(), newApp()]
    await apply(formation(calm, 1, { web: web(1) }))
    const before = await observe(calm)
    const eats = `node -e "const all = []; setInterval(() => all.push(Buffer.alloc(2e7, 1)), 5)"`
    const failed = await failure(apply(formation(greedy, 1, { web: { ...web(1, eats), memory: '64M' } })))
    expect(failed.message).toBe('web used more memory than its limit and was killed (OOMKilled) before it was ready')
    expect(failed.hint).toContain('64M')
    expect(await observe(greedy)).toEqual([])
    expect(await observe(calm)).toEqual(before)
  })

  test('a command that starts others without end comes to its bound, and the machine goes on', async () => {
    const [calm, bomb] = [newApp(), newApp()]
    await apply(formation(calm, 1, { web: web(1) }))
    const lines = [
      'import os, time',
      'n = 0',
      'try:',
      '  while n < 9000:',
      '    if os.fork() == 0: time.sleep(60); os._exit(0)',
      '    n += 1',
      'except OSError as error: print(n, error.errno)',
    ]
    // Thousands of processes take a busy machine a while, most of it to end them.
    const wanted = oneOff(bomb, `python3 -c '${lines.join('\n')}'`, 120)
    let output = ''
    const code = await scheduler.run(wanted, {
      output: (chunk) => void (output += chunk),
      signal: AbortSignal.timeout(120_000),
    })
    const [started, errno] = output.trim().split(' ').map(Number)
    expect([code, errno]).toEqual([0, 11])
    expect(started).toBeLessThan(4096)
    await get(await addressOf(calm))
    expect(await observe(bomb)).toEqual([])
  })

  test('an app does not reach a container of another app, and reaches its own by the name of the type', async () => {
    const [one, other] = [newApp(), newApp()]
    await apply(formation(one, 1, { web: web(1) }))
    await apply(formation(other, 1, { web: web(1) }))
    const asks = async (app: string, address: string): Promise<string> => {
      const program = `require('http').get('http://${address}/', (r) => { console.log('answered'); process.exit() }).on('error', () => console.log('failed')).setTimeout(2000, () => { console.log('silence'); process.exit() })`
      const wanted = oneOff(app, `node -e "${program}"`)
      let output = ''
      const output_ = (chunk: string): void => void (output += chunk)
      await scheduler.run(wanted, { output: output_, signal: new AbortController().signal })
      return output.trim()
    }
    expect(await asks(one, await addressOf(other))).not.toBe('answered')
    expect(await asks(one, await addressOf(one))).toBe('answered')
    expect(await asks(one, 'web:5000')).toBe('answered')
  })

  test.each([['kill'], ['rm', '--force']])('a container after docker %s is replaced', async (...command) => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1) }))
    const [pod] = await observe(app)
    const id = await testbed.docker('inspect', '--format', '{{.Id}}', pod?.name ?? '')
    await testbed.docker(...command, id)
    await until('another container serves', async () => {
      const [now] = await observe(app)
      if (now?.state !== 'up' || now.address === null) return false
      return (await testbed.docker('inspect', '--format', '{{.Id}}', now.name).catch(() => id)) !== id
    })
    await get(await addressOf(app))
  })

  test('a network that somebody deleted is made again', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1) }))
    await apply(formation(app, 1, { web: web(0) }))
    await settled(app, 0)
    await testbed.docker('network', 'rm', `deis-${app}`)
    await apply(formation(app, 1, { web: web(1) })).catch(() => {})
    await apply(formation(app, 1, { web: web(1) }))
    await get(await addressOf(app))
  })

  test('a process whose liveness probe fails gets no more requests while it ends', async () => {
    const app = newApp()
    const stubborn = serve.replace('() => process.exit(0)', '() => {}')
    const liveness = { exec: { command: ['false'] }, initialDelaySeconds: 3, periodSeconds: 1, failureThreshold: 1 }
    await apply(formation(app, 1, { web: { ...web(1, stubborn), graceSeconds: 5, livenessProbe: liveness } }))
    expect(await addressOf(app)).not.toBe('')
    const seen = await until('it is not routed', async () => {
      const [pod] = await observe(app)
      return pod?.address === null && pod
    })
    expect(seen.state).toBe('error')
    expect(await testbed.docker('inspect', '--format', '{{.State.Running}}', seen.name)).toBe('true')
    await scheduler.remove(app, new AbortController().signal)
  })

  test.each(['a', 'ab', 'abc'])(
    'an image of a private registry is asked for with the password %j',
    async (password) => {
      const asked: string[] = []
      const server = createServer(({ headers }, response) => {
        asked.push(headers.authorization ?? '')
        response.writeHead(headers.authorization ? 404 : 401, { 'www-authenticate': 'Basic realm="test"' }).end()
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
      const app = newApp()
      const reference = `${host}/secret@sha256:${'0'.repeat(64)}`
      const registry = { username: 'ann', password, hostname: host }
      const artifact = { kind: 'image', reference, launcher: 'none' } as const
      const failed = await failure(
        scheduler.apply(
          formation(app, 1, { web: web(1, stay) }, { artifact, registry }),
          AbortSignal.timeout(60_000),
          quiet,
        ),
      )
      server.close()
      expect(failed.message).toContain('could not be pulled')
      expect(asked).toContain(`Basic ${Buffer.from(`ann:${password}`).toString('base64')}`)
    },
  )
})
