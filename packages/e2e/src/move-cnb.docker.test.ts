// Does an app of Cloud Native Buildpacks move with its image between platforms on Docker?
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Person, registered } from './client.ts'
import { type BuilderPlatform, startWithBuilder } from './engine-builder.ts'
import { type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { movesWithImage } from './move-cnb-steps.ts'

describe.skipIf(testEngine === null).sequential('between two platforms on Docker, with buildpacks', () => {
  let old: BuilderPlatform
  let fresh: EnginePlatform
  let eve: Person
  beforeAll(async () => {
    ;[old, fresh] = await Promise.all([startWithBuilder(), startOnDocker()])
    eve = await registered(fresh, 'eve')
  })
  afterAll(async () => {
    await old?.stop()
    await fresh?.stop()
  })

  test('its image comes along, and is run and shown there', () =>
    movesWithImage(old.shop, { person: eve, name: fresh.name('shop'), platform: fresh }))
})
