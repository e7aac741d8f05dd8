// Do log lines reach syslog and HTTPS servers, in order, with what is missing said, and nowhere that they may not go?
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTls } from 'node:tls'
import { certificateFor } from '@deis/router/testing-tls'
import type { Drain } from '@deis/types'
import { afterAll, afterEach, beforeAll, describe, expect, it, test, vi } from 'vitest'
import { addressFor, masked, readTarget } from '../domain/drains/address.ts'
import { keepDrains } from '../domain/drains/keep.ts'
import { pieces } from '@deis/lib/pieces'
import { framed, messagesOf } from '../domain/drains/message.ts'
import { createPump } from '../domain/drains/pump.ts'
import { openSender, Refused, type Sender } from '../domain/drains/send.ts'
import { type Fixture, openFixture } from './fixture.ts'

const pair = certificateFor('localhost')
const often = { interval: 5, timeout: 10_000 }
const quick = { gatherMs: 5, firstDelayMs: 5, lastDelayMs: 20 }
const open: (() => Promise<unknown> | void)[] = []
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drains-'))
  await writeFile(join(folder, 'ca.pem'), pair.certificate)
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

/** What was received, by what waits for it. */
function createInbox() {
  const all: string[] = []
  let wake = (): void => {}
  return {
    all,
    add(...messages: string[]) {
      all.push(...messages)
      wake()
    },
    async until(what: (all: readonly string[]) => boolean): Promise<readonly string[]> {
      while (!what(all))
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      return all
    },
  }
}
type Inbox = ReturnType<typeof createInbox>

/** Reads messages by their counted length. @throws when the count is wrong */
function unframed(bytes: Buffer): { messages: string[]; rest: Buffer } {
  const messages: string[] = []
  let rest = bytes
  for (;;) {
    const blank = rest.indexOf(' ')
    const length = blank < 0 ? NaN : Number(rest.subarray(0, blank).toString())
    if (blank < 0 || rest.length < blank + 1 + length) return { messages, rest }
    if (!Number.isInteger(length)) throw new Error(`not a count: ${rest.toString()}`)
    messages.push(rest.subarray(blank + 1, blank + 1 + length).toString())
    rest = rest.subarray(blank + 1 + length)
  }
}

type Receiver = { readonly port: number; close(): Promise<void> }

async function listening(server: Server, port: number, sockets: Set<Socket>): Promise<Receiver> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return { port: (server.address() as AddressInfo).port, close }
}

async function syslogServer(kind: 'tcp' | 'tls', inbox: Inbox, port = 0): Promise<Receiver> {
  const sockets = new Set<Socket>()
  const take = (socket: Socket): void => {
    let rest: Buffer = Buffer.alloc(0)
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      const read = unframed(Buffer.concat([rest, chunk]))
      rest = read.rest
      inbox.add(...read.messages)
    })
  }
  const server = kind === 'tcp' ? createTcp(take) : createTls({ cert: pair.certificate, key: pair.key }, take)
  return listening(server, port, sockets)
}

type Post = { readonly headers: Record<string, unknown>; readonly messages: readonly string[] }

async function httpsServer(
  answer: (messages: readonly string[]) => number,
  posts: Post[],
  inbox: Inbox,
): Promise<Receiver> {
  const sockets = new Set<Socket>()
  const server = createHttps({ cert: pair.certificate, key: pair.key }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { messages } = unframed(Buffer.concat(chunks))
      const status = answer(messages)
      posts.push({ headers: { ...request.headers, path: request.url }, messages })
      if (status < 300) inbox.add(...messages)
      else inbox.add()
      response.writeHead(status).end()
    })
  })
  server.on('connection', (socket: Socket) => sockets.add(socket))
  return listening(server, 0, sockets)
}

