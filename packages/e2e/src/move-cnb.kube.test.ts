// Does an app of Cloud Native Buildpacks move with its image from a Docker Engine to a cluster?
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Person, registered } from './client.ts'
import { type ClusterPlatform, startOnCluster, testCluster } from './cluster.ts'
import { type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { movesWithImage, publishedBuilder } from './move-cnb-steps.ts'

const isPossible = testCluster !== null && testEngine !== null

describe.skipIf(!isPossible).sequential('from a Docker Engine to a cluster, with buildpacks', () => {
  let engine: EnginePlatform
  let cluster: ClusterPlatform
  let ann: Person
  let eve: Person
  beforeAll(async () => {
    const host = testEngine?.registry ?? ''
    const settings = { DEIS_STACK_IMAGE: '', DEIS_BUILDER_IMAGE: await publishedBuilder(host) }
    ;[engine, cluster] = await Promise.all([
      startOnDocker(settings),
      // It looks at the run image, which is where the builder is.
      startOnCluster({ ...settings, DEIS_REGISTRY_INSECURE: `${testCluster?.registry},${host}` }),
    ])
    ;[ann, eve] = await Promise.all([registered(engine, 'ann'), registered(cluster, 'eve')])
  })
  afterAll(async () => {
    await engine?.stop()
    await cluster?.stop()
  })

  test('its image comes along, and is run, shown and rebased there', () =>
    movesWithImage(
      { person: ann, name: engine.name('made'), platform: engine },
      { person: eve, name: cluster.name('made'), platform: cluster },
    ))
})
