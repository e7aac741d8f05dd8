// Does an app move from a Docker Engine to a cluster with its limits, and serve there?
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newApp, settings } from './app.ts'
import { type Person, registered } from './client.ts'
import { type ClusterPlatform, objects, startOnCluster, testCluster } from './cluster.ts'
import { type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { self, serving } from './http.ts'

describe.skipIf(testCluster === null || testEngine === null).sequential('from a Docker Engine to a cluster', () => {
  let engine: EnginePlatform
  let cluster: ClusterPlatform
  let ann: Person
  let eve: Person
  beforeAll(async () => {
    ;[engine, cluster] = await Promise.all([startOnDocker(), startOnCluster()])
    ;[ann, eve] = await Promise.all([registered(engine, 'ann'), registered(cluster, 'eve')])
  })
  afterAll(async () => {
    await engine?.stop()
    await cluster?.stop()
  })

  test('its image comes along, and its releases go on', async () => {
    const name = cluster.name('shop')
    const shop = await newApp(ann, engine.name('shop'))
    await shop.deploy(settings({ message: 'moved' }))
    await shop.does('limits:set', 'web=256M')
    await shop.does('config:set', 'GREETING=hello')
    await shop.does('apps:export', '-o', 'shop.tar')
    const file = join(eve.home, 'shop.tar')
    await cp(join(shop.folder, 'shop.tar'), file)
    // Only what came in the archive can run there.
    await shop.does('destroy', '--confirm', shop.app)
    const imported = await eve.deis(['apps:import', file, '-a', name])
    expect([imported.code, imported.stdout, imported.stderr]).toEqual([
      0,
      `Importing ${file}... done, ${name} is at v5\n`,
      `Note: to push to it from a checkout: deis git:remote -a ${name}\n`,
    ])
    expect(await self(cluster, name)).toMatchObject({ message: 'moved', greeting: 'hello', release: 'v5' })
    type Pods = { items: { spec: { containers: { resources?: { limits?: object } }[] } }[] }
    const { items } = await objects<Pods>('pods', '-n', name)
    expect(items[0]?.spec.containers[0]?.resources?.limits).toMatchObject({
      memory: expect.stringMatching(/^256M/) as string,
    })
    await eve.does(['config:set', 'GREETING=bonjour', '-a', name])
    await serving(cluster, name, { greeting: 'bonjour', release: 'v6' })
    await eve.does(['rollback', 'v5', '-a', name])
    await serving(cluster, name, { greeting: 'hello', release: 'v7' })
    // And back again, out of the registry of the cluster.
    await eve.does(['apps:export', '-a', name, '-o', join(eve.home, 'back.tar')])
    const back = engine.name('back')
    const there = join(ann.home, 'back.tar')
    await cp(join(eve.home, 'back.tar'), there)
    const returned = await ann.deis(['apps:import', there, '-a', back])
    expect([returned.code, returned.stderr]).toEqual([
      0,
      `Note: to push to it from a checkout: deis git:remote -a ${back}\n`,
    ])
    expect(await self(engine, back)).toMatchObject({ message: 'moved', greeting: 'hello', release: 'v8' })
  })
})
