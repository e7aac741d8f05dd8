// Do sessions work on Docker as on one machine?
import { afterAll, beforeAll, describe } from 'vitest'
import { newApp } from './app.ts'
import { registered } from './client.ts'
import { containersOf, docker, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { sessionsWork, type Stage } from './terminal-steps.ts'

const server = `require('fs').writeFileSync('/tmp/own', 'only here');require('http').createServer((q, s) => s.end('hi')).listen(process.env.PORT)`

describe.skipIf(testEngine === null).sequential('on a Docker Engine', () => {
  let platform: EnginePlatform
  let stage: Stage
  beforeAll(async () => {
    platform = await startOnDocker()
    const ann = await registered(platform, 'ann')
    const app = await newApp(ann, platform.name('shop'), { Procfile: `web: node -e "${server}"\n` })
    await app.does('config:set', 'PORT=5000')
    await app.does('pull', `${platform.registry}/stack:1`, '--procfile', `web: node -e "${server}"`)
    stage = {
      platform,
      app,
      own: { command: ['cat', '/tmp/own'], shows: 'only here' },
      passesInput: true,
      // Every container of the app is asked: one that has ended says nothing.
      async running(text) {
        const all = await Promise.all(
          (await containersOf(app.app)).map((id) => docker('top', id, '-eo', 'pid,args').catch(() => '')),
        )
        return all.filter((commands) => commands.includes(text)).length
      },
    }
  })
  afterAll(() => platform?.stop())

  sessionsWork(() => stage)
})
