// Does an interactive session behave like a local command?
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type ClientMessage, outputOf, type ServerMessage, sessionWindow } from '@deis/types'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Tty } from './io.ts'
import { deis, homeOf, temporaryFolder } from '../testbed.ts'

type Connection = {
  readonly request: IncomingMessage
  readonly socket: WebSocket
  /** The messages of the client, in order; input as `{ input }`. */
  readonly received: (ClientMessage | { input: string })[]
  send(message: ServerMessage): void
  print(text: string | Buffer, from?: 'stdout' | 'stderr'): void
  /** Resolves when a message fits. */
  receives(fits: (message: Connection['received'][number]) => boolean): Promise<void>
}

type Serving = { readonly answer?: RequestListener; readonly tls?: { key: Buffer; cert: Buffer } }

/** A controller with sessions, each handled by `behave`. */
async function terminals(
  behave: (connection: Connection) => void,
  { answer, tls }: Serving = {},
): Promise<{ url: string }> {
  const listener: RequestListener = answer ?? ((_, response) => void response.writeHead(404).end())
  const server = tls ? createSecureServer(tls, listener) : createServer(listener)
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, stream, head) => {
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const received: Connection['received'] = []
      const waiting = new Set<() => void>()
      const connection: Connection = {
        request,
        socket,
        received,
        send: (message) => socket.send(JSON.stringify(message)),
        print: (text, from = 'stdout') => socket.send(Buffer.concat([Buffer.of(outputOf[from]), Buffer.from(text)])),
        receives: (fits) =>
          new Promise((resolve) => {
            const look = (): void => {
              if (!received.some(fits)) return
              waiting.delete(look)
              resolve()
            }
            waiting.add(look)
            look()
          }),
      }
      socket.on('message', (data, isBinary) => {
        const text = (data as Buffer).toString()
        received.push(isBinary ? { input: text } : (JSON.parse(text) as ClientMessage))
        for (const look of waiting) look()
      })
      behave(connection)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const is = (type: ClientMessage['type']) => (message: object) => 'type' in message && message.type === type
const started: ServerMessage = { type: 'started', pod: 'foo-run-1', release: 'v3' }

/** Starts, runs `work`, and ends with `code`. */
const session =
  (work: (connection: Connection) => Promise<void> | void, code = 0) =>
  (connection: Connection): void => {
    void connection.receives(is('start')).then(async () => {
      connection.send(started)
      await work(connection)
      connection.send({ type: 'exit', code })
      connection.socket.close(1000)
    })
  }

function screen(): Tty & { readonly done: string[]; resizeTo(columns: number, rows: number): void } {
  let size = { columns: 100, rows: 30 }
  let listener = (): void => {}
  const done: string[] = []
  return {
    done,
    size: () => size,
    onResize(next) {
      listener = next
      return () => void (listener = () => {})
    },
    raw() {
      done.push('raw')
      return () => void done.push('restored')
    },
    resizeTo(columns, rows) {
      size = { columns, rows }
      listener()
    },
  }
}

describe('deis run -it', () => {
  test('is a terminal: keys, size, output, exit code', async () => {
    const tty = screen()
    const keys = new PassThrough()
    let connected: Connection | undefined
    const controller = await terminals(
      session(async (connection) => {
        connected = connection
        connection.print('$ ')
        keys.write('\u0003')
        await connection.receives((message) => 'input' in message)
        tty.resizeTo(120, 40)
        await connection.receives((message) => 'columns' in message && message.columns === 120)
        connection.print('größe\r\n')
      }, 7),
    )
    const world = { home: homeOf(controller), tty, stdin: keys, stdoutIsTty: true, env: { TERM: 'xterm-kitty' } }
    expect(await deis(['run', '-a', 'foo', '-it', '--', 'bash', '-l'], world)).toMatchObject({
      code: 7,
      stdout: '$ größe\r\n',
      stderr: "Running 'bash -l'...\n",
    })
    expect(connected?.received).toEqual([
      {
        type: 'start',
        command: 'bash -l',
        stdin: true,
        terminal: { name: 'xterm-kitty', columns: 100, rows: 30 },
      },
      { type: 'resize', columns: 100, rows: 30 },
      { input: '\u0003' },
      { type: 'resize', columns: 120, rows: 40 },
    ])
    expect(connected?.request).toMatchObject({
      url: '/v2/apps/foo/terminal/',
      headers: { authorization: 'token secret-token' },
    })
    expect(tty.done).toEqual(['raw', 'restored'])
  })

  test('without a command is a shell', async () => {
    let asked: unknown
    const controller = await terminals(session(({ received }) => void (asked = received[0])))
    await deis(['run', '-a', 'foo', '-i', '-t'], { home: homeOf(controller), tty: screen(), stdin: new PassThrough() })
    expect(asked).toMatchObject({ command: 'bash', terminal: { name: 'xterm' } })
  })

  test('restores the terminal when the connection is lost, and prints what to do', async () => {
    const tty = screen()
    const controller = await terminals(
      session(async ({ socket }) => {
        socket.terminate()
        await new Promise(() => {})
      }),
    )
    const world = { home: homeOf(controller), tty, stdin: new PassThrough() }
    expect(await deis(['run', '-a', 'foo', '-it'], world)).toMatchObject({
      code: 1,
      stderr: `Running 'bash'...\nError: The connection to the controller at ${controller.url} was lost.\nThe controller stops the command. Check with \`deis ps\` and \`deis logs\` before you start it again.\n`,
    })
    expect(tty.done).toEqual(['raw', 'restored'])
  })

  test('-t alone does not pass on keys', async () => {
    const tty = screen()
    let asked: unknown
    const controller = await terminals(session(({ received }) => void (asked = received[0])))
    const world = { home: homeOf(controller), tty, stdin: new PassThrough() }
    expect((await deis(['run', '-a', 'foo', '-t', 'top'], world)).code).toBe(0)
    expect(asked).toMatchObject({ stdin: false, terminal: {} })
    expect(tty.done).toEqual([])
  })
})

describe('deis run -i', () => {
  test('passes on stdin, no faster than it is read, and its end', async () => {
    const input = 'x'.repeat(sessionWindow * 2)
    let came = ''
    let most = 0
    const controller = await terminals((connection) => {
      let unread = 0
      connection.socket.on('message', (data, isBinary) => {
        if (!isBinary) return
        came += (data as Buffer).toString()
        unread += (data as Buffer).length
        most = Math.max(most, unread)
        if (unread < sessionWindow) return
        connection.send({ type: 'read', bytes: unread })
        unread = 0
      })
      session(async () => connection.receives(is('eof')))(connection)
    })
    expect(await deis(['run', '-a', 'foo', '-i', 'cat'], { home: homeOf(controller), stdin: input })).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    })
    expect([came.length, most]).toEqual([input.length, sessionWindow])
  })

  test('keeps stdout and stderr separate, and acknowledges what it has printed', async () => {
    const part = Buffer.alloc(64 * 1024, 'y')
    const controller = await terminals(
      session(async (connection) => {
        for (let sent = 0; sent < sessionWindow; sent += part.length) connection.print(part)
        await connection.receives(is('read'))
        connection.print('no\n', 'stderr')
      }, 3),
    )
    const { code, stdout, stderr } = await deis(['run', '-a', 'foo', '-i', 'x'], {
      home: homeOf(controller),
      stdin: '',
    })
    expect([code, stdout.length, stderr]).toEqual([3, sessionWindow, 'no\n'])
  })

  test('Ctrl-C goes to the command', async () => {
    let last: unknown
    const controller = await terminals(
      session(async (connection) => {
        await connection.receives(is('signal'))
        last = connection.received.at(-1)
      }, 130),
    )
    const world = { home: homeOf(controller), stdin: new PassThrough(), interrupts: (press: () => void) => press() }
    expect((await deis(['run', '-a', 'foo', '-i', 'sleep'], world)).code).toBe(130)
    expect(last).toEqual({ type: 'signal', name: 'INT' })
  })

  test('the second Ctrl-C ends the client, which closes the connection', async () => {
    let gone: Promise<unknown> = Promise.resolve()
    const controller = await terminals(
      session(({ socket }) => {
        gone = new Promise((resolve) => socket.on('close', resolve))
        return new Promise(() => {})
      }),
    )
    const twice = (press: () => void): void => {
      press()
      press()
    }
    const world = { home: homeOf(controller), stdin: new PassThrough(), interrupts: twice }
    expect(await deis(['run', '-a', 'foo', '-i', 'sleep'], world)).toMatchObject({ code: 130, stderr: '' })
    await gone
  })
})

