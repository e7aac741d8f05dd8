// Are as many connections to an app kept as there is a use for?
import type { Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Fixture, type RawApp, startClient, startFixture, startRawApp } from '../testing.ts'

const clients = 150
let fixture: Fixture
let app: RawApp
/** Connections of the app that wait for their response. */
let waiting: Socket[]
let opened: number

beforeEach(async () => {
  waiting = []
  opened = 0
  app = await startRawApp((socket) => {
    opened++
    socket.on('data', () => waiting.push(socket))
  })
  fixture = await startFixture({ timing: { pooled: 120_000 } })
  await fixture.route('tea', ['tea'], [app.address])
})
afterEach(async () => {
  await fixture.close()
  await app.close()
})

/** All at once: no response begins before the app has each request. */
async function askTogether(count: number): Promise<void> {
  const asked = Array.from({ length: count }, () =>
    startClient(fixture.router.port, 'GET / HTTP/1.1\r\nHost: tea.localhost\r\nConnection: close\r\n\r\n').closed(),
  )
  await expect.poll(() => waiting.length, { timeout: 60_000, interval: 5 }).toBe(count)
  for (const socket of waiting.splice(0)) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  for (const { text } of await Promise.all(asked)) expect(text).toMatch(/ok$/)
}

test('under load, no connection is closed to be opened again', async () => {
  for (let round = 0; round < 3; round++) await askTogether(clients)
  expect(opened).toBe(clients)
})
