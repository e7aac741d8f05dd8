// Does the client work with a real API server?
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKube, type Kube } from './client.ts'
import { type Pod, pathOf, type Service } from './objects.ts'
import { isClusterThere, makeSpace } from './testing.ts'
import { loadTransport } from './transport.ts'
import { watchAll } from './watch.ts'

describe.skipIf(!isClusterThere)('a cluster', () => {
  const image = `${process.env.TEST_REGISTRY}/busybox:1`
  let kube: Kube
  let space = ''
  beforeAll(async () => {
    kube = createKube((await loadTransport()).transport)
    space = await makeSpace(kube, 'kl-client')
  })
  afterAll(async () => {
    await kube.remove(pathOf('v1/Namespace', undefined, space))
    kube.close()
  })

  const service = (annotations: Record<string, string>): Service => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'tea', namespace: space, labels: { heritage: 'deis' }, annotations },
    spec: { selector: { app: 'tea' }, ports: [{ name: 'http', port: 80, targetPort: 5000, protocol: 'TCP' }] },
  })
  const pod = (name: string, command: readonly string[]): Pod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: space, labels: { app: 'tea' } },
    spec: { restartPolicy: 'Never', containers: [{ name: 'main', image, command: [...command] }] },
  })

  test('apply creates, changes, keeps fields of others, and removes fields that are no longer given', async () => {
    const path = pathOf('v1/Service', space, 'tea')
    await kube.apply(service({ 'router.deis.io/domains': 'tea', 'router.deis.io/maintenance': 'True' }))
    await kube.patch(path, { metadata: { annotations: { theirs: 'kept' } } })
    const again = await kube.apply(service({ 'router.deis.io/domains': 'tea,www.acme.io' }))
    expect(again.metadata?.annotations).toEqual({ theirs: 'kept', 'router.deis.io/domains': 'tea,www.acme.io' })
    const same = await kube.apply(service({ 'router.deis.io/domains': 'tea,www.acme.io' }))
    expect(same.metadata?.resourceVersion).toBe(again.metadata?.resourceVersion)
    expect((await kube.list<Service>(pathOf('v1/Service', space))).items).toHaveLength(1)
  })

  test('refusals have the API’s words', async () => {
    await expect(kube.get(pathOf('v1/Service', space, 'coffee'))).rejects.toMatchObject({
      status: 404,
      reason: 'NotFound',
      message: 'services "coffee" not found',
    })
    expect(await kube.find(pathOf('v1/Service', space, 'coffee'))).toBeUndefined()
    expect(await kube.find('/apis/nowhere.example/v1')).toBeUndefined()
    await expect(kube.create(pathOf('v1/Service', space), service({}))).rejects.toMatchObject({
      reason: 'AlreadyExists',
    })
    await kube.remove(pathOf('v1/Service', space, 'coffee'))
    const invalid = { ...service({}), spec: { ports: [{ port: 0, protocol: 'TCP' }] } }
    await expect(kube.apply(invalid)).rejects.toMatchObject({ status: 422, reason: 'Invalid' })
    // Not asked for again and again, whatever the status: 1.20 says 500.
    await expect(kube.apply({ ...service({}), spec: { nonsense: true } })).rejects.toThrow(
      'failed to create typed patch',
    )
  })

  test('a list in pages is complete', async () => {
    const names = ['one', 'two', 'three'].map((name) => `paged-${name}`)
    for (const name of names)
      await kube.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: space } })
    const { items } = await kube.list<Pod>(pathOf('v1/ConfigMap', space), { query: { limit: 1 } })
    expect(items.map(({ metadata }) => metadata?.name)).toEqual(expect.arrayContaining(names))
  })

  test('a watch sees a pod come, change and go; delete options are read; its log is streamed', async () => {
    const watched = await watchAll<Pod>(kube, pathOf('v1/Pod', space), {
      query: { labelSelector: 'app=tea' },
      trouble: (error) => expect.unreachable(String(error)),
    })
    try {
      const told: string[] = []
      watched.onChange(({ metadata, status }, gone) => {
        const line = `${metadata?.name} ${gone ? 'gone' : status?.phase}`
        if (told.at(-1) !== line) told.push(line)
      })
      await kube.create(pathOf('v1/Pod', space), pod('steep', ['sh', '-c', 'echo hot; echo water; sleep 300']))
      await expect.poll(() => told.at(-1), { timeout: 30_000 }).toBe('steep Running')
      const over = new AbortController()
      const body = await kube.stream(pathOf('v1/Pod', space, 'steep', 'log'), { follow: true }, over.signal)
      let said = ''
      for await (const chunk of body) {
        said += String(chunk)
        if (said === 'hot\nwater\n') break
      }
      over.abort()
      expect(
        await text(await kube.stream(pathOf('v1/Pod', space, 'steep', 'log'), {}, AbortSignal.timeout(10_000))),
      ).toBe('hot\nwater\n')
      const started = Date.now()
      // `sleep` as process 1 does not listen to TERM: without the grace period it would take 30 s.
      await kube.remove(pathOf('v1/Pod', space, 'steep'), { graceSeconds: 0 })
      await expect.poll(() => told.at(-1), { timeout: 20_000 }).toBe('steep gone')
      expect(Date.now() - started).toBeLessThan(20_000)
      expect(told).toEqual(['steep Pending', 'steep Running', 'steep gone'])
      expect(watched.all()).toEqual([])
    } finally {
      await watched.close()
    }
  })
})
