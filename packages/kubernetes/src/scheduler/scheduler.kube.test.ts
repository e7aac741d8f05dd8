// Does the Kubernetes scheduler create the contract's objects, keep fields of others, and report failures?
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Deployment,
  type HorizontalPodAutoscaler,
  type Ingress,
  type Namespace,
  pathOf,
  type Pod,
  type ReplicaSet,
  type ResourceQuota,
  type Secret,
  type Service,
} from '../client/objects.ts'
import { isClusterThere } from '../client/testing.ts'
import { names, never, quiet, until } from '@deis/ports/testing/contract-steps'
import { testFormation } from '@deis/ports/testing/formation'
import {
  DeployFailure,
  type Edge,
  type Formation,
  NameTaken,
  type ProcessSpec,
  type Scheduler,
} from '@deis/ports/scheduler'
import { createKubernetesScheduler } from './create.ts'
import { get, openTestbed, serve, stay, type Testbed } from './testbed.ts'

const run = promisify(execFile)
const patienceSeconds = 60

describe.skipIf(!isClusterThere).concurrent('the Kubernetes scheduler', () => {
  let testbed: Testbed
  let scheduler: Scheduler
  let image: Awaited<ReturnType<Testbed['image']>>
  let apps = 0

  beforeAll(async () => {
    testbed = await openTestbed('kt')
    scheduler = await createKubernetesScheduler(testbed.options())
    image = await testbed.image('stack:1')
  })
  afterAll(async () => {
    await scheduler.close({ stop: false })
    await testbed.remove()
  })

  const newApp = (): string => `${testbed.prefix}${++apps}`
  const process = (command: string, replicas = 1, more: Partial<ProcessSpec> = {}): ProcessSpec => ({
    command,
    replicas,
    graceSeconds: 5,
    ...more,
  })
  const formation = (
    app: string,
    release: number,
    processes: Formation['processes'],
    more: Partial<Formation> = {},
  ): Formation =>
    testFormation(app, release, image, processes, {
      env: { GREETING: 'hello', PORT: '5000' },
      deployTimeoutSeconds: patienceSeconds,
      ...more,
    })
  const apply = (wanted: Formation, by = scheduler): Promise<void> => by.apply(wanted, never, quiet)
  const read = <T>(kind: string, app: string, name: string): Promise<T> => testbed.kube.get<T>(pathOf(kind, app, name))
  const readDeployment = (app: string, type = 'web'): Promise<Deployment> =>
    read('apps/v1/Deployment', app, `${app}-${type}`)
  const failure = async (work: Promise<unknown>): Promise<DeployFailure> => {
    const thrown = await work.then(
      () => null,
      (error: unknown) => error,
    )
    expect(thrown).toBeInstanceOf(DeployFailure)
    return thrown as DeployFailure
  }
  const podsOf = async (app: string): Promise<string[]> => names(await scheduler.observe(app))

  test('objects are as the contract wants them, and the same formation changes none of them', async () => {
    const app = newApp()
    const wanted = formation(
      app,
      2,
      { web: process(serve, 2, { memory: '128M/1024M', cpu: '100m/1' }), worker: process(stay, 0) },
      { registry: { username: 'ann', password: 'pw' } },
    )
    await apply(wanted)
    const namespace = await testbed.kube.get<Namespace>(pathOf('v1/Namespace', undefined, app))
    expect(namespace.metadata?.labels).toMatchObject({ heritage: 'deis' })
    const live = await readDeployment(app)
    expect(live.metadata).toMatchObject({
      labels: { app, type: 'web', heritage: 'deis' },
      annotations: { 'kubernetes.io/change-cause': 'release 2' },
    })
    expect(live.spec).toMatchObject({
      replicas: 2,
      selector: { matchLabels: { app, type: 'web', heritage: 'deis' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: { app, version: 'v2', type: 'web', heritage: 'deis' } },
        spec: {
          restartPolicy: 'Always',
          terminationGracePeriodSeconds: 7,
          automountServiceAccountToken: false,
          imagePullSecrets: [{ name: 'private-registry' }],
          containers: [
            {
              name: `${app}-web`,
              image: image.reference,
              command: ['/bin/bash', '-c'],
              args: [serve],
              env: ['GREETING', 'PORT'].map((name) => ({
                name,
                valueFrom: { secretKeyRef: { name: `${app}-v2-env`, key: name } },
              })),
              resources: { requests: { memory: '128Mi', cpu: '100m' }, limits: { memory: '1Gi', cpu: '1' } },
              readinessProbe: { tcpSocket: { port: 5000 }, periodSeconds: 1 },
              lifecycle: { preStop: { exec: { command: ['sleep', '2'] } } },
            },
          ],
        },
      },
    })
    expect((await readDeployment(app, 'worker')).spec?.replicas).toBe(0)
    expect((await read<Service>('v1/Service', app, app)).spec).toMatchObject({
      selector: { app, heritage: 'deis', type: 'web' },
      ports: [{ name: 'http', port: 80, targetPort: 5000, protocol: 'TCP' }],
    })
    const secret = await read<Secret>('v1/Secret', app, `${app}-v2-env`)
    expect(secret.metadata?.labels).toEqual({ app, heritage: 'deis', version: 'v2', type: 'env' })
    expect(secret.data).toEqual({
      GREETING: Buffer.from('hello').toString('base64'),
      PORT: Buffer.from('5000').toString('base64'),
    })

    const before = await podsOf(app)
    await apply(wanted)
    const other = await createKubernetesScheduler(testbed.options({ instance: 'two' }))
    try {
      await apply(wanted, other)
      expect(names(await other.observe(app))).toEqual(before)
    } finally {
      await other.close({ stop: false })
    }
    const after = await readDeployment(app)
    expect(after.metadata?.generation).toBe(live.metadata?.generation)
    expect(after.spec).toEqual(live.spec)
    expect(await podsOf(app)).toEqual(before)
  })

  test('fields of others stay; the number is the autoscaler`s while there is one, and ours afterwards', async () => {
    const app = newApp()
    const scaled = { web: process(serve, 1, { autoscale: { min: 1, max: 5, cpuPercent: 70 } }) }
    await apply(formation(app, 1, scaled))
    const edit = (...args: string[]) => run('kubectl', ['--namespace', app, ...args])
    await edit('annotate', 'service', app, 'router.deis.io/connectTimeout=10')
    await edit('annotate', 'deployment', `${app}-web`, 'acme/note=ours')
    // The cluster has no metrics, so the test plays the autoscaler.
    await edit('scale', 'deployment', `${app}-web`, '--replicas=2')
    await apply(formation(app, 1, scaled))
    await apply(formation(app, 2, scaled))
    const live = await readDeployment(app)
    expect(live.spec?.replicas).toBe(2)
    expect(live.metadata?.annotations).toMatchObject({ 'acme/note': 'ours', 'kubernetes.io/change-cause': 'release 2' })
    const hpa = await read<HorizontalPodAutoscaler>('autoscaling/v1/HorizontalPodAutoscaler', app, `${app}-web`)
    expect(hpa.metadata?.labels).toEqual({ app, type: 'web', heritage: 'deis' })
    expect(hpa.spec).toEqual({
      minReplicas: 1,
      maxReplicas: 5,
      targetCPUUtilizationPercentage: 70,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: `${app}-web` },
    })
    expect((await read<Service>('v1/Service', app, app)).metadata?.annotations).toMatchObject({
      'router.deis.io/connectTimeout': '10',
    })
    await apply(formation(app, 2, { web: process(serve, 1) }))
    expect((await readDeployment(app)).spec?.replicas).toBe(1)
    const path = pathOf('autoscaling/v1/HorizontalPodAutoscaler', app, `${app}-web`)
    expect(await testbed.kube.find(path)).toBeUndefined()
    await apply(formation(app, 2, { web: process(serve, 0) }))
    expect((await readDeployment(app)).spec?.replicas).toBe(0)
  })

  test('environment variables that left a release leave the Deployment, and old secrets go with their ReplicaSets', async () => {
    const app = newApp()
    const worker = { worker: process(stay) }
    await apply(formation(app, 1, worker, { env: { OLD: '1', KEPT: '1' }, historyLimit: 0 }))
    await apply(formation(app, 2, worker, { env: { KEPT: '2' }, historyLimit: 0 }))
    const live = await readDeployment(app, 'worker')
    expect(live.spec?.template.spec?.containers[0]?.env?.map((one) => one.name)).toEqual(['KEPT'])
    await until(
      'the old ReplicaSet is gone',
      async () => {
        const { items } = await testbed.kube.list<ReplicaSet>(pathOf('apps/v1/ReplicaSet', app))
        return items.length === 1
      },
      patienceSeconds,
    )
    const path = pathOf('v1/Secret', app, `${app}-v1-env`)
    await until(
      'the next apply has taken the old secret away',
      async () => {
        await apply(formation(app, 2, worker, { env: { KEPT: '2' }, historyLimit: 0 }))
        return (await testbed.kube.find(path)) === undefined
      },
      patienceSeconds,
    )
  })

  const failing = (processes: Formation['processes'], more: Partial<Formation> = {}) =>
    failure(apply(formation(newApp(), 1, processes, more)))

  test('an image that does not exist is named at once', async () => {
    const reference = image.reference.replace(/@.*/, `@sha256:${'0'.repeat(64)}`)
    const failed = await failing({ web: process(serve) }, { artifact: { ...image, reference } })
    expect(failed.message).toBe(`the image of web cannot be pulled: ${reference}`)
    expect(failed.evidence.join('\n')).toContain('not found')
    expect(failed.hint).toContain('deis registry:set')
  })

  test('a crash loop is named with the last lines and the exit code', async () => {
    const failed = await failing({ worker: process('echo no luck; exit 3') })
    expect(failed.message).toBe('worker exited with code 3 before it was ready')
    expect(failed.evidence).toEqual(expect.arrayContaining(['no luck', 'exit code 3 (Error)']))
    expect(failed.hint).not.toBe('')
  })

  test('too little memory is named', async () => {
    // A container whose first process ends by itself would hide who was killed.
    // And a type without a probe counts as up before it is killed, where that takes seconds on a busy machine.
    const failed = await failing({ web: process('exec tail /dev/zero', 1, { memory: '64M' }) })
    expect(failed.message).toContain('web was killed because it used more memory than its limit (OOMKilled)')
    expect(failed.hint).toContain('deis limits:set web=')
  })

  test('a type that never listens is reported with its probe', async () => {
    const failed = await failing({ web: process(`echo waiting; ${stay}`) }, { deployTimeoutSeconds: 30 })
    expect(failed.message).toBe('web was not ready within 30 s')
    expect(failed.evidence.join('\n')).toMatch(/waiting[^]*its readiness probe did not pass: a connection to port 5000/)
    expect(failed.hint).toContain('port 5000')
  })

  test('a full quota is named, and the scale before stays', async () => {
    const app = newApp()
    const limited = await createKubernetesScheduler(testbed.options({ quota: { spec: { hard: { pods: '2' } } } }))
    try {
      await apply(formation(app, 1, { worker: process(stay, 2) }), limited)
      const quota = await read<ResourceQuota>('v1/ResourceQuota', app, `${app}-quota`)
      expect(quota.metadata?.labels).toEqual({ app, heritage: 'deis' })
      const before = await podsOf(app)
      const failed = await failure(apply(formation(app, 1, { worker: process(stay, 4) }), limited))
      expect(failed.message).toContain('the quota is too small for worker')
      expect(failed.evidence.join('\n')).toContain('exceeded quota')
      expect((await readDeployment(app, 'worker')).spec?.replicas).toBe(2)
      expect(await podsOf(app)).toEqual(before)
    } finally {
      await limited.close({ stop: false })
    }
  })

  test('a node selector without a node is named', async () => {
    const failed = await failing({ worker: process(stay) }, { tags: { disk: 'none' }, batches: 1 })
    expect(failed.message).toContain('worker does not fit on any node')
    expect(failed.hint).toContain('deis tags')
    expect(await scheduler.matchingNodes({ disk: 'none' })).toBe(0)
    expect(await scheduler.matchingNodes({})).toBe(1)
  })

  test('of two types one is bad: both are as before, and the failed release leaves nothing', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: process(serve), worker: process(stay, 2) }))
    const before = await Promise.all([readDeployment(app), readDeployment(app, 'worker')])
    const bad = formation(app, 2, { web: process(serve, 2), worker: process('exit 4', 3) }, { env: { NEW: '1' } })
    const failed = await failure(apply(bad))
    expect(failed.message).toContain('worker exited with code 4')
    const after = await Promise.all([readDeployment(app), readDeployment(app, 'worker')])
    expect(after.map((one) => one.spec)).toEqual(before.map((one) => one.spec))
    expect(after.map((one) => one.metadata?.annotations?.['kubernetes.io/change-cause'])).toEqual([
      'release 1',
      'release 1',
    ])
    const pods = await until(
      'those that had taken over have gone',
      async () => {
        const all = await scheduler.observe(app)
        return all.every((pod) => pod.release === 1) && all
      },
      patienceSeconds,
    )
    expect(pods.map((pod) => pod.type).toSorted()).toEqual(['web', 'worker', 'worker'])
    expect(await testbed.kube.find(pathOf('v1/Secret', app, `${app}-v2-env`))).toBeUndefined()
    // Nothing of the failed release is left in what we own: the next one does not have it either.
    await apply(formation(app, 3, { web: process(serve), worker: process(stay, 2) }, { env: { OTHER: '1' } }))
    const [container] = (await readDeployment(app)).spec?.template.spec?.containers ?? []
    expect(container?.env?.map((one) => one.name)).toEqual(['OTHER'])
  })

  test('a pod is replaced by name, and no request is lost', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: process(serve) }))
    const [old] = await scheduler.observe(app)
    const [address = ''] = (await scheduler.upstreams(app)).addresses
    const over = new AbortController()
    let requests = 0
    const load = (async () => {
      for (; !over.signal.aborted; requests++) await get(address)
    })()
    const work = (async () => {
      const [fresh, ...more] = await scheduler.restart(app, { name: old?.name ?? '' }, never)
      expect(more).toEqual([])
      expect(fresh?.name).not.toBe(old?.name)
      await until('the old one is gone', async () => (await podsOf(app)).length === 1, patienceSeconds)
      expect(await podsOf(app)).toEqual([fresh?.name])
    })().finally(() => over.abort())
    await Promise.all([work, load])
    expect(requests).toBeGreaterThan(0)
    expect((await readDeployment(app)).metadata?.generation).toBeLessThan(4)
  })

  test('a restart is not a release: applying it again keeps the new pods', async () => {
    const app = newApp()
    const wanted = formation(app, 1, { worker: process(stay) })
    await apply(wanted)
    const [fresh] = await scheduler.restart(app, {}, never)
    await apply(wanted)
    await until('one pod is left', async () => (await podsOf(app)).length === 1, patienceSeconds)
    expect(await podsOf(app)).toEqual([fresh?.name])
  })

  test('what requests reach can change its type, and its port', async () => {
    const app = newApp()
    await apply(formation(app, 1, { cmd: process(serve) }, { routable: 'cmd' }))
    const [address = ''] = (await scheduler.upstreams(app)).addresses
    await get(address)
    const env = { PORT: '6000', GREETING: 'two' }
    await apply(formation(app, 2, { cmd: process(serve, 0), web: process(serve) }, { env, port: 6000 }))
    expect(await scheduler.upstreams(app)).toEqual({ addresses: [address], shared: true })
    await until('the new type answers', async () => (await get(address)).includes('two'), patienceSeconds)
    await apply(formation(app, 2, { web: process(serve) }, { env, port: 6000, routable: null }))
    expect((await scheduler.upstreams(app)).addresses).toEqual([])
  })

  test('setEdge writes annotations and an Ingress, and removes what became empty', async () => {
    const app = newApp()
    const by = await createKubernetesScheduler(
      testbed.options({ routing: 'ingress', ingressClass: 'test', ingressIssuer: 'ca' }),
    )
    const edge: Edge = {
      app,
      hosts: [app, 'www.acme.test'],
      routable: true,
      maintenance: false,
      whitelist: ['10.0.0.0/8'],
      enforceTls: false,
      certificates: [{ host: 'www.acme.test', name: 'acme' }],
    }
    try {
      await by.setEdge(edge, never)
      const path = pathOf('networking.k8s.io/v1/Ingress', app, app)
      const ingress = await testbed.kube.get<Ingress>(path)
      expect(ingress.spec?.ingressClassName).toBe('test')
      expect(ingress.metadata?.annotations).toMatchObject({ 'cert-manager.io/cluster-issuer': 'ca' })
      expect(ingress.spec?.tls?.map((one) => one.secretName)).toEqual([`${app}.apps.test-tls`, 'www.acme.test-tls'])
      expect(ingress.spec?.rules?.map((rule) => rule.host)).toEqual([`${app}.apps.test`, 'www.acme.test'])
      await apply(formation(app, 1, { web: process(serve) }), by)
      await by.setEdge({ ...edge, routable: false, whitelist: [], certificates: [], hosts: [app] }, never)
      expect(await testbed.kube.find(path)).toBeUndefined()
      const { metadata, spec } = await read<Service>('v1/Service', app, app)
      expect(metadata?.labels).toEqual({ app, heritage: 'deis', 'router.deis.io/routable': 'false' })
      expect(metadata?.annotations).toEqual({
        'router.deis.io/domains': app,
        'router.deis.io/maintenance': 'False',
        'router.deis.io/ssl.enforce': 'False',
      })
      expect(spec?.selector?.type).toBe('web')
    } finally {
      await by.close({ stop: false })
    }
  })

  test('probes of one kind after another leave nothing of each other, and go back', async () => {
    const app = newApp()
    const probes = [
      { livenessProbe: { httpGet: { port: 5000, path: '/' } } },
      { livenessProbe: { tcpSocket: { port: 5000 } }, readinessProbe: { exec: { command: ['true'] } } },
      {},
    ]
    for (const [index, more] of probes.entries())
      await apply(formation(app, index + 1, { web: process(serve, 1, more) }))
    const before = await readDeployment(app)
    expect(before.spec?.paused).toBeUndefined()
    expect(before.spec?.template.spec?.containers[0]?.livenessProbe).toBeUndefined()
    await failure(apply(formation(app, 4, { web: process('exit 1', 1, probes[1]) })))
    expect((await readDeployment(app)).spec).toEqual(before.spec)
  })

  test('a foreign namespace is neither claimed nor removed', async () => {
    const app = newApp()
    await testbed.kube.create(pathOf('v1/Namespace'), { metadata: { name: app, labels: { heritage: 'deis' } } })
    await expect(scheduler.prepare(app, never)).rejects.toThrow(NameTaken)
    await scheduler.remove(app, never)
    const left = await testbed.kube.get<Namespace>(pathOf('v1/Namespace', undefined, app))
    expect(left.metadata?.deletionTimestamp).toBeUndefined()
  })

  test('all output of commands that print much at their end is passed on', async () => {
    const app = newApp()
    await scheduler.prepare(app, never)
    const said = async (): Promise<string> => {
      let output = ''
      const oneOff = { ...formation(app, 1, {}), command: 'seq 20000; echo the end', timeoutSeconds: patienceSeconds }
      expect(await scheduler.run(oneOff, { output: (chunk) => void (output += chunk), signal: never })).toBe(0)
      return output
    }
    const all = await Promise.all(Array.from({ length: 6 }, said))
    expect(all.map((output) => [output.split('\n').length, output.slice(-8)])).toEqual(
      all.map(() => [20_002, 'the end\n']),
    )
  })

  test('a command runs by sh where an image has nothing else', async () => {
    const app = newApp()
    await scheduler.prepare(app, never)
    let output = ''
    const artifact = await testbed.image('busybox:1')
    const oneOff = { ...formation(app, 1, {}, { artifact }), command: 'echo "hi $0"; exit 4', timeoutSeconds: 60 }
    const code = await scheduler.run(oneOff, { output: (chunk) => void (output += chunk), signal: never })
    expect([code, output]).toEqual([4, 'hi sh\n'])
  })

  test('a claimed app can be claimed again, and is gone after remove', async () => {
    const app = newApp()
    await scheduler.prepare(app, never)
    await scheduler.prepare(app, never)
    expect((await read<Service>('v1/Service', app, app)).spec?.ports?.[0]).toMatchObject({ port: 80, targetPort: 5000 })
    await scheduler.remove(app, never)
    expect(await testbed.kube.find(pathOf('v1/Namespace', undefined, app))).toBeUndefined()
  })

  test('a pod that a dead controller has orphaned is deleted by the next apply', async () => {
    const app = newApp()
    const wanted = formation(app, 1, { worker: process(stay) })
    await apply(wanted)
    const [old] = await podsOf(app)
    const path = pathOf('v1/Pod', app, old ?? '')
    await testbed.kube.patch<Pod>(path, { metadata: { labels: { 'pod-template-hash': null } } })
    await until('there are two', async () => (await podsOf(app)).length === 2, patienceSeconds)
    await apply(wanted)
    await until('one is left', async () => (await podsOf(app)).length === 1, patienceSeconds)
    expect(await podsOf(app)).not.toContain(old)
  })

  test('capabilities and checks', async () => {
    const { groups } = await testbed.kube.get<{ groups: { name: string }[] }>('/apis')
    const autoscale = groups.some(({ name }) => name === 'metrics.k8s.io')
    const capabilities = await scheduler.capabilities()
    expect(capabilities).toMatchObject({ slugs: false, images: true, memoryLimits: true, tags: true, autoscale })
    const statuses = Object.fromEntries((await capabilities.checks()).map((check) => [check.name, check.status]))
    expect(statuses).toEqual({
      kubernetes: 'ok',
      routing: 'ok',
      drain: 'ok',
      network: 'limited',
      nodes: 'ok',
      rights: 'ok',
      autoscale: autoscale ? 'ok' : 'limited',
    })
  })
})
