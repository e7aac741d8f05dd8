// Is each name ordered once by several controllers, and do the routers of all answer the CA?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { acmeDomain, type PeersStage, startPeersStage } from './acme-stage.ts'
import { type Checkout, newCheckout } from './app.ts'
import { type Person, registered } from './client.ts'
import { type ClusterPlatform, startOnCluster, testCluster } from './cluster.ts'
import { hasPebble } from './pebble.ts'
import { freePort } from './port.ts'
import { until } from './until.ts'

const there = testCluster !== null && hasPebble && process.env.DATABASE_URL?.startsWith('postgres') === true
const program = "require('http').createServer((q,s)=>s.end('hello')).listen(process.env.PORT)"
const names = (what: string): string[] => [0, 1, 2, 3].map((index) => `${what}${index}.example.org`)

describe.skipIf(!there).sequential('certificates for pods, by two controllers on one PostgreSQL', () => {
  let peers: PeersStage
  let one: ClusterPlatform
  let two: ClusterPlatform
  let ann: Person
  let shop: Checkout

  beforeAll(async () => {
    peers = await startPeersStage()
    const { shared, stage } = peers
    one = await startOnCluster({ ...shared, DEIS_ROUTER_TLS_PORT: String(await freePort()) })
    // The CA comes to the router of the second only, whichever of the controllers has asked it.
    const ports = { DEIS_ROUTER_PORT: String(stage.httpPort), DEIS_ROUTER_TLS_PORT: String(stage.tlsPort) }
    two = await startOnCluster({ ...shared, ...ports })
    ann = await registered(one, 'ann')
    shop = await newCheckout(ann, one.name('shop'), { file: 'x' })
    await shop.does('create', shop.app)
    await shop.does('config:set', 'PORT=8080')
    const procfile = JSON.stringify({ web: `node -e "${program}"` })
    await shop.does('pull', `${one.registry}/stack:1`, `--procfile=${procfile}`)
  })
  afterAll(async () => {
    await two?.stop()
    await one?.stop()
    await peers?.stop()
  })

  const served = (host: string) =>
    until({ what: `${host} is served`, seconds: 90 }, async () => (await peers.stage.secure(host)).body === 'hello')
  const ordered = (hosts: readonly string[]): string[] =>
    peers.front.orders.map(({ host }) => host).filter((host) => hosts.includes(host))

  test('a name that one of them orders is proven through the router of the other', async () => {
    await served(`${shop.app}.${acmeDomain}`)
    for (const host of names('both')) await shop.does('domains:add', host)
    for (const host of names('both')) await served(host)
    expect(ordered(names('both')).toSorted()).toEqual(names('both'))
  })
})
