// Do git's own clients push and fetch over HTTP as over SSH, and is everything else refused?
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Copy, deferred, freshCopies, outcome, type Platform, remoteLines, run, type User } from '../fixture.ts'
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

const refs = async (): Promise<string> => {
  const repo = join(platform.folder, 'repos/app.git')
  return (await run('git', ['--git-dir', repo, 'for-each-ref', '--format=%(objectname) %(refname)'], '/', ann.env))
    .stdout
}

test('a push is shown live and moves the ref; clones and later fetches get it', async () => {
  const finish = deferred()
  platform.state.deploy = async (push) => {
    push.output('first\n')
    await finish.resolved
  }
  const child = copy.start('push', url, 'main')
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    if (remoteLines(stderr).includes('first')) finish.resolve()
  })
  expect((await outcome(child)).code).toBe(0)
  expect(stderr).toContain(' * [new branch]      main -> main\n')
  expect(platform.state.deployed).toMatchObject([
    { app: 'app', sha: copy.sha, ref: 'refs/heads/main', username: 'ann' },
  ])
  expect(await refs()).toBe(`${copy.sha} refs/heads/main\n`)
  expect(await copy.git('push', url, 'main')).toMatchObject({ code: 0, stderr: 'Everything up-to-date\n' })
  const back = join(platform.folder, 'back')
  expect((await copy.git('clone', '-q', url, back)).code).toBe(0)
  const next = await copy.commit({ b: '2' })
  expect((await copy.git('push', '-o', 'no-cache', url, 'main')).code).toBe(0)
  expect(platform.state.deployed.at(-1)?.options).toEqual(['no-cache'])
  expect((await run('git', ['pull', '-q'], back, ann.env)).code).toBe(0)
  expect((await run('git', ['rev-parse', 'HEAD'], back, ann.env)).stdout.trim()).toBe(next)
})

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

test('a failed deploy declines the push', async () => {
  platform.state.deploy = async () => {
    throw new Error('Build failed.')
  }
  const { code, stderr } = await copy.git('push', url, 'main')
  expect(code).toBe(1)
  expect(remoteLines(stderr)).toEqual(['Build failed.'])
  expect(stderr).toContain(' ! [remote rejected] main -> main (pre-receive hook declined)\n')
  expect(await refs()).toBe('')
})

test('one push of an app at a time, also beside one that has already asked for the refs', async () => {
  const started = deferred()
  const finish = deferred()
  platform.state.deploy = async () => {
    started.resolve()
    await finish.resolved
  }
  const first = outcome(copy.start('push', url, 'main'))
  await started.resolved
  expect(await copy.git('push', url, 'main')).toMatchObject({
    code: 128,
    stderr: 'fatal: remote error: Another git push is ongoing\n',
  })
  const late = await fetch(`${url}/git-receive-pack`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-git-receive-pack-request' },
    body: '0000',
  })
  expect(await late.text()).toBe('0020\u0003Another git push is ongoing')
  expect((await copy.git('ls-remote', url)).code).toBe(0)
  finish.resolve()
  expect((await first).code).toBe(0)
})

test('a client that is killed does not end its push', async () => {
  const started = deferred()
  const finish = deferred()
  platform.state.deploy = async (push) => {
    started.resolve()
    await finish.resolved
    for (let n = 0; n < 5000; n++) push.output(`line ${n} that nobody reads any more, and more than any pipe holds\n`)
  }
  const child = copy.start('push', url, 'main')
  const ended = outcome(child)
  await started.resolved
  process.kill(-(child.pid ?? 0), 'SIGKILL')
  await ended
  finish.resolve()
  let again = await copy.git('push', url, 'main')
  while (again.stderr.includes('ongoing')) again = await copy.git('push', url, 'main')
  expect(again).toMatchObject({ code: 0, stderr: 'Everything up-to-date\n' })
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

test('who may not push or fetch is told so', async () => {
  platform.state.permission = () => 'no app'
  const unknown = await copy.git('push', url, 'main')
  expect(unknown.code).toBe(128)
  expect(unknown.stderr).toContain('remote: App app does not exist')
  platform.state.permission = () => 'forbidden'
  const { stderr } = await copy.git('ls-remote', url)
  expect(stderr).toContain('remote: You do not have permission to fetch from app')
  platform.state.permission = () => {
    throw new Error('database is down: secret')
  }
  expect(await copy.git('ls-remote', url)).toMatchObject({
    code: 128,
    stderr: 'fatal: remote error: The platform failed to do this, for a reason of its own: try again in a moment\n',
  })
})

test('a push that is too large is declined, and its client reads why', async () => {
  await platform.restart({ maxPackBytes: 100_000 })
  await writeFile(join(copy.folder, 'large'), randomBytes(2_000_000))
  await copy.commit({})
  const { code, stderr } = await copy.git('-c', 'http.postBuffer=65536', 'push', url, 'main')
  expect(code).toBe(1)
  expect(stderr).toContain('pack exceeds maximum allowed size')
  expect(platform.state.deployed).toEqual([])
})

test('an app that is destroyed takes its push with it', async () => {
  const started = deferred()
  platform.state.deploy = async (push) => {
    started.resolve()
    await new Promise((resolve) => push.signal.addEventListener('abort', resolve))
    throw push.signal.reason
  }
  const pushing = outcome(copy.start('push', url, 'main'))
  await started.resolved
  await platform.server.cancelPushes('app')
  const result = await pushing
  expect(result.code).toBe(1)
  expect(remoteLines(result.stderr)).toContain('App app is being destroyed: the push was cancelled.')
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
