// Does an app of Cloud Native Buildpacks move with its image between platforms on Docker?
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Person, registered } from './client.ts'
import { type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { movesWithImage, publishedBuilder } from './move-cnb-steps.ts'

describe.skipIf(testEngine === null).sequential('between two platforms on Docker, with buildpacks', () => {
  let old: EnginePlatform
  let fresh: EnginePlatform
  let ann: Person
  let eve: Person
  beforeAll(async () => {
    const builder = await publishedBuilder(testEngine?.registry ?? '')
    const settings = { DEIS_STACK_IMAGE: '', DEIS_BUILDER_IMAGE: builder }
    ;[old, fresh] = await Promise.all([startOnDocker(settings), startOnDocker(settings)])
    ;[ann, eve] = await Promise.all([registered(old, 'ann'), registered(fresh, 'eve')])
  })
  afterAll(async () => {
    await old?.stop()
    await fresh?.stop()
  })

  test('its image comes along, and is run, shown and rebased there', () =>
    movesWithImage(
      { person: ann, name: old.name('shop'), platform: old },
      { person: eve, name: fresh.name('shop'), platform: fresh },
    ))
})
