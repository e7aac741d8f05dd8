// Which requests fail when a Docker Engine without live restore is started again, and takes all containers with it?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import { registered } from './client.ts'
import { type EnginePlatform, startOnDocker } from './engine.ts'
import { ask } from './http.ts'
import { startLoad } from './load.ts'
import { isSmallEnginePossible, type SmallEngine, startSmallEngine } from './small-engine.ts'
import { until } from './until.ts'

/** Gives back what is posted. */
const program = `require('http').createServer((q,s)=>{if(q.method==='POST')q.pipe(s);else s.end('here')}).listen(process.env.PORT)`
/** Its image has 370 of them. */
const megabytes = 1200
/** Containers that an engine has just taken along are started again after a second, and take a moment. */
const backMs = 20_000

describe.skipIf(!isSmallEnginePossible).sequential('on a Docker Engine that is started again', () => {
  let engine: SmallEngine
  let platform: EnginePlatform
  let shop: Checkout
  beforeAll(async () => {
    engine = await startSmallEngine(megabytes)
    platform = await startOnDocker({ DEIS_DOCKER_HOST: engine.host, DEIS_DOCKER_SUBNETS: '10.207.0.0/20' })
    shop = await newCheckout(await registered(platform, 'ann'), platform.name('shop'), { file: 'x' })
    await shop.does('create', shop.app)
    await shop.does('config:set', 'PORT=8080')
    const procfile = JSON.stringify({ web: `exec node -e "${program}"` })
    await shop.does('pull', `${platform.registry}/stack:1`, `--procfile=${procfile}`)
    await shop.does('scale', 'web=2')
    await until({ what: 'it answers' }, answers)
  })
  afterAll(async () => {
    await platform?.stop()
    await engine?.stop()
  })
  const answers = async (): Promise<boolean> => (await ask(platform, shop.app)).body === 'here'

  test('requests fail until its containers are back, and none before or after', async () => {
    const load = startLoad(platform, shop.app)
    await until({ what: 'there is load' }, async () => load.sent() > 2000)
    const down = load.elapsed()
    await engine.restart()
    const back = load.elapsed()
    await until({ what: 'it answers again', seconds: 60 }, answers)
    const served = load.elapsed()
    const failures = await load.stop(load.sent() + 8000)
    const isUnexpected = (failure: string): boolean => {
      const [asked, failed] = /^asked after (\d+) ms, failed after (\d+) ms/.exec(failure)!.slice(1).map(Number)
      // One that was asked while nothing served may wait in the router, and fail when the first container is back.
      return failed! < down || asked! > served
    }
    expect(failures.filter(isUnexpected)).toEqual([])
    expect(served - back).toBeLessThan(backMs)
    await until({ what: 'both are up again', seconds: 60 }, async () => {
      const ps = await shop.does('ps')
      return (ps.match(/ up /g) ?? []).length === 2
    })
  })
})
