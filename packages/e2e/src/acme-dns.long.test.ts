// Do wildcards get certificates by the operator's program for DNS, from a CA that wants an account of its own and a trial first?
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Front, startFront } from './acme-front.ts'
import { acmeDomain as domain, type AcmeStage, type AutoCert, startAcmeStage } from './acme-stage.ts'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { hasPebble, type Pebble, startPebble } from './pebble.ts'
import { type Platform, registrationToken, startPlatform } from './platform.ts'
import { until } from './until.ts'

/** base64url, as CAs give it. */
const hmacKey = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'

describe.skipIf(!hasPebble).sequential('certificates by DNS (Debian package "pebble")', () => {
  let stage: AcmeStage
  let ca: Pebble
  let staging: Pebble
  let front: Front
  let stagingFront: Front
  let platform: Platform
  let ann: Person
  let shop: Checkout
  let calls: string
  let behaviour: string

  beforeAll(async () => {
    stage = await startAcmeStage({ eab: { kid: 'kid-1', key: hmacKey } })
    const { folder, httpPort } = stage
    ca = stage.ca
    staging = await startPebble(join(folder, 'staging'), httpPort, { beside: ca })
    front = await startFront(ca, { caaIdentities: ['ca.example'] })
    stagingFront = await startFront(staging, { caaIdentities: ['ca.example'] })
    calls = join(folder, 'calls')
    behaviour = join(folder, 'behaviour')
    const hook = join(folder, 'hook')
    await writeFile(behaviour, 'works')
    await writeFile(
      hook,
      `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs')
const [verb, name, value] = process.argv.slice(2)
appendFileSync(${JSON.stringify(calls)}, JSON.stringify([verb, name, value, Object.keys(process.env)]) + '\\n')
const does = readFileSync(${JSON.stringify(behaviour)}, 'utf8')
if (does === 'fails' && verb === 'present') { console.error('the zone is locked'); process.exit(3) }
const [path, body] = verb === 'present' ? ['set-txt', { host: name, value }] : ['clear-txt', { host: name }]
fetch(${JSON.stringify(`${ca.dnsManagement}/`)} + path, { method: 'POST', body: JSON.stringify(body) })
  .then(({ ok }) => process.exit(ok ? 0 : 1))
`,
      { mode: 0o755 },
    )
    platform = await startPlatform({
      ...stage.settings,
      DEIS_ACME_DIRECTORY: front.directory,
      DEIS_ACME_STAGING_DIRECTORY: stagingFront.directory,
      DEIS_ACME_EAB_KID: 'kid-1',
      DEIS_ACME_EAB_HMAC_KEY: hmacKey,
      DEIS_ACME_DNS_HOOK: hook,
      DEIS_PUBLIC_API: 'true',
      DEIS_REGISTRATION_TOKEN: registrationToken,
    })
    ann = await registered(platform, 'ann')
    shop = await newApp(ann, 'shop')
    await shop.deploy()
  })
  afterAll(async () => {
    await platform?.stop()
    for (const one of [front, stagingFront, staging, stage]) await one?.stop()
  })

  const secure = (host: string) => stage.secure(host)
  const has = (host: string) => stage.has(host)
  const stateOf = async (host: string): Promise<AutoCert | undefined> => {
    const { results } = JSON.parse(await ann.does(['certs:auto', '--json', '-a', 'shop'])) as { results: AutoCert[] }
    return results.find((one) => one.host === host)
  }
  const reaches = (host: string, state: string): Promise<AutoCert> =>
    until({ what: `${host} is ${state}`, seconds: 40 }, async () => {
      const found = await stateOf(host)
      return found?.state === state && found
    })
  const called = async (name: string): Promise<string[]> =>
    (await readFile(calls, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as [string, string, string, string[]])
      .filter(([, record]) => record === name)
      .map(([verb]) => verb)
  const ordersOf = (host: string) =>
    [stagingFront, front].map(({ orders }) => orders.filter((one) => one.host === host))

  test('all names of apps share one, which was tried at the staging first', async () => {
    expect((await has(`shop.${domain}`)).names).toBe(`DNS:*.${domain}`)
    expect((await secure(`deis.${domain}`)).names).toBe(`DNS:*.${domain}`)
    expect(ordersOf(`*.${domain}`).map((some) => some.length)).toEqual([1, 1])
    expect(await called(`_acme-challenge.${domain}.`)).toEqual(['present', 'cleanup', 'present', 'cleanup'])
    const [, , , env] = JSON.parse((await readFile(calls, 'utf8')).split('\n')[0]!) as [
      string,
      string,
      string,
      string[],
    ]
    expect(env).toContain('PATH')
    expect(env.filter((name) => name.startsWith('DEIS_')).toSorted()).toEqual([
      'DEIS_ACME_ACTION',
      'DEIS_ACME_RECORD',
      'DEIS_ACME_VALUE',
    ])
  })

  test('the account is bound to the one that the CA has given, and the staging knows of none', async () => {
    expect((await platform.log()).match(/registered at the CA/g)).toHaveLength(2)
    const second = await newApp(ann, 'second')
    await second.deploy()
    expect((await secure(`second.${domain}`)).names).toBe(`DNS:*.${domain}`)
  })

  test('a wildcard of an app has its own', async () => {
    await shop.does('domains:add', '*.example.org')
    expect((await has('any.example.org')).names).toBe('DNS:*.example.org')
    expect(await called('_acme-challenge.example.org.')).toEqual(['present', 'cleanup', 'present', 'cleanup'])
  })

  test('a program that fails is shown with its words, and called to remove what it may have set', async () => {
    await writeFile(behaviour, 'fails')
    await shop.does('domains:add', '*.example.net')
    expect((await reaches('*.example.net', 'failed')).error?.detail).toContain('the zone is locked')
    expect(await called('_acme-challenge.example.net.')).toEqual(['present', 'cleanup'])
    expect(ordersOf('*.example.net')[1]).toEqual([])
    await writeFile(behaviour, 'works')
    await ann.does(['certs:auto:retry', '*.example.net'])
    await has('any.example.net')
  })

  test('a controller that is killed goes on with its order, and removes the record', async () => {
    await staging.restart({ PEBBLE_VA_NOSLEEP: '0', PEBBLE_VA_SLEEPTIME: '4' })
    await shop.does('domains:add', '*.example.edu')
    await until(
      { what: 'the record is there' },
      async () => (await called('_acme-challenge.example.edu.')).length === 1,
    )
    process.kill(platform.controllerPid, 'SIGKILL')
    await platform.endController('SIGKILL')
    await platform.startController()
    await has('any.example.edu')
    expect(ordersOf('*.example.edu').map((some) => some.length)).toEqual([1, 1])
    expect((await called('_acme-challenge.example.edu.')).at(-1)).toBe('cleanup')
    await staging.restart()
  })

  test('what fails at the staging is not tried at the CA; what the staging cannot say is', async () => {
    // Of the platform, but no router listens there.
    await ca.dns('add-a', { host: 'shut.example.biz', addresses: ['127.0.0.9'] })
    await shop.does('domains:add', 'shut.example.biz')
    const { error } = await reaches('shut.example.biz', 'failed')
    expect(error).toMatchObject({ type: 'connection', detail: expect.stringContaining('in the trial at localhost:') })
    expect(ordersOf('shut.example.biz')[1]).toEqual([])
    stagingFront.down(true)
    await ca.dns('clear-a', { host: 'shut.example.biz' })
    await ann.does(['certs:auto:retry', 'shut.example.biz'])
    await has('shut.example.biz')
    expect(ordersOf('shut.example.biz')[1]).toHaveLength(1)
    stagingFront.down(false)
    expect(await platform.log()).toContain('the staging of the CA could not try the name first')
  })

  test('a CAA record that forbids the CA is named, and the CA is not asked', async () => {
    await ca.dns('add-caa', { host: 'example.info.', policies: [{ tag: 'issue', value: 'other.example' }] })
    await shop.does('domains:add', 'www.example.info')
    const { error } = await reaches('www.example.info', 'blocked')
    expect(error?.detail).toBe(
      'the CAA records of "example.info" ("other.example") do not allow this CA; add the record: example.info. CAA 0 issue "ca.example"',
    )
    expect(ordersOf('www.example.info')).toEqual([[], []])
    await ca.dns('add-caa', { host: 'example.info.', policies: [{ tag: 'issue', value: 'ca.example' }] })
    await ann.does(['certs:auto:retry', 'www.example.info'])
    await has('www.example.info')
  })

  test('a limit of the CA is waited for as long as it says, and only the operator may ask before', async () => {
    const detail =
      'too many certificates (50) already issued for "example.name" in the last 168h0m0s, retry after 2026-01-17 00:27:45 UTC'
    front.refuse({ status: 429, type: 'rateLimited', detail, retryAfter: '7200' })
    await shop.does('domains:add', 'www.example.name')
    const { error } = await reaches('www.example.name', 'failed')
    expect(error).toMatchObject({ type: 'rateLimited', detail: expect.stringContaining('too many certificates (50)') })
    const { next } = (await stateOf('www.example.name'))!
    expect(Date.parse(next!) - Date.now()).toBeGreaterThan(6_900_000)
    front.refuse(null)
    await shop.does('certs:auto', 'on')
    expect(ordersOf('www.example.name').map((some) => some.length)).toEqual([1, 1])
    // Ann is the operator here: the first account.
    await ann.does(['certs:auto:retry', 'www.example.name'])
    await has('www.example.name')
    // The staging had said what it had to say.
    expect(ordersOf('www.example.name').map((some) => some.length)).toEqual([1, 2])
  })
})
