// Does each hand-off work exactly once, and only with its token?
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHandOff, type HandOff } from './handoff.ts'

let server: Server
let handOff: HandOff

beforeAll(async () => {
  server = createServer((request, response) => {
    if (!handOff.handle(request, response)) response.writeHead(418).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  handOff = createHandOff(() => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const open = (): AbortController => new AbortController()

test('an offer can be fetched once, by GET', async () => {
  const { url } = handOff.offer(() => Readable.from([Buffer.from('a'), Buffer.from('b')]), open().signal)
  expect(new URL(url).pathname).toMatch(/^\/v2\/handoff\/[A-Za-z0-9_-]{43}$/)
  expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(404)
  expect(await (await fetch(url)).text()).toBe('ab')
  expect((await fetch(url)).status).toBe(404)
})

test('content sent once by PUT is read as it comes', async () => {
  const { url, body } = handOff.accept(open().signal, { bytes: 10 })
  expect((await fetch(url)).status).toBe(404)
  const [answer, sent] = await Promise.all([fetch(url, { method: 'PUT', body: 'result' }), body.then(text)])
  expect(answer.status).toBe(204)
  expect(sent).toBe('result')
  expect((await fetch(url, { method: 'PUT', body: 'again' })).status).toBe(404)
})

test('too much is refused, announced or not', async () => {
  const announced = handOff.accept(open().signal, { bytes: 3 })
  const [first] = await Promise.all([
    fetch(announced.url, { method: 'PUT', body: 'four' }),
    expect(announced.body.then(text)).rejects.toThrow('more than 3 bytes'),
  ])
  expect(first.status).toBe(413)
  const streamed = handOff.accept(open().signal, { bytes: 3 })
  const body = Readable.toWeb(Readable.from([Buffer.from('ab'), Buffer.from('cd')])) as ReadableStream
  const [second] = await Promise.all([
    fetch(streamed.url, { method: 'PUT', body, duplex: 'half' }),
    expect(streamed.body.then(text)).rejects.toThrow('more than 3 bytes were sent'),
  ])
  expect(second.status).toBe(413)
})

test('both end with the build', async () => {
  const build = open()
  const offered = handOff.offer(() => Readable.from(['x']), build.signal)
  const accepted = handOff.accept(build.signal, { bytes: 10 })
  build.abort(new Error('cancelled'))
  expect((await fetch(offered.url)).status).toBe(404)
  expect((await fetch(accepted.url, { method: 'PUT', body: 'x' })).status).toBe(404)
  await expect(accepted.body).rejects.toThrow('cancelled')
  expect(() => handOff.offer(() => Readable.from(['x']), build.signal)).toThrow('cancelled')
})

test('a build that ends while it sends, and a reader that gives up', async () => {
  const build = open()
  const { url, body } = handOff.accept(build.signal, { bytes: 1000 })
  const endless = new Readable({ read() {} })
  endless.push('begin')
  const sending = fetch(url, {
    method: 'PUT',
    body: Readable.toWeb(endless) as ReadableStream,
    duplex: 'half',
  }).then(({ status }) => status)
  const reading = text(await body)
  build.abort(new Error('cancelled'))
  await expect(reading).rejects.toThrow()
  expect(await sending).toBe(500)
  endless.destroy()
  const given = handOff.accept(open().signal, { bytes: 1e9 })
  const refused = fetch(given.url, { method: 'PUT', body: 'x'.repeat(1e6) }).then(({ status }) => status)
  ;(await given.body).destroy()
  expect(await refused).toBe(500)
})

test('an offer that breaks fails at the receiver', async () => {
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from('half')
    await Promise.reject(new Error('disk'))
  }
  const { url } = handOff.offer(() => Readable.from(broken()), open().signal)
  await expect(fetch(url).then((answer) => answer.text())).rejects.toThrow()
})

test('other paths are ignored, unknown tokens get 404', async () => {
  const { port } = server.address() as AddressInfo
  const status = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status
  expect(await status('/v2/apps/')).toBe(418)
  expect(await status('/v2/handoff/')).toBe(404)
  expect(await status(`/v2/handoff/${'a'.repeat(43)}`)).toBe(404)
  expect(await status('/v2/handoff/../../etc')).toBe(418)
})