async function platform(): Promise<{ f: Fixture; ann: string; add(url: string): Promise<Drain> }> {
  const env = { DEIS_DRAIN_NETWORKS: '127.0.0.0/8,::1', DEIS_DRAIN_CA_FILE: join(folder, 'ca.pem') }
  const f = await openFixture({ env })
  open.push(() => f.close())
  open.push(keepDrains(f.core, quick))
  const ann = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  const add = async (url: string): Promise<Drain> => {
    const { status, body } = await f.call('POST', '/v2/apps/tea/drains/', { url }, ann)
    expect([status, body]).toMatchObject([201, { app: 'tea' }])
    const { uuid } = body as Drain
    // It sends from here on.
    await expect.poll(() => f.core.here.drains.has(uuid), often).toBe(true)
    return body as Drain
  }
  return { f, ann, add }
}

/** Lines until it is followed, since what was written before is not sent; then the given ones. */
async function write(f: Fixture, inbox: Inbox, ...lines: string[]): Promise<void> {
  const start = setInterval(() => f.core.logs.write('tea', 'INFO', 'begin'), 10)
  await inbox.until((all) => all.some((one) => one.endsWith('INFO begin')))
  clearInterval(start)
  for (const line of lines) f.core.logs.write('tea', 'INFO', line)
}

const texts = (messages: readonly string[]): string[] =>
  messages.flatMap((one) => / INFO (?!begin)(.*)$/.exec(one)?.[1] ?? [])

describe('syslog', () => {
  it.each(['tls', 'tcp'] as const)(
    '%s: lines of platform and processes arrive in order, each counted',
    async (kind) => {
      const inbox = createInbox()
      const server = await syslogServer(kind, inbox)
      open.push(server.close)
      const { f, ann, add } = await platform()
      await add(`syslog${kind === 'tls' ? '+tls' : ''}://localhost:${server.port}`)
      await write(f, inbox, 'one', 'zwölf', 'three')
      await inbox.until((all) => all.some((one) => one.endsWith('INFO three')))
      expect(texts(inbox.all)).toEqual(['one', 'zwölf', 'three'])
      expect(inbox.all.at(-1)).toMatch(
        /^<174>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 tea deis controller - - INFO three$/,
      )
      await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/tea', procfile: { web: 'serve' } }, ann)
      f.memory.crash((await f.core.scheduler.observe('tea'))[0]!.name)
      await inbox.until((all) => all.some((one) => /^<190>1 \S+ tea app web\.v2\.\S+ - - \S/.test(one)))
    },
  )

  it('a receiver that comes back gets what was written meanwhile, in order', async () => {
    const inbox = createInbox()
    const first = await syslogServer('tls', inbox)
    const { f, ann, add } = await platform()
    const { uuid } = await add(`syslog+tls://localhost:${first.port}`)
    await write(f, inbox, 'before')
    await inbox.until((all) => texts(all).includes('before'))
    await first.close()
    const state = async (): Promise<Drain> =>
      ((await f.call('GET', '/v2/apps/tea/drains/', undefined, ann)).body as { results: Drain[] }).results[0]!
    f.core.logs.write('tea', 'INFO', 'away')
    await expect
      .poll(state, often)
      .toMatchObject({ state: 'failing', error: expect.stringMatching(/ECONNREFUSED|closed/) })
    expect((await f.call('POST', `/v2/apps/tea/drains/${uuid}/test/`, undefined, ann)).status).toBe(422)
    for (const line of ['one', 'two', 'three']) f.core.logs.write('tea', 'INFO', line)
    const again = await syslogServer('tls', inbox, first.port)
    open.push(again.close)
    await inbox.until((all) => texts(all).includes('three'))
    expect(texts(inbox.all).slice(-3)).toEqual(['one', 'two', 'three'])
    await expect.poll(state, often).toMatchObject({ state: 'sending', error: null, dropped: 0 })
    expect((await f.call('POST', `/v2/apps/tea/drains/${uuid}/test/`, undefined, ann)).status).toBe(200)
    await inbox.until((all) => all.some((one) => one.endsWith(`a test of the drain ${uuid}`)))
    const tests = await f.core.db.event.findMany({ where: { action: 'drains.test' }, orderBy: { id: 'asc' } })
    expect(tests.map(({ target, result }) => [target, result])).toEqual([
      [uuid, 'failed'],
      [uuid, 'ok'],
    ])
  })

  it('a certificate of another name, or of nobody, gets nothing', async () => {
    const inbox = createInbox()
    const server = await syslogServer('tls', inbox)
    open.push(server.close)
    const send = (host: string, ca: string | null): Promise<void> => {
      const target = readTarget(`syslog+tls://${host}:${server.port}`)
      const sender = openSender({ target, token: 'd.x', networks: ['127.0.0.0/8', '::1'], ca })
      return sender.send(['x'], 'id', new AbortController().signal).finally(() => sender.close())
    }
    await expect(send('127.0.0.1', pair.certificate)).rejects.toThrow(/IP/)
    await expect(send('localhost', null)).rejects.toThrow(/self-signed/)
    expect(inbox.all).toEqual([])
  })
})

