// Does a session over a WebSocket do what types/src/terminal.ts says, for the right users, and within its limits?
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ServerMessage, sessionWindow, type TerminalStart } from '@deis/types'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { type Fixture, openFixture } from './fixture.ts'
import { type SessionOptions, runSession } from './terminal.ts'

type Ended = {
  readonly messages: ServerMessage[]
  readonly stdout: Buffer
  readonly stderr: Buffer
  readonly code: number
}

type Client = {
  readonly socket: WebSocket
  say(message: object): void
  /** Resolves with the text as soon as stdout has it. */
  prints(text: string): Promise<void>
  receives(type: ServerMessage['type']): Promise<ServerMessage>
  readonly ended: Promise<Ended>
}

/** What the client acknowledges of the output; null: nothing. */
type Options = { readonly token?: string; readonly acknowledges?: boolean; readonly headers?: Record<string, string> }

function connect(url: string, { token, acknowledges = true, headers = {} }: Options = {}): Client {
  const socket = new WebSocket(url, {
    headers: { ...(token === undefined ? {} : { authorization: `token ${token}` }), ...headers },
  })
  const messages: ServerMessage[] = []
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  const waiting = new Set<() => void>()
  const say = (message: object): void => socket.send(JSON.stringify(message))
  socket.on('message', (data, isBinary) => {
    const bytes = data as Buffer
    if (isBinary) {
      output[bytes[0] === 1 ? 'stdout' : 'stderr'].push(bytes.subarray(1))
      if (acknowledges) say({ type: 'read', bytes: bytes.length - 1 })
    } else messages.push(JSON.parse(bytes.toString()) as ServerMessage)
    for (const look of waiting) look()
  })
  const until = <T>(what: string, look: () => T | undefined | false): Promise<T> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look()
        if (found === undefined || found === false) return
        waiting.delete(check)
        resolve(found)
      }
      socket.once('close', (code) => {
        const all = JSON.stringify(messages)
        reject(
          new Error(
            `closed with ${code} before ${what}: ${all} ${Buffer.concat(output.stdout).toString().slice(0, 200)}`,
          ),
        )
      })
      waiting.add(check)
      check()
    })
  const ended = new Promise<Ended>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', (code) =>
      resolve({ messages, stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr), code }),
    )
  })
  ended.catch(() => {})
  onTestFinished(() => socket.terminate())
  return {
    socket,
    say,
    prints: async (text) => {
      await until(text, () => Buffer.concat(output.stdout).includes(text))
    },
    receives: (type) => until(type, () => messages.find((message) => message.type === type)),
    ended,
  }
}

const plain: TerminalStart = { type: 'start', command: 'echo hi', stdin: false, terminal: null }
const terminal = { columns: 80, rows: 24, name: 'xterm-256color' }

