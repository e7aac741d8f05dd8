// Are certificates that last a minute renewed when the CA suggests it, without a failed request, and what is said when that fails?
import type { Agent } from 'node:https'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Front, startFront } from './acme-front.ts'
import { acmeDomain as domain, type AcmeStage, type AutoCert, startAcmeStage } from './acme-stage.ts'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { hasPebble } from './pebble.ts'
import { type Platform, startPlatform } from './platform.ts'
import { askSecurely, type SecureAnswer } from './secure.ts'
import { startSecureLoad } from './secure-load.ts'
import { until } from './until.ts'

const host = `shop.${domain}`
const validitySeconds = 90

/** What it suggests for every certificate that it is asked about. */
const inSeconds = (from: number) => () => {
  const at = Date.now() + from * 1000
  return { start: new Date(at), end: new Date(at + 500) }
}

describe.skipIf(!hasPebble).sequential('renewals (Debian package "pebble")', () => {
  let stage: AcmeStage
  let front: Front
  let platform: Platform
  let tlsPort: number
  let ann: Person
  let shop: Checkout
  let root: string

  beforeAll(async () => {
    stage = await startAcmeStage({ validitySeconds })
    tlsPort = stage.tlsPort
    root = await stage.ca.root()
    front = await startFront(stage.ca)
    front.suggest(inSeconds(2))
    platform = await startPlatform({ ...stage.settings, DEIS_ACME_DIRECTORY: front.directory })
    ann = await registered(platform, 'ann')
    shop = await newApp(ann, 'shop')
    await shop.deploy()
    await until({ what: 'it has a certificate', seconds: 30 }, () => secure())
  })
  afterAll(async () => {
    await platform?.stop()
    await front?.stop()
    await stage?.stop()
  })

  const secure = (agent: Agent | false = false): Promise<SecureAnswer> =>
    askSecurely(tlsPort, host, { ca: root, agent })
  const state = async (): Promise<AutoCert> => {
    const { results } = JSON.parse(await shop.does('certs:auto', '--json')) as { results: AutoCert[] }
    return results.find((one) => one.host === host)!
  }
  const reaches = (name: string): Promise<AutoCert> =>
    until({ what: `it is ${name}`, seconds: validitySeconds }, async () => {
      const found = await state()
      return found.state === name && found
    })
  const doctor = async (): Promise<string> =>
    (await ann.deis(['doctor'])).stdout.split('\n').find((line) => line.includes('certificates')) ?? ''

  test('each is replaced by the next while requests go on, and none fails', async () => {
    const load = startSecureLoad(secure, /./)
    await until({ what: 'five certificates were seen' }, () => load.serials.size >= 5)
    await until({ what: 'there were requests enough' }, () => load.sent() >= 2_000)
    expect(await load.stop()).toEqual([])
    const [first, ...later] = front.orders.filter((one) => one.host === host)
    expect(first?.replaces).toBe(null)
    const replaced = later.map(({ replaces }) => Buffer.from(replaces!.split('.')[1]!, 'base64url').toString('hex'))
    // In their order, each once; the first of them had gone before the load came.
    const seen = [...load.serials].map((serial) => serial.toLowerCase().padStart(16, '0'))
    expect(replaced.map((serial) => serial.slice(-16))).toEqual(
      expect.arrayContaining(seen.slice(0, 4).map((serial) => serial.slice(-16))),
    )
    expect(new Set(replaced).size).toBe(replaced.length)
  })

  test('one that the CA takes for replaced is renewed all the same', async () => {
    const detail = 'cannot indicate an order replaces a certificate that was replaced already'
    front.refuse({ status: 409, type: 'alreadyReplaced', detail, replacingOnly: true })
    const { serial } = await secure()
    await until({ what: 'there is another', seconds: 20 }, async () => (await secure()).serial !== serial)
    front.refuse(null)
    expect(front.orders.filter((one) => one.host === host && one.replaces === null).length).toBeGreaterThan(1)
  })

  test('while the CA is down, the one that is there serves, and everybody is told', async () => {
    front.down(true)
    const failed = await reaches('failed')
    const load = startSecureLoad(secure, /./)
    expect(failed.error).toMatchObject({ type: 'unreachable' })
    for (const args of [['certs:auto'], ['certs']]) {
      const shown = await shop.does(...args)
      expect(shown).toContain('the CA cannot be reached from here (DEIS_ACME_DIRECTORY)')
      expect(shown).toContain('Its certificate serves until it expires: ')
    }
    expect(await doctor()).toContain('the CA cannot be reached from here')
    expect(await platform.log()).toContain(
      'a certificate could not be renewed; the one that is there serves until it expires',
    )
    const late = await until({ what: 'it expires soon', seconds: validitySeconds }, async () => {
      const line = await doctor()
      return line.includes('expire soon') && line
    })
    expect(late).toContain(`certificates of ${host} expire soon and cannot be renewed`)
    front.suggest(null)
    front.down(false)
    await shop.does('certs:auto:retry', host)
    await reaches('issued')
    expect(await load.stop()).toEqual([])
    expect(load.serials.size).toBe(2)
    expect(await doctor()).not.toContain(host)
  })

  test('without a suggestion of the CA half of the lifetime is left', async () => {
    const { serial } = await secure()
    const began = Date.now()
    await until({ what: 'there is another', seconds: validitySeconds }, async () => (await secure()).serial !== serial)
    expect(Date.now() - began).toBeGreaterThan(20_000)
    expect(Date.now() - began).toBeLessThan(60_000)
  })
})