describe('https', () => {
  it('batches are counted, and sent again under their name until they are taken', async () => {
    const inbox = createInbox()
    const posts: Post[] = []
    const statuses = [500, 429]
    const server = await httpsServer(() => statuses.shift() ?? 200, posts, inbox)
    open.push(server.close)
    const { f, add } = await platform()
    const drain = await add(`https://ann:secret%20word@localhost:${server.port}/in?key=secret`)
    await write(f, inbox, 'one', 'two')
    await inbox.until((all) => texts(all).includes('two'))
    expect(texts(inbox.all)).toEqual(['one', 'two'])
    const [first, second, third] = posts as [Post, Post, Post]
    expect(new Set([first, second, third].map(({ headers }) => headers['logplex-frame-id'])).size).toBe(1)
    expect(third.messages).toEqual(first.messages)
    expect(first.headers).toMatchObject({
      path: '/in?key=secret',
      host: `localhost:${server.port}`,
      'content-type': 'application/logplex-1',
      'logplex-msg-count': String(first.messages.length),
      'logplex-drain-token': drain.token,
      authorization: `Basic ${Buffer.from('ann:secret word').toString('base64')}`,
    })
    // As Logplex writes it: without structured data.
    expect(inbox.all.at(-1)).toMatch(/ tea deis controller - INFO two$/)
  })

  it('what the receiver refuses is dropped, counted and said', async () => {
    const inbox = createInbox()
    const posts: Post[] = []
    const answer = (messages: readonly string[]): number => (texts(messages).includes('refused') ? 400 : 200)
    const server = await httpsServer(answer, posts, inbox)
    open.push(server.close)
    const { f, ann, add } = await platform()
    await add(`https://localhost:${server.port}/`)
    await write(f, inbox)
    f.core.logs.write('tea', 'INFO', 'refused')
    const all = await inbox.until((some) => some.some((one) => one.includes('Error L10')))
    expect(all.find((one) => one.includes('L10'))).toMatch(
      /^<172>1 \S+ tea deis drain - Error L10 \(output buffer overflow\): \d+ messages dropped since \S+\.$/,
    )
    expect(texts(all)).not.toContain('refused')
    const { body } = await f.call('GET', '/v2/apps/tea/drains/', undefined, ann)
    expect((body as { results: Drain[] }).results[0]!.dropped).toBeGreaterThan(0)
  })
})

