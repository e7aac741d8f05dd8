// When the controller that orders certificates is killed, does the other one on the database finish, without ordering again?
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Front, startFront } from './acme-front.ts'
import type { Moment } from './acme-moments.ts'
import { acmeDomain, type AcmeStage, startAcmeStage } from './acme-stage.ts'
import { type Checkout, newApp } from './app.ts'
import { run } from './child.ts'
import { mustWork, registered } from './client.ts'
import { type Database, testDatabase } from './database.ts'
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
  let stage: AcmeStage
  let database: Database
  let front: Front
  let one: Platform
  let two: Platform
  let shop: Checkout

  beforeAll(async () => {
    stage = await startAcmeStage()
    database = await testDatabase()
    front = await startFront(stage.ca)
    const shared = {
      ...stage.settings,
      ...database.env,
      DEIS_ACME_DIRECTORY: front.directory,
      DEIS_SECRET_KEY: randomBytes(32).toString('hex'),
      DEIS_BUILDER_KEY: randomBytes(32).toString('hex'),
    }
    const [port, tls] = [await freePort(), await freePort()]
    one = await startPlatform({ ...shared, DEIS_ROUTER_PORT: String(port), DEIS_ROUTER_TLS_PORT: String(tls) })
    // The CA comes to the router of the second only, whichever of the controllers has asked it.
    two = await startPlatform(shared)
    shop = await newApp(await registered(one, 'ann'), 'shop')
    await shop.deploy()
    await stage.has(`shop.${acmeDomain}`)
  })
  afterAll(async () => {
    front?.release()
    await two?.stop()
    await one?.stop()
    await front?.stop()
    await stage?.stop()
    await database?.drop()
  })

  const leased = async (): Promise<number> => {
    const query = `SELECT count(*) FROM "AcmeName" WHERE "leaseUntil" IS NOT NULL`
    const args = ['--no-psqlrc', '-At', '--command', query, '--', database.env['DATABASE_URL']!]
    return Number(mustWork(await run('psql', args, { cwd: stage.folder, env: cleanEnv() }), 'psql'))
  }
  const leasedAre = (count: number) =>
    until({ what: `${count} names are worked on` }, async () => (await leased()) === count)
  const times = (hosts: readonly string[], host: string): number => hosts.filter((each) => each === host).length

  test.each(kills.map((moments) => ({ moments, at: moments.join(', ') })))('is killed at $at', async ({ moments }) => {
    await leasedAre(0)
    const names = moments.map((moment) => `${moment}.example.org`)
    const reached = names.map((host, index) => front.hold(host, moments[index]!))
    // The second does nothing until the first has taken all of them.
    process.kill(two.controllerPid, 'SIGSTOP')
    try {
      for (const host of names) await shop.does('domains:add', host)
      await leasedAre(names.length)
    } finally {
      process.kill(two.controllerPid, 'SIGCONT')
    }
    await Promise.all(reached)
    await one.endController('SIGKILL')
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
