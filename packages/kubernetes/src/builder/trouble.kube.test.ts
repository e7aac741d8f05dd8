// Does a build on the real cluster end as it must when it cannot start, must not go on, or loses its pod?
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Namespace, pathOf } from '../client/objects.ts'
import { openTestCluster, type TestCluster } from './testing.ts'
import { isClusterThere } from '../client/testing.ts'

const host = process.env.TEST_REGISTRY ?? ''
const address = process.env.TEST_NODE_IP ?? ''

const bash = (script: string): string => `#!/bin/bash\nset -e\n${script}\n`
const plain = { Procfile: 'web: x\n' }
const endless = { ...plain, 'bin/pre-compile': bash('echo begun; sleep 1000') }

describe.skipIf(!isClusterThere)('trouble on the cluster', () => {
  let t: TestCluster
  beforeAll(async () => {
    t = await openTestCluster(host, address)
  })
  afterAll(() => t.close())

  /** Nothing of builds is left but what is being deleted in the background. */
  const nothingLeft = async (): Promise<void> => {
    expect((await t.jobs()).map(({ metadata }) => metadata?.name)).toEqual([])
    expect((await t.pods()).map(({ metadata }) => metadata?.name)).toEqual([])
  }

  test('cancelled: Job and pod are gone before it rejects', async () => {
    const cancel = new AbortController()
    const building = t.build(endless, {}, cancel.signal)
    await t.said('begun')
    const began = Date.now()
    cancel.abort(new Error('the user wants it no more'))
    await expect(building).rejects.toThrow('the user wants it no more')
    expect(Date.now() - began).toBeLessThan(20_000)
    await nothingLeft()
  })

  test('out of time: one message', async () => {
    const quick = await t.another({ timeoutSeconds: 6 })
    await expect(t.build(endless, {}, undefined, quick)).rejects.toThrow(
      'The build took longer than 6 seconds and was stopped: make it faster, or set DEIS_BUILD_TIMEOUT.',
    )
    await nothingLeft()
  })

  test('a killed controller: the next one ends its builds, and only those', async () => {
    const dead = await t.another({ instance: 'dead' })
    const living = await t.another({ instance: 'living' })
    const aborted = new AbortController()
    const lost = t.build(endless, { id: 'lost-1' }, undefined, dead)
    await t.said('begun')
    const going = t.build(
      { ...plain, 'bin/pre-compile': bash('echo going on; sleep 1000') },
      { id: 'going-1' },
      aborted.signal,
      living,
    )
    await t.said('going on')
    const asked: string[] = []
    const next = await t.another({
      instance: 'next',
      alive: async (instance) => {
        asked.push(instance)
        return instance === 'living'
      },
    })
    const seen = expect(lost).rejects.toThrow('The pod of the build was deleted from outside')
    await next.recover()
    await seen
    expect(asked.toSorted()).toEqual(['dead', 'living'])
    expect((await t.jobs()).map(({ metadata }) => metadata?.labels?.['deis.io/build'])).toEqual(['going-1'])
    aborted.abort(new Error('enough'))
    await expect(going).rejects.toThrow('enough')
  })

  test('memory', async () => {
    const small = await t.another({ limits: { memory: '96Mi', cpu: null, disk: null } })
    const hungry = { ...plain, 'bin/pre-compile': bash('tail /dev/zero') }
    await expect(t.build(hungry, {}, undefined, small)).rejects.toThrow(
      'The build ran out of memory (OOMKilled): it may use 96Mi.',
    )
  })

  test('an image that is not there', async () => {
    const images = { run: `${host}/stack:1`, buildah: `${host}/buildah:1`, tools: null }
    const broken = await t.another({ images: { ...images, stack: `${host}/no-such-stack:1` } })
    const began = Date.now()
    await expect(t.build(plain, {}, undefined, broken)).rejects.toThrow(
      new RegExp(`^The build cannot start: the image ${host}/no-such-stack:1 cannot be pulled: .*not found`),
    )
    expect(Date.now() - began).toBeLessThan(20_000)
    await nothingLeft()
  })

  test('a run image that is not there ends the build at once', async () => {
    const images = { stack: `${host}/stack:1`, buildah: `${host}/buildah:1`, tools: null }
    const broken = await t.another({ images: { ...images, run: `${host}/no-such-run:1` } })
    await expect(t.build(plain, {}, undefined, broken)).rejects.toThrow('no-such-run:1')
    await nothingLeft()
  })

  test('no node', async () => {
    const nowhere = await t.another({ nodeSelector: { 'deis.test/none': 'x' }, startSeconds: 4 })
    await expect(t.build(plain, {}, undefined, nowhere)).rejects.toThrow(
      'The build did not start within 4 seconds: no node takes it: 0/1 nodes are available',
    )
    expect(t.output()).toMatch(/^ {7}Waiting for the build to start: no node takes it: /)
  })

  test('quota', async () => {
    const path = pathOf('v1/ResourceQuota', t.namespace)
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small', namespace: t.namespace },
      spec: { hard: { pods: '0' } },
    }
    await t.kube.create(path, quota)
    try {
      const full = await t.another({ startSeconds: 8 })
      await expect(t.build(plain, {}, undefined, full)).rejects.toThrow(
        /did not start within 8 seconds: .*exceeded quota: small/,
      )
      expect(t.output()).toMatch(/^ {7}Waiting for the build to start: .*exceeded quota/m)
    } finally {
      await t.kube.remove(`${path}/small`)
    }
  })

  test('a controller that the pod cannot reach', async () => {
    const { createHandOff } = await import('./handoff.ts')
    const unreachable = await t.another({ handOff: createHandOff(() => `http://${address}:64999`) })
    await expect(t.build(plain, {}, undefined, unreachable)).rejects.toThrow(
      'The source could not be copied to the build.',
    )
    expect(t.output()).toContain('The controller could not be reached: connect ECONNREFUSED')
  })

  test("a namespace that is not the platform's is left alone", async () => {
    const name = `${t.namespace}-foreign`
    await t.kube.create<Namespace>(pathOf('v1/Namespace'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    try {
      const foreign = await t.another({ namespace: name })
      await expect(t.build(plain, {}, undefined, foreign)).rejects.toThrow(
        `The platform cannot build: the namespace "${name}" has no label heritage=deis`,
      )
      expect((await foreign.checks())[0]).toMatchObject({ name: 'build namespace', status: 'missing' })
    } finally {
      await t.kube.remove(pathOf('v1/Namespace', undefined, name))
    }
  })

  test('a namespace with the level that releases before set gets the one of now, and keeps what its operator sets', async () => {
    const name = `${t.namespace}-level`
    const path = pathOf('v1/Namespace', undefined, name)
    const enforce = 'pod-security.kubernetes.io/enforce'
    const labels = { heritage: 'deis', [enforce]: 'baseline' }
    const level = async (): Promise<string | undefined> =>
      (await t.kube.get<Namespace>(path)).metadata?.labels?.[enforce]
    await t.kube.create<Namespace>(pathOf('v1/Namespace'), {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels },
    })
    try {
      const there = await t.another({ namespace: name })
      expect((await there.checks())[0]).toMatchObject({ name: 'build namespace', status: 'ok' })
      expect(await level()).toBe('privileged')
      await t.kube.patch(path, { metadata: { labels } })
      await there.checks()
      expect(await level()).toBe('baseline')
    } finally {
      await t.kube.remove(path)
    }
  })

  test('the pod is deleted while it builds', async () => {
    const building = t.build(endless)
    await t.said('begun')
    const seen = expect(building).rejects.toThrow('The pod of the build was deleted from outside')
    const [pod] = await t.pods()
    await t.kube.remove(pathOf('v1/Pod', t.namespace, pod?.metadata?.name), { graceSeconds: 0 })
    await seen
    await sleep(0)
    await nothingLeft()
  })
})
