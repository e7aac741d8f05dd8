// How much does the platform ask of its cluster for a change, and while nothing happens?
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { registered } from './client.ts'
import { type ClusterPlatform, startOnCluster, testCluster } from './cluster.ts'
import { until } from './until.ts'
import { type CountingProxy, openCountingProxy } from './counting-proxy.ts'

const restMs = 60_000
const quietMs = 10_000

describe.skipIf(testCluster === null).sequential('calls of the API', () => {
  let proxy: CountingProxy
  let platform: ClusterPlatform
  let tea: Checkout

  beforeAll(async () => {
    proxy = await openCountingProxy()
    platform = await startOnCluster({ KUBECONFIG: proxy.kubeconfig })
    tea = await newApp(await registered(platform, 'ann'), platform.name('tea'))
    await tea.does('config:set', 'PORT=5000')
    await tea.does('pull', `${platform.registry}/stack:1`, '--procfile', 'web: exec python3 -m http.server $PORT')
  })
  afterAll(async () => {
    await platform?.stop()
    await proxy?.close()
  })
  const during = async (work: () => Promise<unknown>): Promise<string[]> => {
    proxy.calls()
    proxy.streams()
    await work()
    return proxy.calls()
  }

  // The logs of pods that end are read to their end, those of the test before among them.
  const quiet = (): Promise<boolean> =>
    until({ what: 'nothing goes on any more', seconds: 60 }, async () => {
      const calls = [...(await during(() => sleep(quietMs))), ...proxy.streams()]
      if (calls.length > 0) throw new Error(`still: ${calls.join(', ')}`)
      return true
    })

  test('config:set of one type: eight at most', async () => {
    await quiet()
    const calls = await during(() => tea.does('config:set', 'STEP=1'))
    expect(calls.length, calls.join('\n')).toBeLessThanOrEqual(8)
    // What the cluster has and can is not asked for variables.
    expect(calls.filter((one) => /\/(apis|nodes|version)$/.test(one))).toEqual([])
    // The log of its new pod.
    expect(proxy.streams().filter((one) => one.endsWith('/log'))).toHaveLength(1)
  })

  test('scale from 1 to 10: twelve at most', async () => {
    const calls = await during(() => tea.does('scale', 'web=10'))
    expect(calls.length, calls.join('\n')).toBeLessThanOrEqual(12)
  })

  test('scale from 10 to 1: twelve at most', async () => {
    const calls = await during(() => tea.does('scale', 'web=1'))
    expect(calls.length, calls.join('\n')).toBeLessThanOrEqual(12)
  })

  test('at rest: three a minute at most, watches that begin again among them', async () => {
    await quiet()
    const calls = await during(() => sleep(restMs))
    const all = [...calls, ...proxy.streams()]
    expect(all.length, all.join('\n')).toBeLessThanOrEqual(3)
  }, 150_000)
})
