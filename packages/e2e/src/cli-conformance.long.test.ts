// Does `deis` say and do on one machine what the contract says (docs/contract/cli.md)?
import { afterAll, beforeAll, describe } from 'vitest'
import { conformanceTests } from './cli-conformance/suite.ts'
import { openWorld, settingsOfWorld, type World } from './cli-conformance/world.ts'
import { type Platform, startPlatform } from './platform.ts'

describe('the command line, on processes of this machine', () => {
  let platform: Platform
  let world: World
  beforeAll(async () => {
    const { tlsPort, settings } = await settingsOfWorld()
    platform = await startPlatform(settings)
    world = await openWorld(platform, null, tlsPort)
  })
  afterAll(() => platform?.stop())

  conformanceTests(() => world)
})
