// Do names get certificates from a CA by themselves, and keep them, whatever is restarted or refuses?
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { certificateFor } from '@deis/router/testing-tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { acmeDomain as domain, type AcmeStage, type AutoCert, startAcmeStage } from './acme-stage.ts'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { type Answer, ask } from './http.ts'
import { hasPebble } from './pebble.ts'
import { type Platform, registrationToken, startPlatform } from './platform.ts'
import { until } from './until.ts'

describe.skipIf(!hasPebble).sequential('certificates from Pebble (Debian package "pebble")', () => {
  let stage: AcmeStage
  let platform: Platform
  let ann: Person
  let shop: Checkout

  beforeAll(async () => {
    stage = await startAcmeStage()
    const isPublic = { DEIS_PUBLIC_API: 'true', DEIS_REGISTRATION_TOKEN: registrationToken }
    platform = await startPlatform({ ...stage.settings, ...isPublic })
    ann = await registered(platform, 'ann')
    shop = await newApp(ann, 'shop')
  })
  afterAll(async () => {
    await platform?.stop()
    await stage?.stop()
  })

  const secure: AcmeStage['secure'] = (host, path) => stage.secure(host, path)
  const has: AcmeStage['has'] = (host, path) => stage.has(host, path)
  const stateOf = async (host: string) => {
    const { results } = JSON.parse(await ann.does(['certs:auto', '--json', '-a', 'shop'])) as { results: AutoCert[] }
    return results.find((one) => one.host === host)
  }
  const plain = (host: string, path = '/'): Promise<Answer> => ask(platform, 'x', { path, headers: { host } })

  test('the API has one, and is reached by HTTPS only', async () => {
    expect((await has(`deis.${domain}`, '/healthz')).status).toBe(200)
    expect(await plain(`deis.${domain}`, '/v2/')).toMatchObject({
      status: 301,
      location: `https://deis.${domain}:${stage.tlsPort}/v2/`,
    })
  })

  test('an app has one as soon as it is deployed, and not before', async () => {
    expect(await ann.does(['certs:auto', '-a', 'shop'])).toContain('No names')
    await shop.deploy()
    expect((await has(`shop.${domain}`)).status).toBe(200)
    expect(await plain(`shop.${domain}`, '/a?b')).toMatchObject({
      status: 301,
      location: `https://shop.${domain}:${stage.tlsPort}/a?b`,
    })
    expect(await ann.does(['certs:auto', '-a', 'shop'])).toMatch(new RegExp(`shop\\.${domain} .*issued`))
    expect(await ann.does(['doctor'])).toMatch(/certificates/)
  })

  test('a domain that its user adds has one too; another app keeps its own ACME client', async () => {
    await shop.does('domains:add', 'www.example.org')
    expect((await has('www.example.org')).status).toBe(200)
    const answer = await secure('www.example.org', '/.well-known/acme-challenge/of-another-client')
    expect(answer.body).not.toContain('There is no app')
  })

  test('a certificate that its user has added wins, and the automatic one is back without it', async () => {
    const { serial } = await secure('www.example.org')
    const { certificate, key } = certificateFor('www.example.org')
    const [certFile, keyFile] = [join(ann.home, 'own.crt'), join(ann.home, 'own.key')]
    await writeFile(certFile, certificate)
    await writeFile(keyFile, key, { mode: 0o600 })
    await ann.does(['certs:add', 'own', certFile, keyFile])
    await ann.does(['certs:attach', 'own', 'www.example.org'])
    await expect(secure('www.example.org')).rejects.toThrow(/self-signed|signature/)
    await ann.does(['certs:detach', 'own', 'www.example.org'])
    expect((await secure('www.example.org')).serial).toBe(serial)
  })

  test('a name that leads elsewhere is not tried at the CA, says what to set, and is tried again when it is told', async () => {
    await stage.ca.dns('add-a', { host: 'far.example.org', addresses: ['10.1.2.3'] })
    await shop.does('domains:add', 'far.example.org')
    const blocked = await until({ what: 'it is blocked' }, async () => {
      const found = await stateOf('far.example.org')
      return found?.state === 'blocked' && found
    })
    expect(blocked.error).toMatchObject({
      type: 'preflight',
      detail: `"far.example.org" leads to 10.1.2.3 (not an address on the internet); it must have a CNAME record to shop.${domain}, or an A record to 127.0.0.1`,
    })
    expect(await ann.does(['certs:auto', '-a', 'shop'])).toContain('it must have a CNAME record to')
    expect(await ann.does(['doctor'])).toContain('far.example.org')
    await stage.ca.dns('clear-a', { host: 'far.example.org' })
    await ann.does(['certs:auto:retry', 'far.example.org'])
    expect((await has('far.example.org')).status).toBe(200)
    expect(await ann.deis(['certs:auto:retry', 'far.example.org'])).toMatchObject({ code: 1 })
  })

  test('what the CA refuses is shown in its words, with what may be wrong', async () => {
    // Of the platform, but no router listens there.
    await stage.ca.dns('add-a', { host: 'shut.example.org', addresses: ['127.0.0.9'] })
    await shop.does('domains:add', 'shut.example.org')
    const failed = await until({ what: 'it has failed', seconds: 30 }, async () => {
      const found = await stateOf('shut.example.org')
      return found?.state === 'failed' && found
    })
    expect(failed.error?.type).toBe('connection')
    expect(failed.error?.detail).toContain('is the port open in the firewall, to everywhere?')
    await shop.does('domains:remove', 'shut.example.org')
  })

  test('turned off, names of the app have none; turned on again, they have the same', async () => {
    const { serial } = await secure(`shop.${domain}`)
    await shop.does('certs:auto', 'off')
    await expect(secure(`shop.${domain}`)).rejects.toThrow(/handshake failure/)
    expect(await plain(`shop.${domain}`)).toMatchObject({ status: 200 })
    await shop.does('certs:auto', 'on')
    expect((await secure(`shop.${domain}`)).serial).toBe(serial)
  })

  test('whoever says no to HTTPS gets no redirect', async () => {
    await shop.does('tls:disable')
    expect(await plain(`shop.${domain}`)).toMatchObject({ status: 200 })
    await shop.does('tls:enable')
    expect(await plain('no-cert.example.org')).toMatchObject({ status: 404 })
    expect(await plain(`shop.${domain}`)).toMatchObject({ status: 301 })
  })

  test('a controller that is killed in the middle goes on with the order; a CA that forgot the account gets a new one', async () => {
    await stage.ca.restart({ PEBBLE_VA_NOSLEEP: '0', PEBBLE_VA_SLEEPTIME: '3' })
    await shop.does('domains:add', 'slow.example.org')
    await until({ what: 'the CA looks' }, async () => (await stateOf('slow.example.org'))?.state === 'proving')
    process.kill(platform.controllerPid, 'SIGKILL')
    await platform.endController('SIGKILL')
    // Routers serve what they have meanwhile.
    await platform.startController()
    expect((await has('slow.example.org')).status).toBe(200)
    expect((await platform.log()).match(/registered at the CA/g)).toHaveLength(2)
  })
})