describe('drains', () => {
  it('secrets in their URLs are encrypted, and shown to nobody', async () => {
    const { f, ann } = await platform()
    const url = 'https://ann:a-secret@logs.example.com/a-key?token=a-token'
    const { text, body } = await f.call('POST', '/v2/apps/tea/drains/', { url }, ann)
    expect(body).toMatchObject({ url: 'https://***@logs.example.com:443/***' })
    const shown = [
      text,
      (await f.call('GET', '/v2/apps/tea/drains/', undefined, ann)).text,
      (await f.call('GET', '/v2/apps/tea/logs', undefined, ann)).text,
      (await f.call('GET', '/v2/apps/tea/events/', undefined, ann)).text,
      JSON.stringify(await f.core.db.drain.findMany()),
    ].join()
    expect(shown).toContain('***@')
    expect(shown).not.toMatch(/a-secret|a-key|a-token/)
  })

  it('an app has at most five, also when they come at once; removed ones end', async () => {
    const { f, ann } = await platform()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        f.call('POST', '/v2/apps/tea/drains/', { url: `syslog://127.0.0.${n + 1}:9` }, ann),
      ),
    )
    const got = (wanted: number): number => answers.filter(({ status }) => status === wanted).length
    expect([got(201), got(409)]).toEqual([5, 3])
    const { results } = (await f.call('GET', '/v2/apps/tea/drains/', undefined, ann)).body as { results: Drain[] }
    await expect.poll(() => f.core.here.drains.size, often).toBe(5)
    for (const { uuid } of results)
      expect((await f.call('DELETE', `/v2/apps/tea/drains/${uuid}/`, undefined, ann)).status).toBe(204)
    await expect.poll(() => f.core.here.drains.size, often).toBe(0)
    const events = await f.core.db.event.findMany({ where: { action: { startsWith: 'drains' } } })
    expect(events.map(({ action, result }) => `${action} ${result}`).toSorted()).toEqual([
      ...Array.from({ length: 3 }, () => 'drains.add failed'),
      ...Array.from({ length: 5 }, () => 'drains.add ok'),
      ...Array.from({ length: 5 }, () => 'drains.remove ok'),
    ])
  })

  it.each([
    'http://x.example/',
    'syslog://',
    'file:///etc/passwd',
    'syslog://x/path',
    'x',
    'syslog://u@x',
    'syslog://:p@x',
    'syslog://x:0',
  ])('%s is not a drain', (url) => {
    expect(() => readTarget(url)).toThrow('drain')
  })
})

describe('addresses of this machine and its networks', () => {
  let f: Fixture
  let ann: string
  beforeAll(async () => {
    f = await openFixture()
    ann = await f.user('ann')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  })
  afterAll(() => f.close())

  it.each([
    'syslog://127.0.0.1:514',
    'syslog://localhost',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://10.1.2.3/',
    'https://0x7f.1/',
    'syslog+tls://[fd00::1]:6514',
    'syslog://100.64.0.1',
    'syslog://127.1',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
  ])('%s is refused', async (url) => {
    const { status, text } = await f.call('POST', '/v2/apps/tea/drains/', { url }, ann)
    expect([status, text]).toEqual([400, expect.stringContaining('is not a public address')])
    expect(await f.core.db.drain.count()).toBe(0)
    // Also at each connect: the name may have had another address before.
    const sender = openSender({ target: readTarget(url), token: 'd.x', networks: [], ca: null })
    await expect(sender.send(['x'], 'id', new AbortController().signal)).rejects.toThrow('is not a public address')
  })
})

test('nothing is asked in quarantine', async () => {
  const f = await openFixture({ env: { DEIS_QUARANTINE: 'true' } })
  open.push(() => f.close())
  const ann = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  const { status, text } = await f.call('POST', '/v2/apps/tea/drains/', { url: 'https://logs.example.com/' }, ann)
  expect([status, text]).toEqual([503, expect.stringContaining('quarantine')])
  expect(await f.core.db.drain.count()).toBe(0)
})

