// Are input, output and end of a command passed over one WebSocket, at the pace of the slower side?
import { once } from 'node:events'
import { type WebSocket, WebSocketServer } from 'ws'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKube, type Kube } from './client.ts'
import { channels, type KubeSocket, openSocket, outcomeOf, type Take } from './socket.ts'
import { type FakeApi, openFakeApi } from './testing.ts'

const path = '/api/v1/namespaces/tea/pods/one/exec'
const success = JSON.stringify({ kind: 'Status', metadata: {}, status: 'Success' })

test.each([
  [success, { code: 0, message: '' }],
  [
    JSON.stringify({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: 'command terminated with non-zero exit code',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    }),
    { code: 3, message: 'command terminated with non-zero exit code' },
  ],
  [
    JSON.stringify({ status: 'Failure', reason: 'InternalError', message: 'no such file' }),
    { code: null, message: 'no such file' },
  ],
  ['not JSON', { code: null, message: 'not JSON' }],
])('what the server says at the end: %s', (said, outcome) => {
  expect(outcomeOf(said)).toEqual(outcome)
})

describe('a connection', () => {
  let api: FakeApi
  let kube: Kube
  let asked: { url: string; authorization: string | undefined }[]
  const over = new AbortController()
  beforeEach(async () => {
    api = await openFakeApi()
    kube = createKube(api.transport)
    asked = []
  })
  afterEach(() => api.close())

  /** Speaks the first of these that it is asked for; a real one knows them all, or all but the first. */
  const accept = (protocol = 'v4.channel.k8s.io'): Promise<WebSocket> =>
    new Promise((resolve) => {
      const server = new WebSocketServer({
        noServer: true,
        handleProtocols: (known) => (known.has(protocol) ? protocol : false),
      })
      api.upgrade((request, socket, head) => {
        asked.push({ url: request.url ?? '', authorization: request.headers.authorization })
        server.handleUpgrade(request, socket, head, resolve)
      })
    })
  const ignore: Take = async () => {}
  const both = async (take = ignore, protocol?: string): Promise<[KubeSocket, WebSocket]> => {
    const accepted = accept(protocol)
    return [await kube.connect(path, { container: 'c', tty: true }, take, over.signal), await accepted]
  }
  const frame = (channel: number, text: string | Buffer): Buffer =>
    Buffer.concat([Buffer.from([channel]), Buffer.from(text as Buffer)])

  test('says who asks for what', async () => {
    const accepted = accept()
    await kube.connect(path, { command: ['sh', '-c', 'a b&c'], stdin: true, tty: undefined }, ignore, over.signal)
    await accepted
    expect(asked).toEqual([
      { url: `${path}?command=sh&command=-c&command=a+b%26c&stdin=true`, authorization: 'Bearer secret' },
    ])
  })

  test('brings output and the exit code, in order', async () => {
    const got: string[] = []
    const [socket, server] = await both(async (channel, chunk) => void got.push(`${channel} ${chunk.toString()}`))
    for (const [channel, text] of [
      [1, ''],
      [1, 'out'],
      [2, 'err'],
      [9, 'what is this'],
      [1, 'more'],
      [3, success],
    ] as const)
      server.send(frame(channel, text))
    server.close(1000)
    expect(await socket.closed).toEqual({ code: 0, message: '' })
    expect(got).toEqual(['1 out', '2 err', '1 more'])
    await socket.send(channels.input, Buffer.from('too late'))
  })

  test.each([
    { protocol: 'v5.channel.k8s.io', endsInput: true, last: 'ff00' },
    { protocol: 'v4.channel.k8s.io', endsInput: false, last: null },
  ])('takes input to its end, as $protocol has it', async ({ protocol, endsInput, last }) => {
    const [socket, server] = await both(ignore, protocol)
    const got: Buffer[] = []
    server.on('message', (data: Buffer) => got.push(data))
    const closed = once(server, 'close')
    expect(socket.endsInput).toBe(endsInput)
    const input = Buffer.alloc(100_000, 'abc')
    await socket.send(channels.input, input)
    socket.endInput()
    if (last === null) expect((await closed)[0]).toBe(1000)
    else await expect.poll(() => got.at(-1)?.toString('hex')).toBe(last)
    if (last !== null) got.pop()
    expect(Buffer.concat(got.map((one) => one.subarray(1))).equals(input)).toBe(true)
    expect(got.every((one) => one[0] === channels.input)).toBe(true)
    socket.destroy()
  })

  test('waits for a slow reader of the output', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let bytes = 0
    const [socket, server] = await both(async (_, chunk) => {
      bytes += chunk.length
      await held
    })
    const piece = frame(1, Buffer.alloc(1024 * 1024))
    for (let count = 0; count < 50; count++) server.send(piece)
    server.send(frame(3, success))
    // More than this the kernel's buffers do not hold.
    await expect.poll(() => bytes).toBe(1024 * 1024)
    expect(server.bufferedAmount).toBeGreaterThan(20 * 1024 * 1024)
    server.close(1000)
    release()
    expect(await socket.closed).toEqual({ code: 0, message: '' })
    expect(bytes).toBe(50 * 1024 * 1024)
  })

  test('waits for a slow reader of the input', async () => {
    const [socket, server] = await both()
    server.pause()
    let sent = false
    const sending = socket.send(channels.input, Buffer.alloc(50 * 1024 * 1024)).then(() => {
      sent = true
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(sent).toBe(false)
    let bytes = 0
    server.on('message', (data: Buffer) => {
      bytes += data.length - 1
    })
    server.resume()
    await sending
    await expect.poll(() => bytes).toBe(50 * 1024 * 1024)
    socket.destroy()
  })

  test('where only its own end is the end of the input, it goes on until the server has passed all of that on', async () => {
    const [socket, server] = await both()
    const received: string[] = []
    server.on('message', (data: Buffer) => received.push(data.toString()))
    server.on('close', (code) => received.push(`closed with ${code}`))
    // As one does whose command does not read.
    server.pause()
    await socket.send(channels.input, Buffer.from('the last'))
    socket.endInput()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(received).toEqual([])
    const closing = once(server, 'close')
    const pinged = once(server, 'ping').then(() => received.push('asked'))
    server.resume()
    await Promise.all([closing, pinged])
    expect(received).toEqual(['\0the last', '\0', 'asked', 'closed with 1000'])
  })

  test('is refused with the words of the server', async () => {
    const answer = (status: number, body: string): void =>
      api.upgrade((_, socket) => {
        const head = `HTTP/1.1 ${status} No\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
        socket.end(head + body)
      })
    const body = JSON.stringify({ kind: 'Status', code: 403, reason: 'Forbidden', message: 'pods/exec is not allowed' })
    answer(403, body)
    await expect(kube.connect(path, {}, ignore, over.signal)).rejects.toMatchObject({
      name: 'KubeError',
      status: 403,
      reason: 'Forbidden',
      message: 'pods/exec is not allowed',
    })
    answer(404, 'container not found')
    await expect(kube.connect(path, {}, ignore, over.signal)).rejects.toMatchObject({ name: 'KubeError', status: 404 })
  })

  test('ends with its signal, at any time', async () => {
    const asking = new AbortController()
    api.upgrade(() => asking.abort(new Error('enough')))
    await expect(kube.connect(path, {}, ignore, asking.signal)).rejects.toThrow('enough')
    await expect(kube.connect(path, {}, ignore, asking.signal)).rejects.toThrow('enough')
    const running = new AbortController()
    const accepted = accept()
    const socket = await kube.connect(path, {}, ignore, running.signal)
    const closed = once(await accepted, 'close')
    running.abort()
    expect(await socket.closed).toBeNull()
    await closed
  })

  test('is lost when it is cut, or nobody answers any more, but not while input waits to be read', async () => {
    const [cut, far] = await both()
    far.terminate()
    expect(await cut.closed).toBeNull()
    const silent = accept()
    const quick = { pingMs: 20, silentMs: 100 }
    const dialled = await api.transport.dial(path)
    const waiting = await openSocket(dialled, ignore, over.signal, quick)
    const server = await silent
    server.pause()
    await waiting.send(channels.input, Buffer.from('not read'))
    let isClosed = false
    void waiting.closed.then(() => {
      isClosed = true
    })
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(isClosed).toBe(false)
    server.resume()
    await once(server, 'ping')
    // Its answer is on the way: from now on it owes us another.
    await new Promise((resolve) => setTimeout(resolve, 100))
    server.pause()
    expect(await waiting.closed).toBeNull()
  })
})
