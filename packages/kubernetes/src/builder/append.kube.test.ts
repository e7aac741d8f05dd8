// Does a node pull and run an image that we put a layer on, by its digest?
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKube, type Kube } from '../client/client.ts'
import { type Pod, pathOf } from '../client/objects.ts'
import { loadTransport } from '../client/transport.ts'
import { text } from 'node:stream/consumers'
import { imageOf, webImage } from '@deis/registry/testing'
import { isClusterThere } from '../client/testing.ts'

const host = process.env.TEST_REGISTRY ?? ''
const namespace = `reg-${randomBytes(4).toString('hex')}`

describe.skipIf(!isClusterThere)('images with one more layer', () => {
  let kube: Kube
  beforeAll(async () => {
    kube = createKube((await loadTransport()).transport)
    await kube.create(pathOf('v1/Namespace'), { metadata: { name: namespace } })
    // Pods are refused before the cluster has made it.
    await eventually(() => kube.find(pathOf('v1/ServiceAccount', namespace, 'default')))
  })
  afterAll(async () => {
    await kube.remove(pathOf('v1/Namespace', undefined, namespace))
    kube.close()
  })

  const eventually = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
    const signal = AbortSignal.timeout(90_000)
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      await sleep(100, undefined, { signal })
    }
  }

  const run = async (name: string, image: string, until: (pod: Pod) => boolean): Promise<Pod> => {
    await kube.create(pathOf('v1/Pod', namespace), {
      metadata: { name },
      spec: { restartPolicy: 'Never', automountServiceAccountToken: false, containers: [{ name: 'it', image }] },
    })
    return eventually(async () => {
      const pod = await kube.get<Pod>(pathOf('v1/Pod', namespace, name))
      return until(pod) ? pod : undefined
    })
  }

  test('a file of the layer, with its mode, owner, environment and folder', async () => {
    const { reference, entrypoint } = await imageOf(
      {
        'app/hello': {
          content: '#!/bin/bash\necho "$GREETING from $(id -u) in $PWD, node $(node -p 6*7)"\n',
          mode: 0o755,
          uid: 1000,
        },
      },
      {
        base: `${host}/stack:1`,
        entrypoint: ['/app/hello'],
        env: { GREETING: 'hello' },
        user: '1000',
        workingDir: '/app',
      },
    )
    expect(entrypoint).toEqual(['/app/hello'])
    const pod = await run('hello', reference, ({ status }) => /Succeeded|Failed/.test(status?.phase ?? ''))
    expect(pod.status?.phase).toBe('Succeeded')
    const log = await kube.stream(pathOf('v1/Pod', namespace, 'hello', 'log'), {}, AbortSignal.timeout(20_000))
    expect(await text(log)).toBe('hello from 1000 in /app, node 42\n')
  })

  test('a small web server', async () => {
    const { reference, ports } = await webImage('tea is ready\n')
    expect(ports).toEqual([8080])
    const pod = await run('web', reference, ({ status }) => status?.phase === 'Running' && status.podIP !== undefined)
    // Running is not yet listening.
    const answer = await eventually(() =>
      fetch(`http://${pod.status?.podIP}:8080/`, { signal: AbortSignal.timeout(5_000) }).then(
        (answer) => answer.text(),
        () => undefined,
      ),
    )
    expect(answer).toBe('tea is ready\n')
  })
})
