// Do process types with capitals and underscores work on one machine?
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newApp } from './app.ts'
import { registered } from './client.ts'
import { type Platform, startPlatform } from './platform.ts'
import { type Stage, threeTypes, typesWork } from './type-steps.ts'

let platform: Platform
let stage: Stage
beforeAll(async () => {
  platform = await startPlatform()
  const shop = await newApp(await registered(platform, 'ann'), 'shop')
  await shop.deploy(threeTypes)
  stage = { platform, shop }
})
afterAll(() => platform.stop())

typesWork(() => stage)

test.each([['celery_worker=64M'], ['--cpu', 'CeleryBeat=500m']])(
  'limits:set %s is refused for what it is, not for how it is written',
  async (...words) => {
    const { code, stderr } = await stage.shop.deis('limits:set', ...words)
    expect([code, stderr]).toEqual([1, expect.stringContaining('limits')])
  },
)
