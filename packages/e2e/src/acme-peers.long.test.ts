// When the controller that orders certificates is killed, does the other one on the database finish, without ordering again?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Moment } from './acme-moments.ts'
import { acmeDomain, type PeersStage, startPeersStage } from './acme-stage.ts'
import { type Checkout, newApp } from './app.ts'
import { run } from './child.ts'
import { mustWork, registered } from './client.ts'
import { hasPebble } from './pebble.ts'
import { cleanEnv, type Platform, startPlatform } from './platform.ts'
import { freePort } from './port.ts'
import { until } from './until.ts'

const there = hasPebble && process.env.DATABASE_URL?.startsWith('postgres') === true

/** Each name is at another one when the controller is killed; a controller works on four names at once. */
const kills: readonly (readonly Moment[])[] = [
  ['ordering', 'ordered', 'reading', 'proving'],
  ['finalizing', 'finalized', 'downloading'],
]

describe.skipIf(!there).sequential('two controllers on one PostgreSQL (Debian package "pebble")', () => {
  let peers: PeersStage
  let one: Platform
  let two: Platform
  let shop: Checkout

  beforeAll(async () => {
    peers = await startPeersStage()
    const { stage } = peers
    const shared = { ...stage.settings, ...peers.shared }
    const [port, tls] = [await freePort(), await freePort()]
    one = await startPlatform({ ...shared, DEIS_ROUTER_PORT: String(port), DEIS_ROUTER_TLS_PORT: String(tls) })
    // The CA comes to the router of the second only, whichever of the controllers has asked it.
    two = await startPlatform(shared)
    shop = await newApp(await registered(one, 'ann'), 'shop')
    await shop.deploy()
    await stage.has(`shop.${acmeDomain}`)
  })
  afterAll(async () => {
    peers?.front.release()
    await two?.stop()
    await one?.stop()
    await peers?.stop()
  })

  const leased = async (): Promise<number> => {
    const query = `SELECT count(*) FROM "AcmeName" WHERE "leaseUntil" IS NOT NULL`
    const args = ['--no-psqlrc', '-At', '--command', query, '--', peers.databaseUrl]
    return Number(mustWork(await run('psql', args, { cwd: peers.stage.folder, env: cleanEnv() }), 'psql'))
  }
  const leasedAre = (count: number) =>
    until({ what: `${count} names are worked on` }, async () => (await leased()) === count)
  const times = (hosts: readonly string[], host: string): number => hosts.filter((each) => each === host).length

  test.each(kills.map((moments) => ({ moments, at: moments.join(', ') })))('is killed at $at', async ({ moments }) => {
    await leasedAre(0)
    const { front, stage } = peers
    const names = moments.map((moment) => `${moment}.example.org`)
    // The CA looks for proofs at the router of the second: nothing gets that far while that is stopped.
    const begun = names.map((host) => front.hold(host, 'ordering'))
    // The second does nothing until the first has taken all of them.
    process.kill(two.controllerPid, 'SIGSTOP')
    try {
      for (const host of names) await shop.does('domains:add', host)
      await leasedAre(names.length)
    } finally {
      process.kill(two.controllerPid, 'SIGCONT')
    }
    await Promise.all(begun)
    await Promise.all(
      moments.map((moment, index) => (moment === 'ordering' ? begun[index]! : front.hold(names[index]!, moment))),
    )
    await one.endController('SIGKILL')
    // The end of a connection comes later than that of its process: nothing of the killed one may reach the CA.
    await front.abandoned()
    front.release()
    for (const host of names) expect((await stage.has(host)).names).toBe(`DNS:${host}`)
    const ordered = front.orders.map(({ host }) => host)
    for (const [index, host] of names.entries()) {
      // Nobody but the CA knew of an order whose answer was lost; it is left, and no certificate is made of it.
      expect([host, times(ordered, host)]).toEqual([host, moments[index] === 'ordered' ? 2 : 1])
      expect([host, times(front.finalized, host)]).toEqual([host, 1])
    }
    // One account for both, also where a kill came between.
    const logs = `${await one.log()}${await two.log()}`
    expect(logs.match(/registered at the CA/g)).toHaveLength(1)
    await one.startController()
  })
})
