// Do two controllers on one database share their apps without fighting, and does one take over what the other left?
import { randomBytes } from 'node:crypto'
import type { Release } from '@deis/types'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import { type Person, registered } from './client.ts'
import { type ClusterPlatform, kubectl, startOnCluster, testCluster } from './cluster.ts'
import { type Database, testDatabase } from './database.ts'
import { ask, callApi } from './http.ts'
import { until } from './until.ts'

const there = testCluster !== null && process.env.DATABASE_URL?.startsWith('postgres') === true
const program = (delay: number): string =>
  `setTimeout(()=>require('http').createServer((q,s)=>s.end(process.env.WORKFLOW_RELEASE)).listen(process.env.PORT),${delay})`

describe.skipIf(!there).sequential('two controllers on one PostgreSQL', () => {
  let database: Database
  let one: ClusterPlatform
  let two: ClusterPlatform
  let ann: Person
  let shop: Checkout

  beforeAll(async () => {
    database = await testDatabase()
    const shared = {
      ...database.env,
      DEIS_SECRET_KEY: randomBytes(32).toString('hex'),
      DEIS_BUILDER_KEY: randomBytes(32).toString('hex'),
    }
    one = await startOnCluster(shared)
    two = await startOnCluster(shared)
    ann = await registered(one, 'ann')
    shop = await newCheckout(ann, one.name('shop'), { file: 'x' })
    await shop.does('create', shop.app)
    await shop.does('config:set', 'PORT=8080')
    await shop.does(
      'pull',
      `${one.registry}/stack:1`,
      `--procfile=${JSON.stringify({ web: `node -e "${program(0)}"` })}`,
    )
  })
  afterAll(async () => {
    await two?.stop()
    await one?.stop()
    await database?.drop()
  })

  const releases = async (platform: ClusterPlatform): Promise<Release[]> => {
    const { body } = await callApi(platform, await ann.token(), 'GET', `/v2/apps/${shop.app}/releases/`)
    return (JSON.parse(body) as { results: Release[] }).results
  }

  test('both routers lead to an app that one of them deployed', async () => {
    for (const platform of [one, two])
      await until({ what: 'v3 serves' }, async () => (await ask(platform, shop.app)).body === 'v3')
  })

  test('changes at both at once are each applied or refused, and numbered without a gap', async () => {
    const token = await ann.token()
    const set = (index: number) =>
      callApi(index % 2 === 0 ? one : two, token, 'POST', `/v2/apps/${shop.app}/config/`, {
        values: { [`KEY_${index}`]: String(index) },
      })
    const answers = await Promise.all(Array.from({ length: 6 }, (_, index) => set(index)))
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201))
    const { body } = await callApi(one, token, 'GET', `/v2/apps/${shop.app}/config/`)
    expect(Object.keys((JSON.parse(body) as { values: object }).values)).toEqual(
      expect.arrayContaining(Array.from({ length: 6 }, (_, index) => `KEY_${index}`)),
    )
    expect((await releases(two)).map(({ version, failed }) => [version, failed])).toEqual(
      Array.from({ length: 9 }, (_, index) => [9 - index, false]),
    )
    for (const platform of [one, two])
      await until({ what: 'v9 serves' }, async () => (await ask(platform, shop.app)).body === 'v9')
  })

  test('what one of them says of an app is in the logs of the other', async () => {
    await until({ what: 'the line' }, async () => {
      const { body } = await callApi(two, await ann.token(), 'GET', `/v2/apps/${shop.app}/logs?log_lines=200`)
      return body.includes('ann added KEY_0') && body.includes('ann added KEY_1')
    })
  })

  test('a deploy whose controller is killed is carried on by the other', async () => {
    const procfile = JSON.stringify({ web: `node -e "${program(3000)}"` })
    const pull = shop.deis('pull', `${one.registry}/stack:1`, `--procfile=${procfile}`)
    await until({ what: 'the new pod is there' }, async () =>
      (await kubectl('get', 'pods', `--namespace=${shop.app}`, '--selector=version=v10', '--output=name')).includes(
        'pod/',
      ),
    )
    await one.endController('SIGKILL')
    await until({ what: 'v10 serves', seconds: 60 }, async () => (await ask(two, shop.app)).body === 'v10')
    await until({ what: 'it is told so' }, async () => (await releases(two))[0]?.failed === false)
    await one.startController()
    expect(await pull).toMatchObject({ code: 0 })
    expect((await releases(one))[0]).toMatchObject({ version: 10, failed: false })
  })
})
