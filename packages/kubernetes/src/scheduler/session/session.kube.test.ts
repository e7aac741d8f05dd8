// Do sessions on a real cluster work with what only Kubernetes has: memory limits, slugs, minimal images, foreign pods?
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Pod, pathOf } from '../../client/objects.ts'
import { isClusterThere } from '../../client/testing.ts'
import { never, until } from '@deis/ports/testing/contract-steps'
import { NoSuchPod, type OneOff, type Scheduler, type SessionIo } from '@deis/ports/scheduler'
import { createKubernetesScheduler } from '../create.ts'
import { openTestbed, type Testbed } from '../testbed.ts'

describe.skipIf(!isClusterThere).concurrent('sessions', () => {
  let testbed: Testbed
  let scheduler: Scheduler
  beforeAll(async () => {
    testbed = await openTestbed('ss')
    scheduler = await createKubernetesScheduler(testbed.options())
  })
  afterAll(async () => {
    await scheduler.close({ stop: false })
    expect(testbed.logged).toEqual([])
    await testbed.remove()
  })

  function newIo(terminal: SessionIo['terminal'] = null, input: PassThrough | null = null) {
    const printed = { stdout: '', stderr: '' }
    const cancel = new AbortController()
    const output: SessionIo['output'] = async (from, chunk) => void (printed[from] += chunk.toString())
    return { printed, cancel, io: { terminal, input, output, signal: cancel.signal } satisfies SessionIo }
  }
  const oneOff = async (name: string, command: string, more: Partial<OneOff> = {}): Promise<OneOff> => ({
    app: `${testbed.prefix}${name}`,
    release: 1,
    artifact: await testbed.image('stack:1'),
    env: { GREETING: 'hello' },
    tags: {},
    registry: {},
    pullPolicy: 'IfNotPresent',
    command,
    timeoutSeconds: 90,
    ...more,
  })
  const screen = { columns: 80, rows: 24, name: 'vt100' } as const

  test('an image with sh alone has sh', async () => {
    const { io, printed } = newIo()
    const artifact = await testbed.image('busybox:1')
    const { exited } = await scheduler.open(await oneOff('sh', 'echo $GREETING from $0; exit 4', { artifact }), io)
    expect([await exited, printed]).toEqual([4, { stdout: 'hello from sh\n', stderr: '' }])
    const terminal = newIo(screen)
    const at = await scheduler.open(await oneOff('sh', 'cat; echo $TERM; tty', { artifact }), terminal.io)
    expect([await at.exited, terminal.printed.stdout]).toEqual([0, 'vt100\r\n/dev/pts/0\r\n'])
  })

  test('a command that used too much memory says so', async () => {
    const { io, printed } = newIo()
    const hungry = 'node -e "const all = []; for (;;) all.push(Buffer.alloc(1e6, 1))"'
    const { exited } = await scheduler.open(await oneOff('hungry', hungry, { memory: '40M' }), io)
    expect(await exited).toBe(137)
    expect(printed.stderr).toBe('\nThe command used more memory than its limit (40Mi) and was killed (OOMKilled).\n')
  })

  test('it leaves no pod, its pod is marked as a session, and processes left in the background do not delay its end', async () => {
    const { io, printed } = newIo()
    const wanted = await oneOff('behind', 'sleep 600 & echo ready; read -r line; exit 6', {})
    const input = new PassThrough()
    const { exited, pod } = await scheduler.open(wanted, { ...io, input })
    await until('it is ready', async () => printed.stdout === 'ready\n', 60)
    const found = await testbed.kube.get<Pod>(pathOf('v1/Pod', wanted.app, pod))
    expect(found.metadata?.annotations).toMatchObject({ 'deis.io/session': 'true', 'deis.io/controller': 'one' })
    expect(found.spec?.activeDeadlineSeconds).toBeGreaterThan(90)
    input.write('go on\n')
    expect(await exited).toBe(6)
    expect(await testbed.kube.find<Pod>(pathOf('v1/Pod', wanted.app, pod))).toBeUndefined()
  })

  test('a session whose pod is deleted fails, without an exit code', async () => {
    const { io } = newIo(screen, new PassThrough())
    const wanted = await oneOff('deleted', 'sleep 600')
    const { exited, pod } = await scheduler.open(wanted, io)
    const outcome = expect(exited).rejects.toThrow(/deleted|lost/)
    await testbed.kube.remove(pathOf('v1/Pod', wanted.app, pod), { graceSeconds: 1 })
    await outcome
  })

  test('a command that cannot start says why', async () => {
    const { io } = newIo()
    const artifact = await testbed.image('pause:1')
    await expect(scheduler.open(await oneOff('nothing', 'true', { artifact }), io)).rejects.toThrow(/the command/)
    expect(await scheduler.observe(`${testbed.prefix}nothing`)).toEqual([])
  })

  test("a slug's profile scripts are read, and pods that are not an app's are refused", async () => {
    const app = `${testbed.prefix}slug`
    await scheduler.prepare(app, never)
    const script = `printf 'export FROM=profile\\nset -- changed\\n' > /app/.profile.d/a.sh
printf '#!/bin/sh\\nsleep 600' > /runner/init
chmod 755 /runner/init`
    const image = `${process.env.TEST_REGISTRY}/stack:1`
    const volumeMounts = [
      { name: 'files', mountPath: '/app/.profile.d', subPath: 'profile' },
      { name: 'files', mountPath: '/runner', subPath: 'runner' },
    ]
    const pod = (name: string, labels: Record<string, string>): Pod => ({
      metadata: { name, namespace: app, labels },
      spec: {
        terminationGracePeriodSeconds: 1,
        automountServiceAccountToken: false,
        volumes: [{ name: 'files', emptyDir: {} }],
        initContainers: [{ name: 'init', image, command: ['/bin/bash', '-c', script], volumeMounts }],
        containers: [{ name: `${app}-web`, image, command: ['/runner/init'], args: ['sleep 600'], volumeMounts }],
      },
    })
    const labels = { app, type: 'web', version: 'v1', heritage: 'deis' }
    await testbed.kube.create(pathOf('v1/Pod', app), pod(`${app}-web-1-aaaaa`, labels))
    await testbed.kube.create(pathOf('v1/Pod', app), pod('foreign', { app, type: 'web' }))
    await until(
      'both run',
      async () => {
        const { items } = await testbed.kube.list<Pod>(pathOf('v1/Pod', app))
        return items.every((one) => one.status?.containerStatuses?.[0]?.ready === true)
      },
      90,
    )
    const { io, printed } = newIo()
    const command = 'echo $FROM $HOME $PWD'
    const { exited } = await scheduler.exec({ app, pod: `${app}-web-1-aaaaa`, command }, io)
    expect([await exited, printed.stdout]).toEqual([0, 'profile /app /app\n'])
    await expect(scheduler.exec({ app, pod: 'foreign', command }, newIo().io)).rejects.toThrow(NoSuchPod)
  })
})
