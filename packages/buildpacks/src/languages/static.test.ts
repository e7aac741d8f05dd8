// Are static sites served, and nothing but them?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Files, openTestBuilder, path, type TestBuilder } from '../testing.ts'
import { parseStaticJson } from './static.ts'

let t: TestBuilder
beforeAll(async () => {
  t = await openTestBuilder()
})
afterAll(() => t.close())

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function reachable(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Builds a site, serves it from its slug and hands over its address and folder. */
async function serving(files: Files, use: (url: string, app: string) => Promise<void>): Promise<void> {
  const { result } = await t.build(files)
  expect(result.processes).toEqual({ web: 'node .deis/static.mjs' })
  const app = await t.unpack(result)
  const port = await freePort()
  const child = spawn('node', ['.deis/static.mjs'], {
    cwd: app,
    env: { PATH: path, PORT: String(port) },
    stdio: 'inherit',
    ...(await t.accounts.of('myapp')),
  })
  try {
    const deadline = Date.now() + 10_000
    while (!(await reachable(port))) {
      if (Date.now() > deadline || child.exitCode !== null) throw new Error('the server did not start')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await use(`http://127.0.0.1:${port}`, app)
  } finally {
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    expect((await exit)[0]).toBe(0)
  }
}

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

/** A request whose answer is left encoded as it is. */
async function plainRequest(url: string, method: string, headers: OutgoingHttpHeaders): Promise<Answer> {
  const sent = request(url, { method, headers, agent: false })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

/** A request whose path is sent as it is written. */
async function raw(url: string, requestPath: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(`GET ${requestPath} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

const site: Files = {
  'index.html': '<h1>hello</h1>',
  'style.css': 'a{}',
  'video.bin': '0123456789',
  'docs/index.html': 'docs',
  'docs/über uns.html': 'about',
  '404.html': 'nothing here',
  '.env': 'secret',
  'empty/.hidden': 'secret',
  '.well-known/x': 'known',
  'outside.txt': { link: '/etc/hostname' },
  'inside.txt': { link: 'style.css' },
}

test('files, folders, conditions, ranges, and what is not there', async () => {
  await serving(site, async (url) => {
    const get = (at: string, init: RequestInit = {}): Promise<Response> =>
      fetch(url + at, { redirect: 'manual', ...init })
    const home = await get('/?a=b')
    expect([home.status, home.headers.get('content-type'), await home.text()]).toEqual([
      200,
      'text/html; charset=utf-8',
      '<h1>hello</h1>',
    ])
    expect(home.headers.get('x-content-type-options')).toBe('nosniff')
    const etag = home.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[\w-]{22}"$/)
    expect((await get('/', { headers: { 'if-none-match': `"x", W/${etag}` } })).status).toBe(304)
    expect((await get('/', { headers: { 'if-none-match': '"x"' } })).status).toBe(200)

    const css = await get('/style.css', { method: 'HEAD' })
    expect([css.status, css.headers.get('content-length'), css.headers.get('content-type'), await css.text()]).toEqual([
      200,
      '3',
      'text/css; charset=utf-8',
      '',
    ])
    expect(await (await get('/inside.txt')).text()).toBe('a{}')
    expect(await (await get('/.well-known/x')).text()).toBe('known')
    expect(await (await get('/docs/')).text()).toBe('docs')
    expect(await (await get('/docs/%C3%BCber%20uns.html')).text()).toBe('about')
    const folder = await get('/docs?q=1')
    expect([folder.status, folder.headers.get('location')]).toEqual([301, '/docs/?q=1'])

    const range = async (value: string): Promise<[number, string | null, string]> => {
      const part = await get('/video.bin', { headers: { range: value } })
      return [part.status, part.headers.get('content-range'), await part.text()]
    }
    expect(await range('bytes=2-4')).toEqual([206, 'bytes 2-4/10', '234'])
    expect(await range('bytes=7-')).toEqual([206, 'bytes 7-9/10', '789'])
    expect(await range('bytes=-2')).toEqual([206, 'bytes 8-9/10', '89'])
    expect(await range('bytes=10-')).toEqual([416, 'bytes */10', ''])
    expect(await range('bytes=1-2,4-5')).toEqual([200, null, '0123456789'])

    const missing = await get('/no/such')
    expect([missing.status, await missing.text(), missing.headers.get('etag')]).toEqual([404, 'nothing here', null])
    expect((await get('/', { method: 'POST' })).status).toBe(405)
    expect((await get('/style.css/')).status).toBe(404)
    expect((await get('/empty/')).status).toBe(404)
  })
})

test('texts are sent encoded to who takes that, with a tag of their own; ranges are of the text itself', async () => {
  const text = 'some words '.repeat(1000)
  const files: Files = { ...site, 'long.txt': text, 'long.png': text, 'own.js': 'own()', 'own.js.br': 'brought along' }
  await serving({ ...files, '404.html': text }, async (url) => {
    const ask = (at: string, accept: string, more: OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> =>
      plainRequest(url + at, method, { ...(accept === '' ? {} : { 'accept-encoding': accept }), ...more })
    const plain = await ask('/long.txt', '')
    expect([plain.headers['content-encoding'], plain.headers.vary]).toEqual([undefined, 'accept-encoding'])
    const br = await ask('/long.txt', 'gzip, deflate, br')
    expect([br.headers['content-encoding'], brotliDecompressSync(br.body).toString()]).toEqual(['br', text])
    const gzip = await ask('/long.txt', 'br;q=0, gzip;q=0.5')
    expect([gzip.headers['content-encoding'], gunzipSync(gzip.body).toString()]).toEqual(['gzip', text])
    expect(new Set([plain, br, gzip].map(({ headers }) => headers.etag)).size).toBe(3)
    expect(br.headers['content-length']).toBe(String(br.body.length))
    const head = await ask('/long.txt', 'br', {}, 'HEAD')
    expect([head.headers['content-length'], head.headers['content-encoding'], head.body.length]).toEqual([
      br.headers['content-length'],
      'br',
      0,
    ])
    expect((await ask('/long.txt', 'br', { 'if-none-match': br.headers.etag })).status).toBe(304)
    expect((await ask('/long.txt', 'gzip', { 'if-none-match': br.headers.etag })).status).toBe(200)

    const part = await ask('/long.txt', 'br', { range: 'bytes=5-9' })
    expect([part.status, part.headers['content-encoding'], part.body.toString()]).toEqual([206, undefined, 'words'])
    const whole = await ask('/long.txt', 'br', { range: 'bytes=5-9', 'if-range': br.headers.etag })
    expect([whole.status, whole.headers['content-encoding'], whole.body.toString()]).toEqual([200, undefined, text])

    const image = await ask('/long.png', 'br')
    expect([image.headers['content-encoding'], image.headers.vary]).toEqual([undefined, undefined])
    expect((await ask('/style.css', 'br')).headers['content-encoding']).toBeUndefined()
    const own = await ask('/own.js', 'br, gzip')
    expect([own.headers['content-encoding'], own.body.toString()]).toEqual(['br', 'brought along'])
    expect((await ask('/own.js', 'gzip')).body.toString()).toBe('own()')
    const missing = await ask('/nothing', 'gzip')
    expect([missing.status, gunzipSync(missing.body).toString()]).toEqual([404, text])
  })
})

test('nothing outside of the site and nothing hidden', async () => {
  await serving({ ...site, 'public/x': '' }, async (url) => {
    const paths = [
      '/.env',
      '/%2eenv',
      '/empty/.hidden',
      '/.deis/static.mjs',
      '/outside.txt',
      '/../.deis/static.json',
      '/..%2f..%2f..%2fetc%2fhostname',
      '/%2e%2e/%2e%2e/etc/hostname',
      '/docs/..%2f.env',
      '/docs%00.html',
      '//etc/hostname',
    ]
    for (const at of paths) {
      const answer = await raw(url, at)
      expect([at, answer.split('\r\n')[0]]).toEqual([at, 'HTTP/1.1 404 Not Found'])
      expect(answer.endsWith('nothing here')).toBe(true)
    }
    expect(await raw(url, '/%zz')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await raw(url, '//docs')).toContain('\r\nlocation: /docs/\r\n')
  })
})

test('static.json: root, one page for everything, clean URLs', async () => {
  const files: Files = {
    'static.json': '{"root": "site/", "clean_urls": true, "routes": {"/**": "index.html"}, "proxies": {}}',
    'site/index.html': 'app',
    'site/about.html': 'about',
    'secret.txt': 'secret',
  }
  await serving(files, async (url) => {
    expect(t.output()).toContain(' !     static.json: not supported and ignored: proxies.\n')
    expect(await (await fetch(`${url}/about`)).text()).toBe('about')
    expect(await (await fetch(`${url}/any/page`)).text()).toBe('app')
    expect(await (await fetch(`${url}/secret.txt`)).text()).toBe('app')
  })
})

test.each([
  ['{', 'static.json is not valid JSON'],
  ['[]', 'static.json must contain an object'],
  ['{"root": "../.."}', 'static.json: root must be a path inside the app.'],
  ['{"root": "/etc"}', 'static.json: root must be a path inside the app.'],
  ['{"error_page": 4}', 'static.json: error_page must be a path inside the app.'],
  ['{"routes": {"/**": "a/../../b"}}', 'static.json: routes must be a path inside the app.'],
])('refuses %s', (text, message) => {
  expect(() => parseStaticJson(text)).toThrow(message)
})

test('the root is where the index is', async () => {
  for (const root of ['public', 'dist']) {
    const { output } = await t.build({ [join(root, 'index.html')]: '' })
    expect(output).toContain(`-----> Static app detected\n       Serving ${root}\n`)
  }
})
