// Do git's own clients push and fetch over HTTP as over SSH, and is everything else refused?
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Copy, deferred, freshCopies, outcome, type Platform, run, type User } from '../fixture.ts'
import { testPushes } from '../push/contract.ts'
import { refuseRequest } from './https.ts'
import { readRequest } from './request.ts'

let ann: User
let platform: Platform
let copy: Copy
let server: Server
let base: string
let url: string
freshCopies((fresh) => ({ ann, platform, copy } = fresh))

/** What the controller does, but for tokens: everybody here is ann. */
beforeEach(async () => {
  server = createServer((request, response) => {
    const asked = readRequest(request)
    if (asked === null) refuseRequest(response, 404, 'not about git')
    else if ('status' in asked) refuseRequest(response, asked.status, asked.text)
    else void platform.server.serveHttp({ username: 'ann', address: '192.0.2.1' }, asked, request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  url = `${base}/app.git`
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

testPushes(
  () => ({ ann, platform, copy, url: (app) => `${base}/${app}.git` }),
  (text) => expect.stringContaining(`remote: ${text}`),
)

test.each(['0', '2'])('fetching speaks protocol version %s, also with much to negotiate', async (version) => {
  expect((await copy.git('push', url, 'main')).code).toBe(0)
  for (let n = 0; n < 40; n++)
    await copy.git('commit', '-q', '--allow-empty', '-m', `commit ${n} ${randomBytes(9).toString('hex')}`)
  const env = { ...ann.env, GIT_TRACE_PACKET: '1' }
  const { code, stderr } = await run('git', ['-c', `protocol.version=${version}`, 'fetch', url], copy.folder, env)
  expect(code).toBe(0)
  expect(/< version 2/.test(stderr)).toBe(version === '2')
})

test('a pack that is sent in pieces arrives', async () => {
  await writeFile(join(copy.folder, 'large'), randomBytes(3_000_000))
  await copy.commit({})
  const { code, stderr } = await copy.git('-c', 'http.postBuffer=65536', 'push', url, 'main')
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect((await copy.git('clone', '-q', url, join(platform.folder, 'back'))).code).toBe(0)
})

test('beside a push, one that has already asked for the refs is refused', async () => {
  const started = deferred()
  const finish = deferred()
  platform.state.deploy = async () => {
    started.resolve()
    await finish.resolved
  }
  const first = outcome(copy.start('push', url, 'main'))
  await started.resolved
  const late = await fetch(`${url}/git-receive-pack`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-git-receive-pack-request' },
    body: '0000',
  })
  expect(await late.text()).toBe('0020\u0003Another git push is ongoing')
  finish.resolve()
  expect((await first).code).toBe(0)
})

const post = (length: number, service = 'git-receive-pack'): string =>
  `POST /app.git/${service} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-${service}-request\r\nContent-Length: ${length}\r\n\r\n`

test('a client that leaves while it sends frees the app', async () => {
  const command = `${'0'.repeat(40)} ${copy.sha} refs/heads/main\0 report-status side-band-64k`
  const begin = `${(command.length + 4).toString(16).padStart(4, '0')}${command}0000PACK\0\0\0\u0002\0\0\0\u0003`
  for (const bytes of [1, 100_000]) {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(`${post(1_000_000)}${begin}`, 'latin1')
    socket.write(Buffer.alloc(bytes))
    while (!platform.server.isPushing('app')) await new Promise(setImmediate)
    socket.destroy()
    while (platform.server.isPushing('app')) await new Promise(setImmediate)
  }
  expect((await copy.git('push', url, 'main')).code).toBe(0)
})

describe('a request', () => {
  const send = async (path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${base}${path}`, init)
    return { status: response.status, text: await response.text() }
  }
  const body = (type: string, content: Buffer | string, encoding?: string): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': type, ...(encoding === undefined ? {} : { 'content-encoding': encoding }) },
    body: content,
  })
  const upload = 'application/x-git-upload-pack-request'

  test.each([
    ['/app.git/info/refs', {}, 403],
    ['/app.git/info/refs?service=git-upload-archive', {}, 403],
    ['/app.git/info/refs?service=git-upload-pack', { method: 'POST' }, 405],
    ['/app.git/git-upload-pack', {}, 405],
    ['/app.git/git-upload-pack', body('text/plain', '0000'), 415],
    ['/app.git/git-upload-pack', body('application/x-git-receive-pack-request', '0000'), 415],
    ['/app.git/git-upload-pack', body(upload, '0000', 'br'), 415],
    ['/app.git/HEAD', {}, 404],
    ['/app.git/objects/info/packs', {}, 404],
    ['/App.git/info/refs?service=git-upload-pack', {}, 404],
    ['/-a.git/info/refs?service=git-upload-pack', {}, 404],
    ['/a%2f..%2fb.git/info/refs?service=git-upload-pack', {}, 404],
    ['/a/b.git/info/refs?service=git-upload-pack', {}, 404],
    [`/${'a'.repeat(64)}.git/info/refs?service=git-upload-pack`, {}, 404],
    [`/app.git/info/refs?service=git-upload-pack&${'x'.repeat(200)}`, {}, 404],
  ])('%s %j is answered with %i', async (path, init, status) => {
    expect((await send(path, init)).status).toBe(status)
  })

  test.each([
    ['that is not what it says', Buffer.from('not gzip at all'), 'The compressed request is damaged.'],
    ['that expands to very much', gzipSync(Buffer.alloc(64 * 1024 * 1024)), /./],
  ])('compressed, %s, is refused', async (_, content, text) => {
    const answer = await send('/app.git/git-upload-pack', body(upload, content, 'gzip'))
    expect(answer.status).toBe(200)
    expect(answer.text).toMatch(/^[0-9a-f]{4}ERR /)
    expect(answer.text).toMatch(text)
  })

  test('with more refs than a push may have is refused', async () => {
    const line = `0196${'0'.repeat(40)} ${copy.sha} refs/heads/${'x'.repeat(308)}\n`
    const many = Buffer.from(line.repeat(13_000), 'latin1')
    const answer = await send('/app.git/git-receive-pack', body('application/x-git-receive-pack-request', many))
    expect(answer.text).toContain('A push may have at most 10000 branches and tags')
  })
})
