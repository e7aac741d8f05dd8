// Do the lines of a deployed app reach a log server, with the real programs on one machine?
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import { certificateFor } from '@deis/router/testing-tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { registered } from './client.ts'
import { type Platform, startPlatform } from './platform.ts'
import { until } from './until.ts'
import { soon } from './with-app.ts'

/** Stands in for a log service: keeps what it is sent. */
let received = ''
const sockets = new Set<TLSSocket>()
const { certificate: cert, key } = certificateFor('localhost')
const server = createServer({ cert, key }, (socket) => {
  sockets.add(socket.setEncoding('utf8'))
  socket.on('error', () => undefined).on('data', (text: string) => (received += text))
})

let folder: string
let platform: Platform
let shop: Checkout
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-drains-'))
  await writeFile(join(folder, 'ca.pem'), cert)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const env = { DEIS_DRAIN_NETWORKS: '127.0.0.0/8,::1', DEIS_DRAIN_CA_FILE: join(folder, 'ca.pem') }
  platform = await startPlatform({ ...soon, ...env })
  shop = await newApp(await registered(platform, 'ann'), 'shop')
})
afterAll(async () => {
  await platform?.stop()
  for (const socket of sockets) socket.destroy()
  server.close()
  await rm(folder, { recursive: true })
})

const has = (what: RegExp): Promise<true> => until({ what: String(what) }, () => what.test(received) || null)

test('lines of app and platform arrive, also after a restart of the controller, until the drain is removed', async () => {
  const { port } = server.address() as AddressInfo
  expect(await shop.does('drains:add', `syslog+tls://localhost:${port}`)).toContain('sends to syslog+tls://localhost')
  const listed = JSON.parse(await shop.does('drains', '--json')) as { results: { uuid: string }[] }
  const { uuid } = listed.results[0]!
  await shop.does('drains:test', uuid)
  await has(new RegExp(`a test of the drain ${uuid}`))
  await shop.deploy()
  await has(/\d+ <190>1 \S+ shop app web\.v2\.[a-z0-9]{5} - - listening in v2/)
  await has(/<174>1 \S+ shop deis controller - - INFO /)
  // It ends within its time although the receiver goes on listening.
  const begun = Date.now()
  await platform.endController('SIGTERM')
  expect(Date.now() - begun).toBeLessThan(30_000)
  await platform.startController()
  await shop.does('config:set', 'A=1')
  await has(/listening in v3/)
  expect(await shop.does('drains')).toContain(`${uuid}\tsyslog+tls://localhost:${port}\tsending`)
  await shop.does('drains:remove', uuid)
  await until({ what: 'no connection' }, () => [...sockets].every(({ destroyed }) => destroyed) || null)
  expect(await shop.does('drains')).toBe('=== shop Drains\n')
})