describe('deis ps:exec', () => {
  const pod = (name: string, type: string) => ({ name, type, state: 'up', release: 'v2', started: 'x' })
  const results = [pod('foo-web-2', 'web'), pod('foo-web-1', 'web'), pod('foo-job-1', 'job')]
  const answer: RequestListener = (_, response) => {
    response.setHeader('DEIS_API_VERSION', '2.3')
    response.end(JSON.stringify({ count: 3, results }))
  }

  test.each<[string[], object]>([
    [['--', 'ls', '-l'], { pod: 'foo-web-1', command: 'ls -l', stdin: false, terminal: null }],
    [['job', 'env'], { pod: 'foo-job-1', command: 'env', stdin: false, terminal: null }],
    [['web-2', '-i', '--', 'cat', '-n'], { pod: 'foo-web-2', command: 'cat -n', stdin: true, terminal: null }],
    [['job'], { pod: 'foo-job-1', command: 'bash', stdin: true, terminal: null }],
    [[], { pod: 'foo-web-1', command: 'bash', stdin: true, terminal: null }],
    [['-i'], { pod: 'foo-web-1', command: 'bash', stdin: true, terminal: null }],
  ])('%j requests %j', async (words, wanted) => {
    let asked: unknown
    const controller = await terminals(
      session((connection) => {
        asked = connection.received[0]
        connection.print('out\n')
      }, 4),
      { answer },
    )
    expect(await deis(['exec', '-a', 'foo', ...words], { home: homeOf(controller) })).toMatchObject({
      code: 4,
      stdout: 'out\n',
      stderr: '',
    })
    expect(asked).toEqual({ type: 'start', ...wanted })
  })

  test('uses a terminal if there is one', async () => {
    let asked: unknown
    const controller = await terminals(
      session(({ received }) => void (asked = received[0])),
      { answer },
    )
    const world = { home: homeOf(controller), tty: screen(), stdin: new PassThrough(), stdoutIsTty: true }
    expect(await deis(['ps:exec', '-a', 'foo', 'job'], world)).toMatchObject({ code: 0, stderr: '' })
    expect(asked).toMatchObject({
      pod: 'foo-job-1',
      command: 'bash',
      stdin: true,
      terminal: { columns: 100, rows: 30 },
    })
  })
})

