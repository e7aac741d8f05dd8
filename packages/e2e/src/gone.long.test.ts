// The controller of one machine is killed in the middle of changes and pushes: do users learn how those ended?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newApp, settings } from './app.ts'
import { registered } from './client.ts'
import { heldBuild, newBarrier } from './barrier.ts'
import { changeSteps, pushSteps, releases, type Stage, toldBuild } from './gone-steps.ts'
import { serving } from './http.ts'
import { openLossyProxy } from './lossy-proxy.ts'
import { type Platform, startPlatform } from './platform.ts'
import { soon } from './with-app.ts'

let platform: Platform
let stage: Stage

beforeAll(async () => {
  platform = await startPlatform(soon)
  const proxy = await openLossyProxy(platform.api)
  const ann = await registered({ folder: platform.folder, git: platform.git, api: proxy.url }, 'ann')
  const shop = await newApp(ann, 'shop')
  await shop.deploy()
  stage = {
    platform,
    shop,
    proxy,
    kill: () => platform.endController('SIGKILL'),
    comeBack: () => platform.startController(),
  }
})
afterAll(async () => {
  await stage.proxy.close()
  await platform.stop()
})

describe.sequential('a change', () => changeSteps(() => stage))
describe.sequential('a push', () => pushSteps(() => stage))

describe.sequential('a controller that is told to stop in a push says where to look', () => {
  const last = (output: string): string[] =>
    output
      .split('\n')
      .filter((line) => line.startsWith('remote: '))
      .map((line) => line.replace(/^remote: /, '').trim())
      .filter((line) => line !== '')
      .slice(-2)

  test('in the build: nothing was changed', async () => {
    const { shop } = stage
    const before = await releases(stage)
    const barrier = await newBarrier(platform, 'build')
    await shop.commit(heldBuild(barrier))
    const push = shop.startPush()
    await barrier.arrived()
    await platform.endController('SIGTERM')
    const { code } = await push.ended
    await barrier.open()
    await platform.startController()
    const look = `deis builds:logs ${toldBuild(push.output())} --follow --app shop`
    expect({ code, last: last(push.output()) }).toEqual({
      code: 1,
      last: [
        'The controller is stopping, and nothing was changed. Push again in a moment. To see what was built so far:',
        look,
      ],
    })
    expect(await shop.deis(...look.split(' ').slice(1))).toMatchObject({ code: 1 })
    expect(await releases(stage)).toEqual(before)
  })

  test('in the deploy: it continues afterwards', async () => {
    const { shop } = stage
    await shop.commit({ 'bin/pre-compile': null })
    const barrier = await newBarrier(platform, 'deploy')
    await barrier.open()
    await shop.does('config:set', `BARRIER=${barrier.path}`)
    await barrier.close()
    await shop.commit(settings({ message: 'stopped' }))
    const push = shop.startPush()
    await barrier.arrived()
    await platform.endController('SIGTERM')
    const { code } = await push.ended
    await barrier.open()
    await platform.startController()
    const [{ version } = { version: 0 }] = await releases(stage)
    const look = `deis builds:logs ${toldBuild(push.output())} --follow --app shop`
    expect({ code, last: last(push.output()) }).toEqual({
      code: 1,
      last: [
        `The controller is stopping. The deploy of v${version} continues when it starts again. To follow it:`,
        look,
      ],
    })
    expect(await shop.deis(...look.split(' ').slice(1))).toMatchObject({ code: 0 })
    await serving(platform, 'shop', { message: 'stopped', release: `v${version}` })
  })
})
