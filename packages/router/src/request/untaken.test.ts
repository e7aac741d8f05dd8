// Does a client that asks and never reads keep its connection for ever?
import { afterEach, expect, test, vi } from 'vitest'
import { startApp, startClient, startFixture } from '../testing.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close()
})

const request = 'GET /page HTTP/1.1\r\nHost: tea.localhost\r\n\r\n'

test.each([
  ["by Node's server", false],
  ['by the router itself', true],
])('no, when its requests are read %s', async (_, direct) => {
  const page = 'x'.repeat(60_000)
  let asked = 0
  // Each request asks for the next one, until what the client does not read fills what the system holds for it.
  const app = await startApp((_request, response) => {
    asked++
    response.end(page, () => void client.socket.write(request))
  })
  open.push(app)
  const fixture = await startFixture({ direct, accessLog: true, timing: { untaken: 300 } })
  open.push(fixture)
  await fixture.route('tea', ['tea'], [app.address])
  const client = startClient(fixture.router.port)
  client.socket.pause()
  client.socket.write(request)
  // A line is written when a response has been taken, or its connection has ended.
  await vi.waitFor(() => expect(asked).toBeGreaterThan(10), 10_000)
  let before = -1
  await vi.waitFor(
    () => {
      const lines = fixture.written.join('').split('\n').length - 1
      const still = asked === before
      before = asked
      expect([still, lines]).toEqual([true, asked])
    },
    { timeout: 15_000, interval: 700 },
  )
  client.socket.destroy()
})