describe('a session that cannot start', () => {
  test('-t needs a terminal', async () => {
    expect(await deis(['run', '-a', 'foo', '-it', 'bash'])).toMatchObject({
      code: 1,
      stderr: 'Error: -t needs a terminal, and stdin is not one.\nUse -i without -t to pass on input from a pipe.\n',
    })
  })

  test('--json is refused', async () => {
    expect(await deis(['run', '-a', 'foo', '-i', '--json', 'ls'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr:
        'Error: --json cannot be combined with an interactive command.\nRun it without --json, or without -i and -t.\n',
    })
  })

  test('run without -i and -t needs a command', async () => {
    expect(await deis(['run', '-a', 'foo'])).toMatchObject({
      code: 1,
      stderr: "Error: missing required argument 'command'\nUsage: deis apps:run [options] [--] <command...>\n",
    })
  })

  const older = 'It is older than this client, or another implementation. Use `deis run` without -i and -t.'
  test.each<[number, string, string]>([
    [404, '<h1>Not Found</h1>', `The controller at URL does not support sessions.\n${older}`],
    [404, '{"detail":"Not found."}', `The controller at URL does not support sessions.\n${older}`],
    [405, '', `The controller at URL does not support sessions.\n${older}`],
    [
      426,
      '{"detail":"x"}',
      'The controller at URL does not support sessions.\nA proxy in front of it may block WebSockets. Use `deis run` without -i and -t.',
    ],
    [404, '"No App matches the given query."', '"No App matches the given query."'],
    [
      403,
      '{"detail":"You do not have permission to perform this action."}',
      'You do not have permission to perform this action.',
    ],
    [401, '{"detail":"Invalid token."}', 'Unauthorized: Missing or Invalid Token\nLog in again with `deis login URL`.'],
  ])('%i %s', async (status, text, message) => {
    const listener: RequestListener = (_, response) => void response.writeHead(status).end(text)
    const server = createServer(listener)
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await deis(['run', '-a', 'foo', '-i', 'ls'], { home: homeOf({ url }) })).toMatchObject({
      code: 1,
      stderr: `Error: ${message.replaceAll('URL', url)}\n`,
    })
  })

  test('an error names a guessed app', async () => {
    const server = createServer((_, response) => void response.writeHead(404).end('"No App matches the given query."'))
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void server.close())
    const home = homeOf({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
    expect((await deis(['run', '-i', 'ls'], { home })).stderr).toContain('so the name of this folder was used')
  })

  test('there is no controller', async () => {
    const { stderr, code } = await deis(['run', '-a', 'foo', '-i', 'ls'], {
      home: homeOf({ url: 'http://127.0.0.1:1' }),
    })
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('Cannot reach the controller at http://127.0.0.1:1: connection refused'),
    ])
  })

  test.each<[number, string, string]>([
    [404, '"foo" has no process "x".', '"foo" has no process "x".'],
    [409, 'Process "x" is not up. Its state is starting.', 'Process "x" is not up. Its state is starting.'],
    [429, 'bob has 20 sessions open', 'bob has 20 sessions open'],
    [503, 'The controller is stopping. Try again in a moment.', 'The controller is stopping. Try again in a moment.'],
  ])('the controller answers %i: %s', async (status, detail, message) => {
    const controller = await terminals((connection) => {
      void connection.receives(is('start')).then(() => {
        connection.send({ type: 'error', status, detail })
        connection.socket.close(1011)
      })
    })
    expect(await deis(['run', '-a', 'foo', '-i', 'ls'], { home: homeOf(controller) })).toMatchObject({
      code: 1,
      stderr: `Error: ${message}\n`,
    })
  })
})

