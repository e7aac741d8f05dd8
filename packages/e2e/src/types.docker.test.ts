// Do process types with capitals and underscores work on Docker?
import { afterAll, beforeAll, describe } from 'vitest'
import { newApp } from './app.ts'
import { registered } from './client.ts'
import { type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { type Stage, threeTypes, typesWork } from './type-steps.ts'

describe.skipIf(testEngine === null).sequential('on a Docker Engine', () => {
  let platform: EnginePlatform
  let stage: Stage
  beforeAll(async () => {
    platform = await startOnDocker()
    const shop = await newApp(await registered(platform, 'ann'), platform.name('shop'))
    await shop.deploy(threeTypes)
    stage = { platform, shop }
  })
  afterAll(() => platform?.stop())

  typesWork(() => stage)
})
