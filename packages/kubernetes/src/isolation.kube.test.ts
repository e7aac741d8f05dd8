// Is an app on a cluster reached only by the routers and itself, and does it not reach the cloud's metadata? Pods try.
import { execFile, execFileSync } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { complete } from './builder/options.ts'
import { prepareNamespace } from './builder/namespace.ts'
import { enforcePolicies } from './cluster/enforcer.ts'
import { type Namespace, pathOf, type Pod } from './client/objects.ts'
import { isClusterThere } from './client/testing.ts'
import { never, quiet, until } from '@deis/ports/testing/contract-steps'
import { testFormation } from '@deis/ports/testing/formation'
import type { Scheduler } from '@deis/ports/scheduler'
import { createKubernetesScheduler } from './scheduler/create.ts'
import { openTestbed, serve, stay, type Testbed } from './scheduler/testbed.ts'

const run = promisify(execFile)
const metadata = '169.254.169.254'
const canFilter = isClusterThere && process.getuid?.() === 0

describe.skipIf(!canFilter).sequential('apps on a cluster', () => {
  let testbed: Testbed
  let scheduler: Scheduler
  let cloud: Server
  const pods = new Map<string, { readonly namespace: string; readonly name: string; readonly address: string }>()
  const namespaces = new Set<string>()

  /** Runs for as long as it is let, and answers on port 5000. */
  const standIn = async (what: string, namespace: string, labels: Record<string, string> = {}): Promise<void> => {
    namespaces.add(namespace)
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: what, namespace, labels },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'c', image: `${process.env.TEST_REGISTRY}/stack:1`, command: ['bash', '-c', serve] }],
      },
    }
    await until('the namespace takes pods', async () =>
      testbed.kube.create(pathOf('v1/Pod', namespace), pod).then(
        () => true,
        (error: Error) => !/serviceaccount/.test(error.message) && Promise.reject(error),
      ),
    )
    const made = await until('it runs', async () => {
      const there = await testbed.kube.get<Pod>(pathOf('v1/Pod', namespace, what))
      return there.status?.phase === 'Running' && there.status.podIP !== undefined ? there : false
    })
    pods.set(what, { namespace, name: what, address: made.status?.podIP ?? '' })
  }
  const deployed = async (app: string): Promise<void> => {
    const processes = Object.fromEntries(
      Object.entries({ web: serve, worker: stay }).map(([type, command]) => [
        type,
        { command, replicas: 1, graceSeconds: 1 },
      ]),
    )
    const more = { env: { PORT: '5000' }, deployTimeoutSeconds: 60 }
    const formation = testFormation(app, 2, await testbed.image('stack:1'), processes, more)
    await scheduler.apply(formation, never, quiet)
    namespaces.add(app)
    for (const { name, type } of await scheduler.observe(app)) {
      const { status } = await testbed.kube.get<Pod>(pathOf('v1/Pod', app, name))
      pods.set(`${app.slice(testbed.prefix.length)} ${type}`, { namespace: app, name, address: status?.podIP ?? '' })
    }
  }
  const place = (what: string) => {
    const found = pods.get(what)
    if (!found) throw new Error(`there is no ${what}`)
    return found
  }
  const script = `fetch(process.argv[1], { signal: AbortSignal.timeout(2500) }).then((a) => a.text()).then((t) => console.log('answered', t), () => console.log('shut out')).finally(() => process.exit())`
  const asks = async (from: string, url: string): Promise<string> => {
    const { namespace, name } = place(from)
    const { stdout } = await run('kubectl', ['-n', namespace, 'exec', name, '--', 'node', '-e', script, url])
    return stdout.split(/\s/)[0] ?? ''
  }
  const reaches = (from: string, to: string): Promise<string> => asks(from, `http://${place(to).address}:5000/`)
  const readsMetadata = (from: string): Promise<string> =>
    asks(from, `http://${metadata}:${(cloud.address() as AddressInfo).port}/`)

  beforeAll(async () => {
    testbed = await openTestbed('iso')
    const [platform, dns, builds] = ['platform', 'dns', 'builds'].map((what) => `${testbed.prefix}${what}`) as [
      string,
      string,
      string,
    ]
    for (const name of [platform, dns])
      await testbed.kube.create<Namespace>(pathOf('v1/Namespace'), {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      })
    scheduler = await createKubernetesScheduler(
      testbed.options({ network: { routers: platform, sources: [], blocked: [] } }),
    )
    await Promise.all([deployed(`${testbed.prefix}tea`), deployed(`${testbed.prefix}pot`)])
    const settings = complete({
      kube: testbed.kube,
      namespace: builds,
      target: { host: '', organization: '' },
      credentials: null,
      instance: 'one',
    } as unknown as Parameters<typeof complete>[0])
    await prepareNamespace(settings)
    await standIn('router', platform, { app: 'deis-router' })
    await standIn('neighbour', platform, { app: 'something-else' })
    await standIn('dns', dns)
    await standIn('build', builds)
    execFileSync('ip', ['address', 'replace', `${metadata}/32`, 'dev', 'lo'])
    cloud = createServer((_, response) => response.end('credentials of the node'))
    await new Promise<void>((resolve) => cloud.listen(0, metadata, resolve))
  }, 180_000)
  afterAll(async () => {
    cloud?.close()
    execFileSync('ip', ['address', 'delete', `${metadata}/32`, 'dev', 'lo'])
    await scheduler.close({ stop: false })
    await testbed.remove()
  }, 120_000)

  test('without an enforcer of policies, everything is reachable', async () => {
    expect(await reaches('pot worker', 'tea web')).toBe('answered')
    expect(await reaches('neighbour', 'tea web')).toBe('answered')
    expect(await reaches('tea web', 'build')).toBe('answered')
    expect(await readsMetadata('tea web')).toBe('answered')
    expect(await readsMetadata('build')).toBe('answered')
    await enforcePolicies(testbed.kube, [...namespaces])
  })
  test.each([
    ['router', 'tea web'],
    ['tea worker', 'tea web'],
    ['tea web', 'dns'],
    ['build', 'dns'],
  ])('%s reaches %s', async (from, to) => expect(await reaches(from, to)).toBe('answered'))
  test.each([
    ['pot worker', 'tea web'],
    ['pot web', 'tea worker'],
    ['neighbour', 'tea web'],
    ['dns', 'tea web'],
    ['tea web', 'build'],
    ['router', 'build'],
  ])('%s does not reach %s', async (from, to) => expect(await reaches(from, to)).toBe('shut'))
  test.each(['tea web', 'tea worker', 'build'])('%s does not reach the metadata of the cloud', async (from) =>
    expect(await readsMetadata(from)).toBe('shut'),
  )
  test('the node reaches its pods, so probes go on', async () => {
    const answer = await fetch(`http://${place('tea web').address}:5000/`)
    expect(answer.status).toBe(200)
    expect((await scheduler.observe(`${testbed.prefix}tea`)).map(({ state }) => state)).toEqual(['up', 'up'])
  })
  test('the routers` namespace is labelled with its name, even by old servers', async () => {
    const { metadata: there } = await testbed.kube.get<Namespace>(
      pathOf('v1/Namespace', undefined, `${testbed.prefix}platform`),
    )
    expect(there?.labels?.['kubernetes.io/metadata.name']).toBe(`${testbed.prefix}platform`)
  })
})