describe('the transport to the controller', () => {
  /** An untrusted certificate, for 127.0.0.1. */
  function selfSigned(): { key: Buffer; cert: Buffer; file: string } {
    const folder = temporaryFolder()
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    execFileSync('openssl', [...made, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    return { key: readFileSync(key), cert: readFileSync(cert), file: cert }
  }

  test('trusts as other calls do', async () => {
    const tls = selfSigned()
    const controller = await terminals(
      session((connection) => connection.print('hi\n')),
      { tls },
    )
    const argv = ['run', '-a', 'foo', '-i', 'ls']
    const strict = await deis(argv, { home: homeOf(controller) })
    expect([strict.code, strict.stderr]).toEqual([1, expect.stringContaining('is not trusted')])
    expect(await deis(argv, { home: homeOf(controller, { ssl_verify: false }) })).toMatchObject({ stdout: 'hi\n' })
    expect(await deis(argv, { home: homeOf(controller), env: { SSL_CERT_FILE: tls.file } })).toMatchObject({
      code: 0,
      stdout: 'hi\n',
    })
  })

  /** Connects everything to one address, and records the requests. */
  async function startProxy(to: string, status = 200): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = []
    const server = createServer((_, response) => void response.writeHead(400).end())
    server.on('connect', (request, client, head) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`)
      if (status !== 200) return void client.end(`HTTP/1.1 ${status} No\r\n\r\n`)
      const upstream = connect(Number(new URL(to).port), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        upstream.write(head)
        client.pipe(upstream).pipe(client)
      })
      for (const one of [client, upstream]) one.on('error', () => {})
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void server.close())
    return { url: `http://me:pass@127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
  }

  test.each(['http', 'https'])('goes through the proxy of the environment to %s', async (scheme) => {
    const controller = await terminals(
      session((connection) => connection.print('hi\n')),
      scheme === 'https' ? { tls: selfSigned() } : {},
    )
    const proxy = await startProxy(controller.url)
    const home = homeOf({ url: `${scheme}://deis.test:8000` }, { ssl_verify: false })
    const env = { [`${scheme}_proxy`]: proxy.url }
    expect(await deis(['run', '-a', 'foo', '-i', 'ls'], { home, env })).toMatchObject({ code: 0, stdout: 'hi\n' })
    expect(proxy.asked).toEqual([`deis.test:8000 Basic ${Buffer.from('me:pass').toString('base64')}`])
  })

  test('a proxy that refuses connections is named', async () => {
    const proxy = await startProxy('http://127.0.0.1:1', 403)
    const world = { home: homeOf({ url: 'http://deis.test' }), env: { http_proxy: proxy.url } }
    const { code, stderr } = await deis(['run', '-a', 'foo', '-i', 'ls'], world)
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('refused a connection to deis.test:80 with status 403.'),
    ])
  })
})
