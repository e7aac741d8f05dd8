// Does a deploy survive the loss of the API server in the middle of it?
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKube } from '../client/client.ts'
import { pathOf, type Pod } from '../client/objects.ts'
import type { Transport } from '../client/transport.ts'
import { isClusterThere, transportOf } from '../client/testing.ts'
import { never, quiet, until } from '@deis/ports/testing/contract-steps'
import { testFormation } from '@deis/ports/testing/formation'
import type { Formation } from '@deis/ports/scheduler'
import { createKubernetesScheduler } from './create.ts'
import { isReady } from './state.ts'
import { openTestbed, serve, type Testbed } from './testbed.ts'

/** A way to the API server that can be cut. */
async function openCable(target: URL) {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one
        .on('error', () => other.destroy())
        .on('close', () => {
          sockets.delete(one)
          other.destroy()
        })
      one.pipe(other)
    }
  })
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  const cut = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return { port, cut, mend: () => listen(port) }
}

describe.skipIf(!isClusterThere)('with an API server that goes away', () => {
  let testbed: Testbed
  let folder: string
  let cable: Awaited<ReturnType<typeof openCable>>
  let wire: Transport

  beforeAll(async () => {
    testbed = await openTestbed('ko')
    folder = await mkdtemp(join(tmpdir(), 'deis-outage-'))
    const config = await readFile(process.env.KUBECONFIG ?? '', 'utf8')
    const [, server = ''] = /server: ["']?(https?:[^"',\s}]+)/.exec(config) ?? []
    cable = await openCable(new URL(server))
    const file = join(folder, 'config')
    await writeFile(file, config.replace(server, `https://127.0.0.1:${cable.port}`))
    wire = await transportOf(file)
  })
  afterAll(async () => {
    wire.close()
    await cable.cut()
    await testbed.remove()
    await rm(folder, { recursive: true, force: true })
  })

  test('an interrupted deploy goes on, and changes made meanwhile are seen afterwards', async () => {
    const app = `${testbed.prefix}app`
    const wanted = (release: number, replicas: number): Formation =>
      testFormation(
        app,
        release,
        artifact,
        { web: { command: serve, replicas, graceSeconds: 5 } },
        { env: { GREETING: String(release) }, deployTimeoutSeconds: 90 },
      )
    const artifact = await testbed.image('stack:1')
    const scheduler = await createKubernetesScheduler(testbed.options({ kube: createKube(wire) }))
    try {
      await scheduler.apply(wanted(1, 1), never, quiet)
      const deploy = scheduler.apply(wanted(2, 1), never, quiet)
      await until(
        'the new pod is there',
        async () => (await scheduler.observe(app)).some((pod) => pod.release === 2),
        60,
      )
      await cable.cut()
      // One more call meanwhile has to wait for the server.
      const prepared = scheduler.prepare(app, never)
      // What the watches cannot tell: the new pod becomes ready, and the old one is taken away.
      await until(
        'the new pod is ready',
        async () => {
          const { items } = await testbed.kube.list<Pod>(pathOf('v1/Pod', app), {
            query: { labelSelector: 'version=v2' },
          })
          return items.length === 1 && items.every(isReady)
        },
        60,
      )
      await cable.mend()
      await Promise.all([deploy, prepared])
      await until(
        'only the new release is left',
        async () => {
          const pods = await scheduler.observe(app)
          return pods.length === 1 && pods.every((pod) => pod.release === 2 && pod.state === 'up')
        },
        60,
      )
      expect(testbed.logged.join('\n')).toContain('warn a watch of the cluster was interrupted')
    } finally {
      await scheduler.close({ stop: false })
    }
  })
})
