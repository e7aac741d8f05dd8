// Are source apps built by buildpacks on the real cluster, and do their images run as they should?
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pathOf, type Pod } from '../../kube/objects.ts'
import type { BuildFailure } from '../port.ts'
import { openTestCluster, type TestCluster } from './testing.ts'

const there = process.env.KUBECONFIG !== undefined && process.env.TEST_REGISTRY !== undefined
const host = process.env.TEST_REGISTRY ?? ''
const address = process.env.TEST_NODE_IP ?? ''

let t: TestCluster

const node = {
  'package.json': JSON.stringify({ name: 'x', version: '1.0.0', engines: { node: '>=18' } }),
  'package-lock.json': JSON.stringify({ name: 'x', version: '1.0.0', lockfileVersion: 3, packages: { '': {} } }),
  'web.js': 'console.log("web here")',
  Procfile: 'web: node web.js\nworker: sleep 1000\n',
}

let count = 0

/** Runs an image until its pod has ended, or `until` has been said; then as `stop` says. */
async function runImage(image: string, args: string[], until?: string): Promise<{ log: string; code: number }> {
  const name = `run-${++count}`
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: t.namespace },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 20,
      containers: [{ name: 'app', image, args, env: [{ name: 'FROM_ENV', value: 'yes' }] }],
    },
  }
  await t.kube.create(pathOf('v1/Pod', t.namespace), pod)
  const path = pathOf('v1/Pod', t.namespace, name)
  const signal = AbortSignal.timeout(60_000)
  const ended = async (): Promise<number> => {
    for (;;) {
      const found = await t.kube.get<Pod>(path, { signal })
      const state = found.status?.containerStatuses?.[0]?.state
      if (state?.terminated) return state.terminated.exitCode
      if (until !== undefined && state?.running) {
        const so = await text(await t.kube.stream(`${path}/log`, {}, signal))
        if (so.includes(until)) return -1
      }
      await sleep(100, undefined, { signal })
    }
  }
  const code = await ended()
  const following = t.kube.stream(`${path}/log`, { follow: true }, signal).then(text)
  if (code === -1) await t.kube.remove(path)
  return { log: await following, code }
}

describe.skipIf(!there)('buildpacks on the cluster', () => {
  beforeAll(async () => {
    t = await openTestCluster(host, address)
  })
  afterAll(() => t.close())

  test('a node app becomes an image, by the words of the contract', async () => {
    const began = Date.now()
    const { result, output } = await t.build(node)
    // eslint-disable-next-line no-console
    console.log(`slug build: ${Date.now() - began} ms\n${output}`)
    expect(result.processes).toEqual({ web: 'node web.js', worker: 'sleep 1000' })
    expect(result).toMatchObject({ dockerfile: false, port: null, artifact: { kind: 'image', slug: true } })
    if (result.artifact.kind !== 'image') throw new Error('no image')
    expect(result.artifact.reference).toMatch(new RegExp(`^${t.target}/myapp@sha256:[0-9a-f]{64}$`))
    const { log } = await runImage(result.artifact.reference, ['start', 'web'])
    expect(log).toBe('web here\n')
  })
})
