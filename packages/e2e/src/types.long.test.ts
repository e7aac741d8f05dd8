// Are process types with capitals and underscores carried by every command that names one?
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { registered } from './client.ts'
import { serving } from './http.ts'
import { type Platform, startPlatform } from './platform.ts'
import { until } from './until.ts'

let platform: Platform
let shop: Checkout
beforeAll(async () => {
  platform = await startPlatform()
  shop = await newApp(await registered(platform, 'ann'), 'shop')
  await shop.deploy({
    Procfile: 'web: node server.mjs\nCeleryBeat: while :; do echo tick; sleep 1; done\ncelery_worker: sleep 1000\n',
  })
})
afterAll(() => platform.stop())

/** Names of processes of a type, as `deis ps` has them. */
const processesOf = async (type: string): Promise<string[]> => {
  const { results } = JSON.parse(await shop.does('ps', '--json')) as {
    results: { readonly type: string; readonly name: string; readonly state: string }[]
  }
  return results.filter((one) => one.type === type && one.state === 'up').map(({ name }) => name)
}

test('they are scaled, shown, restarted, read and entered', async () => {
  await serving(platform, 'shop', { release: 'v2' })
  expect(await shop.does('scale', 'CeleryBeat=2', 'celery_worker=1')).toMatch(/^Scaling processes\.\.\. /)
  const before = await processesOf('CeleryBeat')
  expect(before).toHaveLength(2)
  expect(await processesOf('celery_worker')).toHaveLength(1)
  expect(await shop.does('ps')).toMatch(/^--- CeleryBeat:$/m)
  await until({ what: 'it is heard' }, async () => /tick/.test(await shop.does('logs', '--ptype', 'CeleryBeat')))
  await shop.does('ps:restart', 'CeleryBeat')
  const after = await processesOf('CeleryBeat')
  expect(after).toHaveLength(2)
  expect(after.filter((name) => before.includes(name))).toEqual([])
  expect(await shop.does('exec', 'celery_worker', '--', 'echo', 'inside')).toContain('inside')
  await shop.does('scale', 'CeleryBeat=0')
  expect(await processesOf('CeleryBeat')).toEqual([])
})

test.each([
  ['scale', ['celerybeat=1'], 'Container type celerybeat does not exist in application'],
  ['limits:set', ['celery_worker=64M'], 'limits'],
  ['limits:set', ['--cpu', 'CeleryBeat=500m'], 'limits'],
])('%s %j is refused for what it is, not for how it is written', async (command, words, why) => {
  const { code, stderr } = await shop.deis(command, ...words)
  expect([code, stderr]).toEqual([1, expect.stringContaining(why)])
})
