// Does `deis` say and do on a cluster what the contract says (docs/contract/cli.md)?
import { afterAll, beforeAll, describe } from 'vitest'
import { conformanceTests, onBackends } from './cli-conformance/suite.ts'
import { openWorld, settingsOfWorld, type World } from './cli-conformance/world.ts'
import { type ClusterPlatform, startOnCluster, testCluster } from './cluster.ts'

describe.skipIf(testCluster === null)('the command line, on a cluster', () => {
  let platform: ClusterPlatform
  let world: World
  beforeAll(async () => {
    const { tlsPort, settings } = await settingsOfWorld()
    platform = await startOnCluster(settings)
    world = await openWorld(platform, platform, tlsPort)
  })
  afterAll(() => platform?.stop())

  conformanceTests(() => world, onBackends)
})
