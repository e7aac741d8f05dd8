// Do sessions work on one machine, in a real terminal?
import { afterAll, beforeAll, describe } from 'vitest'
import { newApp } from './app.ts'
import { registered } from './client.ts'
import { type Platform, startPlatform } from './platform.ts'
import { processes } from './processes.ts'
import { sessionsWork, type Stage } from './terminal-steps.ts'

describe.sequential('on one machine', () => {
  let platform: Platform
  let stage: Stage
  beforeAll(async () => {
    platform = await startPlatform({ KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '3' })
    const app = await newApp(await registered(platform, 'ann'), 'shop')
    await app.deploy()
    stage = {
      platform,
      app,
      own: { command: ['ls'], shows: 'server.mjs\n' },
      passesInput: true,
      running: async (text) => (await processes()).filter(({ command }) => command === text).length,
    }
  })
  afterAll(() => platform.stop())

  sessionsWork(() => stage)
})
