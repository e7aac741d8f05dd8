// Does an app of Cloud Native Buildpacks move with its image from a Docker Engine to a cluster?
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Person, registered } from './client.ts'
import { type ClusterPlatform, startOnCluster, testCluster } from './cluster.ts'
import { type BuilderPlatform, startWithBuilder } from './engine-builder.ts'
import { testEngine } from './engine.ts'
import { movesWithImage } from './move-cnb-steps.ts'

const isPossible = testCluster !== null && testEngine !== null

describe.skipIf(!isPossible).sequential('from a Docker Engine to a cluster, with buildpacks', () => {
  let old: BuilderPlatform
  let cluster: ClusterPlatform
  let eve: Person
  beforeAll(async () => {
    ;[old, cluster] = await Promise.all([startWithBuilder(), startOnCluster()])
    eve = await registered(cluster, 'eve')
  })
  afterAll(async () => {
    await old?.stop()
    await cluster?.stop()
  })

  test('its image comes along, and is run and shown there', () =>
    movesWithImage(old.shop, { person: eve, name: cluster.name('shop'), platform: cluster }))
})
