// What becomes of responses before the response, which an app may send as many and as odd as it likes?
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { type Fixture, startClient, startFixture, startRawApp } from '../testing.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close()
})

async function fixtureFor(direct: boolean, address: string): Promise<Fixture> {
  const fixture = await startFixture({ direct })
  open.push(fixture)
  await fixture.route('tea', ['tea'], [address])
  return fixture
}

const get = 'GET / HTTP/1.1\r\nHost: tea.localhost\r\n\r\n'
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe.each([
  ['read by the router', true],
  ['read by Node', false],
])('of a request %s', (_, direct) => {
  test.each([
    ['</a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script'],
    ['</a.css>; rel="preload"; title="a; b"'],
    ['what is not a link'],
  ])('early hints with the link %s pass as they are, and the connection serves on', async (link) => {
    const app = await startRawApp((socket) =>
      socket.on('data', () => socket.write(`HTTP/1.1 103 Early Hints\r\nLink: ${link}\r\nX-Own: 1\r\n\r\n${answer}`)),
    )
    open.push(app)
    const fixture = await fixtureFor(direct, app.address)
    const client = startClient(fixture.router.port, get)
    const first = await client.until(/\r\n\r\n(?:ok|<)/)
    expect(first.startsWith(`HTTP/1.1 103 Early Hints\r\nLink: ${link}\r\n\r\nHTTP/1.1 200 OK\r\n`), first).toBe(true)
    // In two parts: Node's server reads it then.
    client.socket.write(get.slice(0, 20))
    await new Promise((resolve) => setImmediate(resolve))
    client.socket.write(get.slice(20))
    await client.until(/ok[^]*ok$/)
    client.socket.destroy()
  })

  test('those that a client does not take are left out instead of kept', async () => {
    const hint = `HTTP/1.1 103 Early Hints\r\nLink: <${'x'.repeat(30_000)}>; rel=preload\r\n\r\n`
    const count = 600
    const app = await startRawApp((socket) =>
      socket.once('data', () => {
        const send = async (): Promise<void> => {
          for (let sent = 0; sent < count; sent++) if (!socket.write(hint)) await once(socket, 'drain')
          socket.write(answer)
        }
        void send()
      }),
    )
    open.push(app)
    const fixture = await fixtureFor(direct, app.address)
    const client = startClient(fixture.router.port)
    client.socket.pause()
    client.socket.write(get)
    // The app is rid of all of them.
    await expect
      .poll(() => [...app.sockets][0]?.bytesWritten, { timeout: 20_000 })
      .toBe(hint.length * count + answer.length)
    client.socket.resume()
    await expect.poll(() => client.text().endsWith('ok'), { timeout: 20_000 }).toBe(true)
    // What the system holds of it, and no more.
    expect(client.text().length).toBeLessThan(hint.length * count * 0.8)
    client.socket.destroy()
  }, 30_000)
})