describe('a session', () => {
  let f: Fixture
  let url: string
  let ann: string
  let eve: string
  const path = '/v2/apps/tea/terminal/'
  beforeAll(async () => {
    f = await openFixture({ env: { DEIS_SESSION_TIMEOUT: '600' } })
    await f.user('root')
    ann = await f.user('ann')
    eve = await f.user('eve')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    await f.call('POST', '/v2/apps/', { id: 'new' }, ann)
    await f.call('POST', '/v2/apps/', { id: 'soup' }, eve)
    for (const [app, owner] of [
      ['tea', ann],
      ['soup', eve],
    ] as const)
      await f.call('POST', `/v2/apps/${app}/builds/`, { image: 'acme/api', procfile: { web: 'serve' } }, owner)
    await f.call('POST', '/v2/apps/tea/config/', { values: { COLOUR: 'blue' } }, ann)
    await f.server.listen({ host: '127.0.0.1', port: 0 })
    url = `ws://127.0.0.1:${(f.server.server.address() as AddressInfo).port}`
  })
  afterAll(() => f.close())

  const open = (start: Partial<TerminalStart> = {}, options: Options = {}): Client => {
    const client = connect(`${url}${path}`, { token: ann, ...options })
    client.socket.once('open', () => client.say({ ...plain, ...start }))
    return client
  }
  const podOf = async (app: string): Promise<string> => {
    const [pod] = await f.core.scheduler.observe(app)
    return pod!.name
  }
  const runs = async (): Promise<string[]> =>
    (await f.core.scheduler.observe('tea')).filter(({ type }) => type === 'run').map(({ name }) => name)
  /** Resolves when no one-off runs any more. */
  const noRuns = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        runs().then((left) => {
          if (left.length > 0) return
          unwatch()
          resolve()
        }, reject)
      }
      const unwatch = f.core.scheduler.onChange(look)
      look()
    })

  it.each([
    ['nobody', undefined, 401],
    ['a wrong token', 'x'.repeat(40), 401],
    ['a stranger', 'eve', 403],
  ])('is refused to %s before the upgrade', async (_, who, status) => {
    const { socket, ended } = connect(`${url}${path}`, { token: who === 'eve' ? eve : who })
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
    socket.terminate()
    expect(response.statusCode).toBe(status)
    await ended.catch(() => {})
  })

  it('is refused for an app that is not there', async () => {
    const { socket } = connect(`${url}/v2/apps/nope/terminal/`, { token: ann })
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
    expect(response.statusCode).toBe(404)
  })

  it('takes its token from the header alone, which no page of the web can send', async () => {
    const { socket } = connect(`${url}${path}?token=${ann}`, {
      headers: { cookie: `token=${ann}`, origin: 'http://evil.test' },
    })
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
    expect(response.statusCode).toBe(401)
  })

  it('refuses a request that does not ask for a WebSocket', async () => {
    expect(await f.call('GET', path, undefined, ann)).toMatchObject({
      status: 426,
      headers: { upgrade: 'websocket' },
      body: { detail: expect.stringContaining('WebSockets') },
    })
  })

  it('runs a command of the release, and tells its pod, its output and its exit code', async () => {
    const { ended } = open({ command: 'printenv COLOUR' })
    const { messages, stdout, code } = await ended
    expect(messages).toEqual([
      { type: 'started', pod: expect.stringMatching(/^tea-run-/) as string, release: 'v3' },
      { type: 'exit', code: 0 },
    ])
    expect([stdout.toString(), code]).toEqual(['blue\n', 1000])
    expect((await open({ command: 'exit 7' }).ended).messages).toContainEqual({ type: 'exit', code: 7 })
  })

  it('keeps stdout and stderr apart', async () => {
    const { stdout, stderr } = await open({ command: 'error no' }).ended
    expect([stdout.toString(), stderr.toString()]).toEqual(['', 'no\n'])
  })

  it('gives every byte of the input to the command, at both sides’ own pace', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    const sent = Buffer.concat(Array.from({ length: 256 }, () => bytes))
    const { socket, say, receives, ended } = open({ command: 'cat', stdin: true })
    await receives('started')
    for (let index = 0; index < 4; index++) socket.send(sent)
    say({ type: 'eof' })
    const { stdout, messages } = await ended
    expect(stdout.equals(Buffer.concat([sent, sent, sent, sent]))).toBe(true)
    expect(messages).toContainEqual({ type: 'exit', code: 0 })
  })

  it('has a terminal with a name and a size that changes', async () => {
    const { say, prints, ended } = open({ command: 'terminal', terminal })
    await prints('xterm-256color 24 80\r\n')
    say({ type: 'resize', columns: 132, rows: 50 })
    await prints('xterm-256color 50 132\r\n')
    say({ type: 'signal', name: 'TERM' })
    expect((await ended).messages).toContainEqual({ type: 'exit', code: 143 })
  })

  it('takes what is said before the command runs', async () => {
    const early = (command: string, message: object): Client => {
      const client = connect(`${url}${path}`, { token: ann })
      client.socket.once('open', () => {
        client.say({ ...plain, command, terminal })
        client.say(message)
      })
      return client
    }
    await early('terminal', { type: 'resize', columns: 1, rows: 2 }).prints('xterm-256color 2 1\r\n')
    const { messages } = await early('sleep', { type: 'signal', name: 'INT' }).ended
    expect(messages).toContainEqual({ type: 'exit', code: 130 })
  })

  it('runs beside what is in a pod', async () => {
    const pod = await podOf('tea')
    const { messages, stdout } = await open({ command: 'printenv COLOUR', pod }).ended
    expect(messages[0]).toEqual({ type: 'started', pod, release: 'v3' })
    expect(stdout.toString()).toBe('blue\n')
  })

  it('has no pods of other apps', async () => {
    const pod = await podOf('soup')
    expect(await open({ pod }).ended).toMatchObject({
      messages: [{ type: 'error', status: 404, detail: `"tea" has no process "${pod}".` }],
      code: 1008,
    })
  })

  it('of an app without a build says so', async () => {
    const client = connect(`${url}/v2/apps/new/terminal/`, { token: ann })
    client.socket.once('open', () => client.say(plain))
    expect((await client.ended).messages).toEqual([
      { type: 'error', status: 400, detail: 'No build associated with this release to run this command' },
    ])
  })

  it.each<[string, unknown[], string]>([
    ['no JSON', ['{'], 'JSON'],
    ['another message first', [{ type: 'eof' }], 'The first message of a session must be start.'],
    ['input first', [Buffer.from('x')], 'takes no input'],
    ['a second start', [{ ...plain, command: 'sleep' }, plain], 'started only once'],
    ['input where none is', [{ ...plain, command: 'sleep' }, Buffer.from('x')], 'takes no input'],
    ['input after its end', [{ ...plain, command: 'sleep', stdin: true }, { type: 'eof' }, Buffer.from('x')], 'ended'],
    [
      'too much input',
      [{ ...plain, command: 'sleep', stdin: true }, Buffer.alloc(sessionWindow + 1)],
      'More input was sent',
    ],
    ['an unknown message', [{ ...plain, command: 'sleep' }, { type: 'dance' }], 'Unknown session message'],
    [
      'an unknown signal',
      [
        { ...plain, command: 'sleep' },
        { type: 'signal', name: 'KILL' },
      ],
      'Unknown session message',
    ],
    ['an invalid size', [{ ...plain, terminal: { ...terminal, rows: 0 } }], 'Unknown session message'],
    ['an invalid terminal', [{ ...plain, terminal: { ...terminal, name: 'a b' } }], 'Unknown session message'],
    ['a blank command', [{ ...plain, command: ' ' }], 'command'],
    ['a NUL in the command', [{ ...plain, command: 'a\0' }], 'NUL'],
  ])('ends with %s', async (_, says, detail) => {
    const client = connect(`${url}${path}`, { token: ann })
    client.socket.once('open', () => {
      for (const one of says)
        client.socket.send(typeof one === 'string' || Buffer.isBuffer(one) ? one : JSON.stringify(one))
    })
    const { messages, code } = await client.ended
    expect(messages.at(-1)).toEqual({ type: 'error', status: 400, detail: expect.stringContaining(detail) as string })
    expect(code).toBe(1008)
    await noRuns()
  })

  it('closes on a message that is too long', async () => {
    const { socket, receives, ended } = open({ command: 'sleep', stdin: true })
    await receives('started')
    socket.send(Buffer.alloc(1024 * 1024 + 1))
    expect((await ended).code).toBe(1009)
    await noRuns()
  })

  it('sends no more output than the client has acknowledged', async () => {
    const { socket, say, receives, ended } = open({ command: 'cat', stdin: true }, { acknowledges: false })
    await receives('started')
    const part = Buffer.alloc(64 * 1024, 'x')
    let came = 0
    let stopped = (): void => {}
    const full = new Promise<void>((resolve) => (stopped = resolve))
    socket.on('message', (data, isBinary) => {
      if (!isBinary) return
      came += (data as Buffer).length - 1
      if (came === sessionWindow) stopped()
    })
    for (let sent = 0; sent < sessionWindow; sent += part.length) socket.send(part)
    await full
    await receives('read')
    for (let sent = 0; sent < sessionWindow / 4; sent += part.length) socket.send(part)
    // Answered in order: whatever could come has come by then.
    socket.ping()
    await once(socket, 'pong')
    expect(came).toBe(sessionWindow)
    say({ type: 'read', bytes: sessionWindow })
    say({ type: 'eof' })
    await ended
    expect(came).toBe(sessionWindow * 1.25)
  })

  it('ends the command of a client that goes away', async () => {
    const { socket, receives } = open({ command: 'sleep' })
    await receives('started')
    expect(await runs()).toHaveLength(1)
    socket.terminate()
    await noRuns()
  })

  it('is told in the log of the app, without the command', async () => {
    const pod = await podOf('tea')
    await open({ command: 'echo canary' }).ended
    await open({ command: 'echo canary', pod }).ended
    await f.core.logs.flush()
    const { text } = await f.call('GET', '/v2/apps/tea/logs', undefined, ann)
    expect(text).toContain('deis[controller]: INFO ann opens a session in v3\n')
    expect(text).toContain(`deis[controller]: INFO ann opens a session in process ${pod}\n`)
    expect(text).not.toContain('canary')
  })

  it('is one of twenty of a user at most', async () => {
    const many = Array.from({ length: 20 }, () => open({ command: 'sleep' }))
    await Promise.all(many.map(({ receives }) => receives('started')))
    expect(await open().ended).toMatchObject({
      messages: [{ type: 'error', status: 429, detail: '"ann" has 20 sessions open, the maximum. End one first.' }],
      code: 1013,
    })
    for (const { socket } of many) socket.close()
    await Promise.all(many.map(({ ended }) => ended))
    await noRuns()
    expect((await open().ended).messages).toContainEqual({ type: 'exit', code: 0 })
  })

  it('leaves requests for other protocols, and for other paths, what they are', async () => {
    const asked = async (method: string, to: string, upgrade: string, body = ''): Promise<[number, string]> => {
      const sent = request(`${url.replace('ws', 'http')}${to}`, {
        method,
        headers: {
          authorization: `token ${ann}`,
          'content-type': 'application/json',
          connection: 'Upgrade, HTTP2-Settings',
          upgrade,
          'http2-settings': 'AAMAAABkAAQAAP__',
        },
      })
      sent.end(body)
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      let text = ''
      for await (const chunk of response) text += String(chunk)
      return [response.statusCode ?? 0, text]
    }
    expect((await asked('GET', '/v2/apps/tea/', 'websocket'))[0]).toBe(200)
    expect((await asked('GET', path, 'h2c'))[0]).toBe(426)
    expect((await asked('POST', path, 'websocket'))[0]).toBe(405)
    const [status, text] = await asked('POST', '/v2/apps/tea/run', 'h2c', '{"command":"echo hi"}')
    expect([status, JSON.parse(text)]).toEqual([200, { exit_code: 0, output: 'hi\n' }])
  })
})

