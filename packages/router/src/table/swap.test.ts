// Does no request fail while upstreams come and go under load?
import { once } from 'node:events'
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http'
import { expect, test } from 'vitest'
import { type App, startApp, startFixture } from '../testing.ts'

const clients = 16
const leastRequests = 3_000
const swaps = 20

test(`${swaps} swaps, constant load, no failure`, async () => {
  const fixture = await startFixture()
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const running = new Map<string, App>()
  let served = 0

  const startUpstream = async (): Promise<string> => {
    const app = await startApp((request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => {
        served++
        const body = `${request.method} ${Buffer.concat(pieces).toString()}`
        // Some answers are still under way when the swap comes.
        if (served % 7 === 0) setTimeout(() => response.end(body), 10)
        else response.end(body)
      })
    })
    running.set(app.address, app)
    return app.address
  }

  const ask = async (number: number): Promise<void> => {
    const method = number % 3 === 0 ? 'POST' : 'GET'
    const body = method === 'POST' ? `body ${number} ${'x'.repeat(number % 5_000)}` : ''
    const request = httpRequest({
      port: fixture.router.port,
      host: '127.0.0.1',
      method,
      agent,
      headers: { host: 'tea.localhost', ...(method === 'POST' && { 'content-length': body.length }) },
    })
    request.end(body)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    let text = ''
    for await (const piece of response) text += String(piece)
    if (response.statusCode !== 200 || text !== `${method} ${body}`)
      throw new Error(`${response.statusCode} ${text.slice(0, 100)}`)
  }

  await fixture.route('tea', ['tea'], [await startUpstream(), await startUpstream()])
  const failures: string[] = []
  let asked = 0
  const now = { swapping: true }
  const load = Array.from({ length: clients }, async () => {
    while (now.swapping || asked < leastRequests) {
      await ask(asked++).catch((error: unknown) => failures.push(String(error)))
    }
  })

  for (let count = 0; count < swaps; count++) {
    const before = [...running.keys()]
    const next = [await startUpstream(), await startUpstream()]
    const seq = fixture.controller.set('tea', ['tea'], next)
    // As the controller does: a process ends when the router has the table without it and no request of its.
    const { length } = before
    const stopped = new Set<string>()
    while (stopped.size < length) {
      const state = await fixture.controller.seen(
        (known) => known.seq >= seq && before.some((address) => !stopped.has(address) && !known.busy.includes(address)),
      )
      for (const address of before) {
        if (stopped.has(address) || state.busy.includes(address)) continue
        stopped.add(address)
        const app = running.get(address)!
        running.delete(address)
        await app.close()
      }
    }
  }
  now.swapping = false
  await Promise.all(load)
  expect(failures).toEqual([])
  expect(asked).toBeGreaterThanOrEqual(leastRequests)
  agent.destroy()
  await fixture.close()
  for (const app of running.values()) await app.close()
})
