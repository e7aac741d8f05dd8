// Does an app on a Docker Engine get another name with its image and its releases?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newApp, settings } from './app.ts'
import { registered } from './client.ts'
import { containersOf, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { self, serving } from './http.ts'

describe.skipIf(testEngine === null).sequential('an app on a Docker Engine', () => {
  let engine: EnginePlatform
  beforeAll(async () => {
    engine = await startOnDocker()
  })
  afterAll(() => engine?.stop())

  test('runs its image under the new name, and goes back to older ones', async () => {
    const ann = await registered(engine, 'ann')
    const [from, to] = [engine.name('shop'), engine.name('store')]
    const shop = await newApp(ann, from)
    await shop.deploy(settings({ message: 'one' }))
    await shop.deploy(settings({ message: 'two' }))
    expect(await shop.does('rename', to)).toContain(`Renaming ${from} to ${to}... done\n`)
    expect(await self(engine, to)).toMatchObject({ message: 'two', release: 'v3' })
    expect(await containersOf(from)).toEqual([])
    expect(await containersOf(to)).toHaveLength(1)
    await shop.does('rollback', 'v2')
    await serving(engine, to, { message: 'one', release: 'v4' })
    // The old name is free, and the app that has it next takes nothing with it when it goes.
    await ann.does(['create', from, '--no-remote'])
    await ann.does(['destroy', '-a', from, '--confirm', from])
    await shop.does('ps:restart')
    await shop.deploy(settings({ message: 'three' }))
    await serving(engine, to, { message: 'three', release: 'v5' })
  })
})