it('ends when the controller does, which says so', async () => {
  const f = await openFixture()
  const ann = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/api' }, ann)
  await f.server.listen({ host: '127.0.0.1', port: 0 })
  const port = (f.server.server.address() as AddressInfo).port
  const client = connect(`ws://127.0.0.1:${port}/v2/apps/tea/terminal/`, { token: ann })
  client.socket.once('open', () => client.say({ ...plain, command: 'sleep' }))
  await client.receives('started')
  await f.close()
  const { messages, code } = await client.ended
  expect([messages.at(-1), code]).toEqual([{ type: 'error', status: 503, detail: expect.any(String) as string }, 1012])
})

it('ends when its time is over', async () => {
  const f = await openFixture({ env: { DEIS_SESSION_TIMEOUT: '1' } })
  try {
    const ann = await f.user('ann')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    await f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/api' }, ann)
    await f.server.listen({ host: '127.0.0.1', port: 0 })
    const port = (f.server.server.address() as AddressInfo).port
    const [pod] = await f.core.scheduler.observe('tea')
    for (const more of [{}, { pod: pod!.name }]) {
      const client = connect(`ws://127.0.0.1:${port}/v2/apps/tea/terminal/`, { token: ann })
      client.socket.once('open', () => client.say({ ...plain, command: 'sleep', ...more }))
      expect((await client.ended).messages.at(-1)).toEqual({
        type: 'error',
        status: 503,
        detail: expect.stringContaining(
          'ended after 1 s, the limit of this platform (DEIS_SESSION_TIMEOUT).',
        ) as string,
      })
    }
  } finally {
    await f.close()
  }
})

