// Is anything lost or left, wherever in a deploy on Docker the whole controller is killed?
import type { Release } from '@deis/types'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import { type Person, registered } from './client.ts'
import { containersOf, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { ask, callApi } from './http.ts'
import { startLoad } from './load.ts'
import { until } from './until.ts'

/** Answers with its release, and gives back what is posted. */
const program = `require('http').createServer((q,s)=>{if(q.method==='POST')q.pipe(s);else s.end(process.env.WORKFLOW_RELEASE)}).listen(process.env.PORT)`
/** Fifty are some minutes: TEST_KILLS=50. */
const kills = Number(process.env.TEST_KILLS ?? 3)
/** What comes after the command has ended, as the old container's end, is part of a deploy. */
const longer = 1.3

describe.skipIf(testEngine === null).sequential('on a Docker Engine', () => {
  let platform: EnginePlatform
  let ann: Person
  let shop: Checkout
  beforeAll(async () => {
    platform = await startOnDocker()
    ann = await registered(platform, 'ann')
    shop = await newCheckout(ann, platform.name('shop'), { file: 'x' })
    await shop.does('create', shop.app)
    await shop.does('config:set', 'PORT=8080')
    const procfile = JSON.stringify({ web: `exec node -e "${program}"`, worker: 'sleep 100000' })
    await shop.does('pull', `${platform.registry}/stack:1`, `--procfile=${procfile}`)
    await shop.does('scale', 'worker=1')
    await until({ what: 'v3 serves' }, async () => (await serves()) === 'v3')
  })
  afterAll(() => platform?.stop())

  const serves = async (): Promise<string> => (await ask(platform, shop.app)).body
  const releases = async (): Promise<Release[]> => {
    const { status, body } = await callApi(
      platform,
      await ann.token(),
      'GET',
      `/v2/apps/${shop.app}/releases/?limit=1000`,
    )
    if (status !== 200) throw new Error(`releases answers ${status}: ${body}`)
    return (JSON.parse(body) as { results: Release[] }).results
  }

  test(
    `killed ${kills} times: the change is made once, and nothing else is left`,
    async () => {
      const began = Date.now()
      await shop.does('config:set', 'TURN=first')
      const longestMs = (Date.now() - began) * longer
      const load = startLoad(platform, shop.app, { clients: 2, pauseMs: 20 })
      let cut = 0
      for (let turn = 0; turn < kills; turn++) {
        // Spread evenly, and each somewhere in its part.
        const dieAfter = Math.round(((turn + Math.random()) * longestMs) / kills)
        const changed = shop.deis('config:set', `TURN=${turn}`)
        const ended = changed.then(() => true)
        await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, dieAfter))])
        if (!(await Promise.race([ended, Promise.resolve(false)]))) cut++
        await platform.endController('SIGKILL')
        await platform.startController()
        const { code, stderr } = await changed
        // It met nobody, so nothing of it was sent.
        if (code !== 0) {
          expect(stderr, `turn ${turn}, after ${dieAfter} ms`).toContain('Cannot reach the controller')
          await shop.does('config:set', `TURN=${turn}`)
        }
        // v4 was the first change.
        const version = `v${turn + 5}`
        await until({ what: `${version} serves`, seconds: 60 }, async () => (await serves()) === version)
        await until({ what: 'only its containers are left', seconds: 60 }, async () => {
          return (await containersOf(shop.app)).length === 2 && !(await shop.does('ps')).includes('starting')
        })
      }
      expect(cut).toBeGreaterThan(0)
      const failures = await load.stop(0)
      expect(failures).toEqual([])
      const found = await releases()
      expect(found.map(({ version }) => version)).toEqual(
        Array.from({ length: kills + 4 }, (_, index) => kills + 4 - index),
      )
      expect(found.filter(({ failed }) => failed)).toEqual([])
      const left = (await platform.left()).map((one) => one.split(' ')[0] ?? '').toSorted()
      expect(left).toEqual(['container', 'container', 'network'])
    },
    120_000 + kills * 40_000,
  )
})
