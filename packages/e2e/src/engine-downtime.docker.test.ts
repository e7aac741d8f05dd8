// Is there a single failed request on Docker while an app is deployed, scaled and rolled back, and what of an engine that restarts?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import { registered } from './client.ts'
import { containersOf, docker, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { ask } from './http.ts'
import { startLoad } from './load.ts'
import { until } from './until.ts'

/** Answers with its release, and gives back what is posted. */
const program = `require('http').createServer((q,s)=>{if(q.method==='POST')q.pipe(s);else s.end(process.env.WORKFLOW_RELEASE)}).listen(process.env.PORT)`
const slowly = `setTimeout(()=>{${program}},3000)`
const procfile = (command: string): string => `--procfile=${JSON.stringify({ web: `node -e "${command}"` })}`

describe.skipIf(testEngine === null).sequential('on a Docker Engine', () => {
  let platform: EnginePlatform
  let shop: Checkout
  beforeAll(async () => {
    platform = await startOnDocker()
    const ann = await registered(platform, 'ann')
    shop = await newCheckout(ann, platform.name('shop'), { file: 'x' })
    await shop.does('create', shop.app)
    await shop.does('config:set', 'PORT=8080')
    await shop.does('pull', `${platform.registry}/stack:1`, procfile(program))
    await until({ what: 'v3 serves' }, async () => (await release()) === 'v3')
  })
  afterAll(() => platform?.stop())

  const release = async (): Promise<string> => (await ask(platform, shop.app)).body

  test('no request fails: five deploys, scale up and down, rollback, restart, the controller killed', async () => {
    const load = startLoad(platform, shop.app)
    const image = `${platform.registry}/stack:1`
    const steps: (readonly [string, () => Promise<unknown>])[] = [
      ['config', () => shop.does('config:set', 'A=1')],
      ['deploy', () => shop.does('pull', image, procfile(program))],
      ['scale up', () => shop.does('scale', 'web=3')],
      ['config of three', () => shop.does('config:set', 'A=2')],
      ['scale down', () => shop.does('scale', 'web=1')],
      ['controller KILL', () => platform.endController('SIGKILL')],
      ['controller start', () => platform.startController()],
      ['config again', () => shop.does('config:set', 'A=3')],
      ['restart', () => shop.does('ps:restart')],
      ['rollback', () => shop.does('rollback', 'v3')],
      ['deploy at the end', () => shop.does('pull', image, procfile(program))],
    ]
    const marks: string[] = []
    const started = Date.now()
    for (const [name, step] of steps) {
      marks.push(`${Date.now() - started} ms ${name}`)
      await step()
    }
    const failures = await load.stop(10_000)
    expect({ marks, failures: failures.slice(0, 20) }).toEqual({ marks, failures: [] })
    expect(load.sent()).toBeGreaterThanOrEqual(10_000)
    await until({ what: 'one is left' }, async () => (await containersOf(shop.app)).length === 1)
  })

  test('a controller that starts again replaces nothing', async () => {
    const before = await containersOf(shop.app)
    await platform.endController('SIGTERM')
    expect(await release()).toMatch(/^v\d+$/)
    await platform.startController()
    expect(await shop.does('ps')).toContain('up')
    await platform.endController('SIGKILL')
    await platform.startController()
    // Behind it in the app's queue: when this has been answered, the start is over for this app.
    await shop.does('scale', 'web=1')
    expect(await containersOf(shop.app)).toEqual(before)
  })

  test('a controller killed in the middle of a deploy carries it on', async () => {
    const before = await release()
    const pull = shop.deis('pull', `${platform.registry}/stack:1`, procfile(slowly))
    await until({ what: 'the new container is there' }, async () => (await containersOf(shop.app)).length === 2)
    await platform.endController('SIGKILL')
    expect(await release()).toBe(before)
    await platform.startController()
    await until({ what: 'the next one serves', seconds: 60 }, async () => (await release()) !== before)
    expect(await pull).toMatchObject({ code: 0 })
    await until({ what: 'one is left' }, async () => (await containersOf(shop.app)).length === 1)
  })

  test('a container that is killed or deleted by hand is replaced', async () => {
    for (const how of ['kill', 'rm']) {
      const [old = ''] = await containersOf(shop.app)
      await docker(how, ...(how === 'rm' ? ['--force'] : []), old)
      await until({ what: 'another one serves', seconds: 60 }, async () => {
        const [now, ...more] = await containersOf(shop.app)
        return now !== undefined && now !== old && more.length === 0 && /^v\d+$/.test(await release())
      })
    }
  })
})