describe('a socket', () => {
  const never: SessionOptions = {
    open: () => Promise.reject(new Error('nothing is opened here')),
    isAllowed: async () => true,
    shutdown: new AbortController().signal,
    failed: () => {},
  }
  const limits = { perUser: 1, perController: 1, startMs: 60_000, pingMs: 60_000, silenceMs: 60_000, checkMs: 60_000 }
  /** A server that holds each socket within these limits. */
  const serve = async (held: Partial<SessionOptions>, own: Partial<typeof limits>): Promise<string> => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    onTestFinished(() => {
      for (const client of server.clients) client.terminate()
      server.close()
    })
    server.on('connection', (socket) => void runSession(socket, { ...never, ...held }, { ...limits, ...own }))
    await once(server, 'listening')
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** A command that only its signal ends, and with which reason that was. */
  const endless = (): { readonly open: SessionOptions['open']; readonly over: Promise<unknown> } => {
    let ended: (reason: unknown) => void = () => {}
    const over = new Promise((resolve) => (ended = resolve))
    return {
      over,
      open: async (_, io) => {
        io.signal.addEventListener('abort', () => ended(io.signal.reason))
        return {
          pod: 'p',
          release: 'v1',
          exited: new Promise<number>(() => {}),
          resize: () => {},
          kill: async () => {},
        }
      },
    }
  }

  it('is closed when nothing is asked for in time', async () => {
    const { ended } = connect(await serve({}, { startMs: 50 }))
    expect(await ended).toMatchObject({
      messages: [{ type: 'error', status: 400, detail: 'No start message was received within 0.05 s.' }],
      code: 1008,
    })
  })

  it('is given up when no ping is answered, and its command ended', async () => {
    const { open, over } = endless()
    const address = await serve(
      {
        open,
      },
      { pingMs: 20, silenceMs: 100 },
    )
    const socket = new WebSocket(address, { autoPong: false })
    onTestFinished(() => socket.terminate())
    socket.once('open', () => socket.send(JSON.stringify(plain)))
    expect(await over).toMatchObject({ message: 'the client disconnected' })
  })

  it('ends with the right to it, and its command with it', async () => {
    let isAllowed = true
    const { open, over } = endless()
    const address = await serve(
      {
        isAllowed: async () => isAllowed,
        open,
      },
      { checkMs: 20 },
    )
    const client = connect(address)
    client.socket.once('open', () => client.say(plain))
    await client.receives('started')
    isAllowed = false
    expect(await client.ended).toMatchObject({
      messages: [{ type: 'started' }, { type: 'error', status: 403, detail: 'You may no longer use this session.' }],
      code: 1008,
    })
    expect(await over).toMatchObject({ code: 'forbidden' })
  })

  it('tells nothing of a failure of our own, but in the log', async () => {
    const failures: unknown[] = []
    const { socket, say, ended } = connect(await serve({ failed: (error) => failures.push(error) }, {}))
    socket.once('open', () => say(plain))
    expect(await ended).toMatchObject({
      messages: [{ type: 'error', status: 500, detail: 'Server Error' }],
      code: 1011,
    })
    expect(failures).toMatchObject([{ message: 'nothing is opened here' }])
  })
})
