// Are responses compressed where that helps, and nowhere else?
import { createHash, randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import { brotliDecompressSync, constants, createGunzip, gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { acceptedEncoding } from './compress.ts'
import { createSqueezer, type Squeeze } from './squeeze.ts'
import { type App, exchange, type Fixture, startApp, startClient, startFixture } from '../testing.ts'

let fixture: Fixture
let app: App
let handler: (request: IncomingMessage, response: ServerResponse) => void

beforeAll(async () => {
  fixture = await startFixture({ accessLog: true })
  app = await startApp((request, response) => handler(request, response))
  await fixture.route('tea', ['tea'], [app.address])
})
afterAll(async () => {
  await fixture.close()
  await app.close()
})

const page = `<!doctype html>${'<p>a line of text</p>'.repeat(2_000)}`

async function get(
  headers: Record<string, string>,
  more: { method?: string; port?: number } = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
  const { method = 'GET', port = fixture.router.port } = more
  const request = httpRequest({ port, host: '127.0.0.1', method, headers: { host: 'tea.localhost', ...headers } })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const pieces: Buffer[] = []
  for await (const piece of response) pieces.push(piece as Buffer)
  return { status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) }
}

const html = { 'content-type': 'text/html; charset=utf-8' }
const both = { 'accept-encoding': 'gzip, deflate, br' }

test.each([
  ['br', 'gzip, deflate, br', brotliDecompressSync],
  ['gzip', 'gzip', gunzipSync],
  ['gzip', 'br;q=0.5, gzip;q=0.8', gunzipSync],
] as const)('%s for %s', async (encoding, wish, undo) => {
  handler = (_request, response) =>
    void response
      .writeHead(200, {
        ...html,
        'content-length': page.length,
        etag: '"one"',
        'accept-ranges': 'bytes',
        vary: 'Cookie',
        'x-own': 'y',
      })
      .end(page)
  const { headers, body } = await get({ 'accept-encoding': wish })
  expect(headers).toMatchObject({
    'content-encoding': encoding,
    etag: 'W/"one"',
    vary: 'Cookie, Accept-Encoding',
    'x-own': 'y',
    'transfer-encoding': 'chunked',
  })
  expect(headers).not.toHaveProperty('content-length')
  expect(headers).not.toHaveProperty('accept-ranges')
  expect(undo(body).toString()).toBe(page)
  expect(body.length).toBeLessThan(page.length / 10)
  const written = JSON.parse(fixture.written.at(-1)!) as { bytes: number }
  expect(written.bytes).toBe(body.length)
})

type Case = [string, Record<string, string>, { status?: number; headers?: Record<string, string>; body?: Buffer }]

test.each<Case>([
  ['an image', both, { headers: { 'content-type': 'image/png' } }],
  ['no type', both, { headers: {} }],
  ['a small page', both, { body: Buffer.from(page.slice(0, 1_000)) }],
  ['an encoded response', both, { headers: { ...html, 'content-encoding': 'gzip' }, body: gzipSync(page) }],
  ['no-transform', both, { headers: { ...html, 'cache-control': 'public, no-transform' } }],
  [
    'a range',
    { ...both, range: 'bytes=0-9999' },
    { status: 206, headers: { ...html, 'content-range': 'bytes 0-9/10' } },
  ],
  ['a digest of the bytes', both, { headers: { ...html, 'content-md5': 'x' } }],
  ['events', both, { headers: { 'content-type': 'text/event-stream' } }],
])('%s passes as it is', async (_, asked, { status = 200, headers = html, body = Buffer.from(page) }) => {
  const given = { ...headers, etag: '"one"', 'content-length': String(body.length) }
  handler = (_request, response) => void response.writeHead(status, given).end(body)
  const answer = await get(asked)
  expect(answer.headers).toMatchObject(given)
  expect(answer.headers).not.toHaveProperty('vary')
  expect(answer.body.equals(body)).toBe(true)
})

test.each([
  ['a client that wants nothing', {}],
  ['a client that wants something else', { 'accept-encoding': 'zstd, identity' }],
  ['a client that refuses', { 'accept-encoding': 'gzip;q=0, br;q=0.000, *;q=0' }],
])('%s gets the page as it is, and caches are told', async (_, asked) => {
  const given = { ...html, etag: '"one"', 'content-length': String(page.length), 'accept-ranges': 'bytes' }
  handler = (_request, response) => void response.writeHead(200, given).end(page)
  const { headers, body } = await get(asked)
  expect(headers).toMatchObject({ ...given, vary: 'Accept-Encoding' })
  expect(headers).not.toHaveProperty('content-encoding')
  expect(body.toString()).toBe(page)
})

test('HEAD, 304 and HTTP/1.0 are not compressed', async () => {
  handler = (request, response) => {
    if (request.headers['if-none-match']) response.writeHead(304, { etag: '"one"' }).end()
    else response.writeHead(200, { ...html, etag: '"one"', 'content-length': page.length }).end(page)
  }
  const head = await get(both, { method: 'HEAD' })
  expect(head.headers).toMatchObject({ etag: '"one"', 'content-length': String(page.length) })
  expect(head.headers).not.toHaveProperty('content-encoding')
  const same = await get({ ...both, 'if-none-match': 'W/"one"' })
  expect(same).toMatchObject({ status: 304, headers: { etag: '"one"' } })
  const old = await exchange(fixture.router.port, 'GET / HTTP/1.0', 'Host: tea.localhost', 'Accept-Encoding: gzip')
  expect(old).toMatch(new RegExp(`Content-Length: ${page.length}\\r\\n`, 'i'))
  expect(old.endsWith(page)).toBe(true)
})

test('a page that comes piece by piece arrives piece by piece', async () => {
  const bus = new EventEmitter()
  handler = (_request, response) => {
    response.writeHead(200, html)
    response.write('<p>first')
    bus.once('second', () => {
      response.write('<p>second')
      bus.once('third', () => response.end('<p>third'))
    })
  }
  const request = httpRequest({
    port: fixture.router.port,
    host: '127.0.0.1',
    headers: { host: 'tea.localhost', 'accept-encoding': 'gzip' },
  })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  expect(response.headers['content-encoding']).toBe('gzip')
  const seen: string[] = []
  const plain = response.pipe(createGunzip({ flush: constants.Z_SYNC_FLUSH }))
  const next = { first: 'second', second: 'third' } as Record<string, string>
  plain.on('data', (piece: Buffer) => {
    seen.push(piece.toString())
    const following = next[piece.toString().slice(3)]
    if (following) bus.emit(following)
  })
  await once(plain, 'end')
  expect(seen).toEqual(['<p>first', '<p>second', '<p>third'])
})

test('a large page in both directions of pressure stays whole; one that breaks off does not look whole', async () => {
  // More than the buffers between here and there hold, also compressed.
  const lines = randomBytes(6_000_000).toString('base64')
  handler = (request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    if (request.url === '/') response.end(lines)
    else response.write(lines, () => response.destroy())
  }
  const client = startClient(
    fixture.router.port,
    'GET / HTTP/1.1\r\nHost: tea.localhost\r\nAccept-Encoding: br\r\nConnection: close\r\n\r\n',
  )
  client.socket.pause()
  setTimeout(() => client.socket.resume(), 200)
  await client.closed()
  const { body } = await get({ 'accept-encoding': 'br' })
  const sum = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex')
  expect(sum(brotliDecompressSync(body))).toBe(sum(lines))
  const text = await exchange(
    fixture.router.port,
    'GET /broken HTTP/1.1',
    'Host: tea.localhost',
    'Accept-Encoding: gzip',
    'Connection: close',
  )
  expect(text).toMatch(/Content-Encoding: gzip/)
  expect(text.endsWith('\r\n0\r\n\r\n')).toBe(false)
})

test('it can be turned off', async () => {
  const own = await startFixture({ compression: false })
  await own.route('tea', ['tea'], [app.address])
  handler = (_request, response) => void response.writeHead(200, html).end(page)
  const { headers, body } = await get(both, { port: own.router.port })
  expect(headers).not.toHaveProperty('vary')
  expect(body.toString()).toBe(page)
  await own.close()
})

test.each([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['GZIP;Q=1.0', 'gzip'],
  ['br', 'br'],
  ['*', 'br'],
  ['*;q=0.1, gzip;q=0.2', 'gzip'],
  ['br;q=0, *', 'gzip'],
  ['gzip; q=0.5 , br ; q=0.4', 'gzip'],
  ['identity, gzip;q=0.5', null],
  ['identity;q=0.5, gzip;q=0.5', 'gzip'],
  ['gzip;q=0', null],
  ['gzip;q=0.0', null],
  ['gzip;q=2', null],
  ['gzip;q=-1', null],
  ['gzip;q=', null],
  ['gzip;level=9', null],
  ['deflate', null],
  ['', null],
  [`${'a,'.repeat(600)}gzip`, null],
])('%s is a wish for %s', (header, encoding) => {
  expect(acceptedEncoding(header)).toBe(encoding)
})

test('when much is being compressed, the rest is not, until slots are free again', async () => {
  const squeezer = createSqueezer()
  const ended: Promise<void>[] = []
  const all: Squeeze[] = []
  while (squeezer.hasCapacity() && all.length < 1_000) {
    ended.push(
      new Promise((resolve) => {
        const squeeze = squeezer.begin('gzip', {
          data: () => true,
          end: resolve,
          drain: () => undefined,
          failed: () => undefined,
        })
        squeeze.write(Buffer.from(page))
        all.push(squeeze)
      }),
    )
  }
  expect(all.length).toBeLessThan(100)
  for (const squeeze of all) squeeze.end(null)
  await Promise.all(ended)
  await expect.poll(() => squeezer.hasCapacity()).toBe(true)
})
