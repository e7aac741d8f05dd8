// Does an app on a cluster get another name, and so another namespace, without a failed request?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newApp, settings } from './app.ts'
import { registered } from './client.ts'
import { type ClusterPlatform, kubectl, startOnCluster, testCluster } from './cluster.ts'
import { self, serving } from './http.ts'
import { startLoad } from './load.ts'

describe.skipIf(testCluster === null).sequential('an app on a cluster', () => {
  let cluster: ClusterPlatform
  beforeAll(async () => {
    cluster = await startOnCluster()
  })
  afterAll(() => cluster?.stop())

  test('runs in a namespace of the new name, and the old one is gone', async () => {
    const ann = await registered(cluster, 'ann')
    const [from, to, keep] = ['shop', 'store', 'keep'].map((name) => cluster.name(name)) as [string, string, string]
    const shop = await newApp(ann, from)
    await shop.deploy(settings({ message: 'one' }))
    await shop.deploy(settings({ message: 'two' }))
    await shop.does('domains:add', keep)
    const load = startLoad(cluster, keep)
    expect(await shop.does('rename', to)).toContain(`Renaming ${from} to ${to}... done\n`)
    expect(await load.stop(200)).toEqual([])
    expect(await self(cluster, to)).toMatchObject({ message: 'two', release: 'v3' })
    const namespaces = await kubectl('get', 'namespaces', '--output=name')
    expect(namespaces.split('\n')).toContain(`namespace/${to}`)
    expect(namespaces.split('\n')).not.toContain(`namespace/${from}`)
    await shop.does('rollback', 'v2')
    await serving(cluster, to, { message: 'one', release: 'v4' })
    await shop.deploy(settings({ message: 'three' }))
    await serving(cluster, to, { message: 'three', release: 'v5' })
  })
})
