// Does what a person says about how an app is reached hold at the router at once?
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificateFor, type Pair } from '@deis/router/testing-tls'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { type Answer, ask, serving } from './http.ts'
import { type Platform, startPlatform } from './platform.ts'
import { freePort } from './port.ts'

const domain = 'shop.example.com'
const first = certificateFor(domain)
const second = certificateFor('*.example.com')

let platform: Platform
let tlsPort: number
let ann: Person
let shop: Checkout

beforeAll(async () => {
  tlsPort = await freePort()
  platform = await startPlatform({
    KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '2',
    DEIS_ROUTER_TLS_PORT: String(tlsPort),
  })
  ann = await registered(platform, 'ann')
  shop = await newApp(ann, 'shop')
  await shop.deploy()
  await serving(platform, 'shop', { release: 'v2' })
})
afterAll(() => platform.stop())

/** As a client that trusts nothing but this certificate. */
async function askSecurely(name: string, { certificate }: Pair): Promise<Answer> {
  const call = request({
    host: '127.0.0.1',
    port: tlsPort,
    servername: name,
    ca: certificate,
    headers: { host: name },
    agent: false,
    timeout: 10_000,
  })
  call.end()
  const [response] = await once(call, 'response')
  return { status: response.statusCode, body: await text(response) }
}

function askPlainly(more: { path?: string; method?: string } = {}): Promise<Answer> {
  return ask(platform, 'shop', { headers: { host: domain }, ...more })
}

async function save(name: string, { certificate, key }: Pair): Promise<[string, string]> {
  const files: [string, string] = [join(ann.home, `${name}.crt`), join(ann.home, `${name}.key`)]
  await writeFile(files[0], certificate)
  await writeFile(files[1], key, { mode: 0o600 })
  return files
}

describe.sequential('an app under a name of its own', () => {
  test('a domain leads to it with the command, and no longer when it is removed', async () => {
    expect(await askPlainly()).toMatchObject({ status: 404 })
    await shop.does('domains:add', domain)
    expect(await askPlainly()).toMatchObject({ status: 200 })
    await shop.does('domains:remove', domain)
    expect(await askPlainly()).toMatchObject({ status: 404 })
    await shop.does('domains:add', domain)
  })

  test('TLS is spoken with the certificate that is attached, and with no other', async () => {
    await expect(askSecurely(domain, first)).rejects.toThrow(/handshake failure/)
    await ann.does(['certs:add', 'first', ...(await save('first', first))])
    await expect(askSecurely(domain, first)).rejects.toThrow(/handshake failure/)
    await ann.does(['certs:attach', 'first', domain])
    expect(await askSecurely(domain, first)).toMatchObject({ status: 200 })
    await expect(askSecurely(domain, second)).rejects.toThrow(/self-signed/)
    await expect(askSecurely('shop.localhost', first)).rejects.toThrow(/handshake failure/)
  })

  test('another certificate replaces it', async () => {
    await ann.does(['certs:add', 'second', ...(await save('second', second))])
    await ann.does(['certs:detach', 'first', domain])
    await ann.does(['certs:attach', 'second', domain])
    expect(await askSecurely(domain, second)).toMatchObject({ status: 200 })
    await expect(askSecurely(domain, first)).rejects.toThrow(/self-signed|signature/)
  })

  test('tls:enable redirects all clients to https, tls:disable stops that', async () => {
    await shop.does('tls:enable')
    expect(await askPlainly({ path: '/a?b=c' })).toMatchObject({
      status: 301,
      location: `https://${domain}:${tlsPort}/a?b=c`,
    })
    expect(await askSecurely(domain, second)).toMatchObject({ status: 200 })
    await shop.does('tls:disable')
    expect(await askPlainly()).toMatchObject({ status: 200 })
  })

  test('a whitelist shuts out all others', async () => {
    await shop.does('whitelist:add', '192.0.2.0/24,2001:db8::/32')
    expect(await askPlainly()).toMatchObject({ status: 403 })
    expect(await askSecurely(domain, second)).toMatchObject({ status: 403 })
    await shop.does('whitelist:add', '127.0.0.1')
    expect(await askPlainly()).toMatchObject({ status: 200 })
    await shop.does('whitelist:remove', '127.0.0.1')
    expect(await askPlainly()).toMatchObject({ status: 403 })
    await shop.does('whitelist:remove', '192.0.2.0/24,2001:db8::/32')
    expect(await askPlainly()).toMatchObject({ status: 200 })
  })

  test('maintenance answers for the app, which goes on running', async () => {
    await shop.does('maintenance:on')
    const { status, body } = await askPlainly()
    expect(status).toBe(503)
    expect(body).toContain('<title>Site Maintenance</title>')
    expect(await shop.does('ps')).toMatch(/\bup\b/)
    await shop.does('maintenance:off')
    expect(await askPlainly()).toMatchObject({ status: 200 })
  })

  test('an app that is not routed is not there', async () => {
    await shop.does('routing:disable')
    expect(await askPlainly()).toMatchObject({ status: 404 })
    expect(await ask(platform, 'shop')).toMatchObject({ status: 404 })
    await expect(askSecurely(domain, second)).rejects.toThrow(/handshake failure/)
    await shop.does('routing:enable')
    expect(await askPlainly()).toMatchObject({ status: 200 })
    expect(await askSecurely(domain, second)).toMatchObject({ status: 200 })
  })
})