test('a receiver that neither reads nor answers holds nothing up when the controller ends', async () => {
  const sockets = new Set<Socket>()
  const server = createTcp({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => void sockets.add(socket))
  const receiver = await listening(server, 0, sockets)
  open.push(receiver.close)
  for (const url of [`syslog+tls://localhost:${receiver.port}`, `https://localhost:${receiver.port}/`]) {
    const sender = openSender({ target: readTarget(url), token: 'd.x', networks: ['127.0.0.0/8', '::1'], ca: null })
    const pump = createPump({ sender, hostname: 'tea', form: 'syslog', bounds: quick })
    const connected = once(server, 'connection') as Promise<[Socket]>
    pump.add({ time: new Date(), source: null, text: 'x' })
    const [socket] = await connected
    pump.close()
    socket.on('error', () => undefined).resume()
    await once(socket, 'end')
  }
})

test('public addresses and allowed networks pass', async () => {
  const { signal } = new AbortController()
  expect(await addressFor('9.9.9.9', [], signal)).toBe('9.9.9.9')
  expect(await addressFor('10.1.2.3', ['10.1.0.0/16'], signal)).toBe('10.1.2.3')
  await expect(addressFor('10.2.2.3', ['10.1.0.0/16'], signal)).rejects.toThrow('DEIS_DRAIN_NETWORKS')
  expect(masked(readTarget('syslog+tls://[2001:db8::1]'))).toBe('syslog+tls://[2001:db8::1]:6514')
})

test('long lines are split between characters, line ends do not begin a message', () => {
  expect(pieces('äöü', 4)).toEqual(['äö', 'ü'])
  expect(pieces('a'.repeat(25), 10).map((one) => one.length)).toEqual([10, 10, 5])
  const line = { time: new Date(0), source: 'web.v1.x', text: 'a\r\nb' }
  expect(messagesOf(line, 'tea', 'syslog')).toEqual([
    '<190>1 1970-01-01T00:00:00.000000+00:00 tea app web.v1.x - - a  b',
  ])
  expect(framed('ä')).toBe('2 ä')
})

test('a receiver that is slower than the log costs a bounded number of lines in memory, and learns how many it missed', async () => {
  const inbox = createInbox()
  let release = (): void => {}
  const first = new Promise<void>((resolve) => {
    release = resolve
  })
  const sender: Sender = {
    async send(messages) {
      await first
      inbox.add(...messages)
    },
    close: () => {},
  }
  const counted = { sent: 0, lost: 0 }
  const count = (result: 'sent' | 'lost', lines: number) => void (counted[result] += lines)
  const bounds = { ...quick, gatherMs: 0, lines: 10 }
  const pump = createPump({ sender, hostname: 'tea', form: 'syslog', bounds, count })
  open.push(() => pump.close())
  for (let n = 0; n < 100; n++) pump.add({ time: new Date(), source: null, text: `INFO ${n}` })
  expect(pump.state.dropped).toBe(90)
  release()
  await inbox.until((all) => all.length >= 11)
  expect(texts(inbox.all)).toEqual(Array.from({ length: 10 }, (_, n) => String(n)))
  expect(inbox.all[10]).toContain('L10 (output buffer overflow): 90 messages dropped since')
  pump.add({ time: new Date(), source: null, text: 'INFO after' })
  await inbox.until((all) => texts(all).includes('after'))
  // The notice is not a line of the log.
  await vi.waitFor(() => expect(counted).toEqual({ sent: 11, lost: 90 }))
})

test('drains that fail take a bounded part of the memory together, and leave others theirs', async () => {
  const shared = { bytes: 0 }
  const never: Sender = { send: (_, __, signal) => once(signal, 'abort').then(() => {}), close: () => {} }
  const bounds = { ...quick, gatherMs: 0, sharedBytes: 50_000, firstBytes: 5_000 }
  const stuck = () => createPump({ sender: never, hostname: 'tea', form: 'syslog', bounds, shared })
  const [first, second] = [stuck(), stuck()]
  const line = { time: new Date(), source: null, text: 'x'.repeat(1_000) }
  for (let n = 0; n < 100; n++) first.add(line)
  expect(shared.bytes).toBeLessThan(52_000)
  expect(first.state.dropped).toBeGreaterThan(50)
  for (let n = 0; n < 4; n++) second.add(line)
  expect(second.state.dropped).toBe(0)
  for (let n = 0; n < 100; n++) second.add(line)
  expect(shared.bytes).toBeLessThan(60_000)
  first.close()
  second.close()
  await new Promise((resolve) => setImmediate(resolve))
  expect(shared.bytes).toBe(0)
})

test('a batch that is refused is not asked for again and again without a pause', async () => {
  let asked = 0
  const sender: Sender = {
    async send() {
      asked++
      throw new Refused('no')
    },
    close: () => {},
  }
  const pump = createPump({
    sender,
    hostname: 'tea',
    form: 'syslog',
    bounds: { gatherMs: 0, firstDelayMs: 30, lastDelayMs: 1_000 },
  })
  open.push(() => pump.close())
  pump.add({ time: new Date(), source: null, text: 'x' })
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(asked).toBeGreaterThan(1)
  expect(asked).toBeLessThan(6)
  // The notice is not a line that was lost.
  expect(pump.state.dropped).toBe(1)
})
