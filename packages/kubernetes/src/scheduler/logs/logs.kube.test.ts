// Does each line of real pods arrive once, across restarts, broken connections and the end of the pod?
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createKube, type Kube } from '../../client/client.ts'
import { type Pod, pathOf } from '../../client/objects.ts'
import { isClusterThere, makeSpace } from '../../client/testing.ts'
import { loadTransport } from '../../client/transport.ts'
import { watchAll, type Watched } from '../../client/watch.ts'
import { readLastLines } from '../../cluster/last-lines.ts'
import { openPodLogs, type PodLogs } from './logs.ts'

describe.skipIf(!isClusterThere)('logs of pods', () => {
  const image = `${process.env.TEST_REGISTRY}/busybox:1`
  let kube: Kube
  let app = ''
  let pods: Watched<Pod>
  let folder = ''
  let logs: PodLogs
  const warnings: unknown[] = []

  const open = (): PodLogs => {
    const opened = openPodLogs({
      kube,
      folder,
      log: (_, message, fields) => void warnings.push({ message, ...fields }),
    })
    stop()
    stop = pods.onChange((pod, gone) => (gone ? opened.gone(pod) : opened.seen(pod)))
    for (const pod of pods.all()) opened.seen(pod)
    return opened
  }
  let stop = (): void => {}
  const patience = { timeout: 60_000, interval: 200 }
  beforeAll(async () => {
    kube = createKube((await loadTransport()).transport)
    app = await makeSpace(kube, 'kl-logs')
    pods = await watchAll<Pod>(kube, pathOf('v1/Pod', app), { trouble: (error) => void warnings.push(error) })
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deis-podlogs-'))
    logs = open()
  })
  afterEach(async () => {
    await logs.close()
    await rm(folder, { recursive: true })
    for (const { metadata } of pods.all()) await kube.remove(pathOf('v1/Pod', app, metadata?.name), { graceSeconds: 0 })
    // The next test follows every pod that it sees.
    await expect.poll(() => pods.all(), patience).toEqual([])
    expect(warnings).toEqual([])
  })
  afterAll(async () => {
    stop()
    await pods.close()
    await kube.remove(pathOf('v1/Namespace', undefined, app))
    kube.close()
  })

  type Extra = { image?: string; restartPolicy?: 'Never' }
  const start = async (last: string, command: string | string[], extra: Extra = {}): Promise<void> => {
    await kube.create(pathOf('v1/Pod', app), {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `${app}-web-123-${last}`,
        namespace: app,
        labels: { app, type: 'web', version: 'v3', heritage: 'deis' },
      },
      spec: {
        restartPolicy: extra.restartPolicy ?? 'Always',
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: `${app}-web`,
            image: extra.image ?? image,
            command: typeof command === 'string' ? ['sh', '-c', command] : command,
          },
        ],
      },
    })
  }
  const lines = async (count = 10_000): Promise<string[]> =>
    (await logs.tail(app, count)).map(({ source, text }) => `${source.split('.').at(-1)} ${text}`)

  test('lines of several pods, long ones and bytes that are not text', async () => {
    await start('aaaaa', 'echo one; head -c 20000 /dev/zero | tr "\\0" x; echo; printf "a\\377b\\n"; sleep 300')
    await expect
      .poll(lines, patience)
      .toEqual(['aaaaa one', `aaaaa ${'x'.repeat(16_384)}`, `aaaaa ${'x'.repeat(20_000 - 16_384)}`, 'aaaaa a\ufffdb'])
    await start('bbbbb', 'echo two; sleep 300')
    await expect.poll(() => lines(1), patience).toEqual(['bbbbb two'])
    expect((await logs.tail(app, 1))[0]?.source).toBe('web.v3.bbbbb')
  })

  test('a line that the API has is in the next answer, after all lines before it', async () => {
    const program = `require('node:net').createServer((socket) => {
      socket.once('data', (line) => { process.stdout.write(line); socket.end('done') })
    }).listen(8080)`
    await start('ccccc', ['node', '-e', program], { image: `${process.env.TEST_REGISTRY}/stack:1` })
    const address = async (): Promise<string> => {
      await expect.poll(() => pods.all()[0]?.status?.phase, patience).toBe('Running')
      return pods.all()[0]?.status?.podIP ?? ''
    }
    const host = await address()
    const print = (line: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const socket = connect(8080, host, () => void socket.write(`${line}\n`))
        socket.on('data', () => socket.end())
        socket.on('error', reject)
        socket.on('close', () => resolve())
      })
    await expect
      .poll(
        () =>
          print('first').then(
            () => true,
            () => false,
          ),
        patience,
      )
      .toBe(true)
    const written: string[] = []
    const newest = { namespace: app, pod: `${app}-web-123-ccccc`, container: `${app}-web`, lines: 1, previous: false }
    for (let index = 0; index < 100; index++) {
      await print(`line ${index}`)
      written.push(`ccccc line ${index}`)
      // The container runtime copies output to its file a moment later, so that the API may not have it yet.
      await expect.poll(() => readLastLines(kube, newest), { ...patience, interval: 1 }).toEqual([`line ${index}`])
      expect((await lines()).filter((line) => line !== 'ccccc first')).toEqual(written)
    }
  })

  test('each run of a container, and lines printed while no controller ran', async () => {
    await start(
      'ddddd',
      'echo born; i=0; while [ $i -lt 40 ]; do echo $i; i=$((i+1)); sleep 0.1; done; printf dying; exit 1',
    )
    const numbers = Array.from({ length: 40 }, (_, index) => `ddddd ${index}`)
    const life = ['ddddd born', ...numbers, 'ddddd dying']
    await expect.poll(async () => (await lines()).length, patience).toBeGreaterThan(5)
    await logs.close()
    await expect
      .poll(() => pods.all()[0]?.status?.containerStatuses?.[0]?.restartCount, patience)
      .toBeGreaterThanOrEqual(1)
    logs = open()
    await expect.poll(async () => (await lines()).length, patience).toBeGreaterThanOrEqual(2 * life.length)
    expect((await lines()).slice(0, 2 * life.length)).toEqual([...life, ...life])
  })

  test('the last lines of a deleted pod are stored', async () => {
    await start('eeeee', 'trap "echo end; exit 0" TERM; echo up; while true; do sleep 0.1; done')
    await expect.poll(lines, patience).toEqual(['eeeee up'])
    await kube.remove(pathOf('v1/Pod', app, `${app}-web-123-eeeee`))
    await expect.poll(() => pods.all(), patience).toEqual([])
    expect(await lines()).toEqual(['eeeee up', 'eeeee end'])
  })

  test('many lines at once all come, in order', async () => {
    await start('fffff', 'i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done', { restartPolicy: 'Never' })
    await expect.poll(async () => (await lines()).length, patience).toBe(5000)
    expect(await lines()).toEqual(Array.from({ length: 5000 }, (_, index) => `fffff ${index}`))
  })

  test('the last lines of a dead container', async () => {
    const which = { namespace: app, pod: `${app}-web-123-ggggg`, container: `${app}-web`, previous: true }
    await start('ggggg', 'echo one; echo two; exit 3')
    expect(await readLastLines(kube, { ...which, lines: 20 })).toEqual([])
    await expect.poll(() => readLastLines(kube, { ...which, lines: 1 }), patience).toEqual(['two'])
  })
})
