// Does a session on a real cluster also keep what is Kubernetes' own: memory limits, slugs, images with little in them, foreign pods?
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

  function seat(terminal: SessionIo['terminal'] = null, input: PassThrough | null = null) {
    const said = { stdout: '', stderr: '' }
    const cancel = new AbortController()
    const output: SessionIo['output'] = async (from, chunk) => void (said[from] += chunk.toString())
    return { said, cancel, io: { terminal, input, output, signal: cancel.signal } satisfies SessionIo }
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
    const { io, said } = seat()
    const artifact = await testbed.image('busybox:1')
    const { exited } = await scheduler.open(await oneOff('sh', 'echo $GREETING from $0; exit 4', { artifact }), io)
    expect([await exited, said]).toEqual([4, { stdout: 'hello from sh\n', stderr: '' }])
    const terminal = seat(screen)
    const at = await scheduler.open(await oneOff('sh', 'cat; echo $TERM; tty', { artifact }), terminal.io)
    expect([await at.exited, terminal.said.stdout]).toEqual([0, 'vt100\r\n/dev/pts/0\r\n'])
  })

  test('who used too much memory is told so', async () => {
    const { io, said } = seat()
    const hungry = 'node -e "const all = []; for (;;) all.push(Buffer.alloc(1e6, 1))"'
    const { exited } = await scheduler.open(await oneOff('hungry', hungry, { memory: '40M' }), io)
    expect(await exited).toBe(137)
    expect(said.stderr).toBe('\nThe command used more memory than its limit (40Mi) and was killed (OOMKilled).\n')
  })

  test('it leaves no pod, has told its mark to the cluster, and what it left behind does not hold it up', async () => {
    const { io, said } = seat()
    const wanted = await oneOff('behind', 'sleep 600 & echo ready; read -r line; exit 6', {})
    const input = new PassThrough()
    const { exited, pod } = await scheduler.open(wanted, { ...io, input })
    await until('it is ready', async () => said.stdout === 'ready\n', 60)
    const found = await testbed.kube.get<Pod>(pathOf('v1/Pod', wanted.app, pod))
    expect(found.metadata?.annotations).toMatchObject({ 'deis.io/session': 'true', 'deis.io/controller': 'one' })
    expect(found.spec?.activeDeadlineSeconds).toBeGreaterThan(90)
    input.write('go on\n')
    expect(await exited).toBe(6)
    expect(await testbed.kube.find<Pod>(pathOf('v1/Pod', wanted.app, pod))).toBeUndefined()
  })

  test('a deleted pod is no exit code', async () => {
    const { io } = seat(screen, new PassThrough())
    const wanted = await oneOff('deleted', 'sleep 600')
    const { exited, pod } = await scheduler.open(wanted, io)
    const outcome = expect(exited).rejects.toThrow(/deleted|lost/)
    await testbed.kube.remove(pathOf('v1/Pod', wanted.app, pod), { graceSeconds: 1 })
    await outcome
  })

  test('a command that cannot start says why', async () => {
    const { io } = seat()
    const artifact = await testbed.image('pause:1')
    await expect(scheduler.open(await oneOff('nothing', 'true', { artifact }), io)).rejects.toThrow(/the command/)
    expect(await scheduler.observe(`${testbed.prefix}nothing`)).toEqual([])
  })

  test('in a slug, its scripts count; in a pod of others, nothing is done', async () => {
    const app = `${testbed.prefix}slug`
    await scheduler.claim(app, never)
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
    const { io, said } = seat()
    const command = 'echo $FROM $HOME $PWD'
    const { exited } = await scheduler.exec({ app, pod: `${app}-web-1-aaaaa`, command }, io)
    expect([await exited, said.stdout]).toEqual([0, 'profile /app /app\n'])
    await expect(scheduler.exec({ app, pod: 'foreign', command }, seat().io)).rejects.toThrow(NoSuchPod)
  })
})
