// Is the engine asked with deadlines, bounds and signals, and is nothing left of a call?
import { EventEmitter, getEventListeners, once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Type } from 'typebox'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Client, createClient } from './client.ts'

const Answer = Type.Object({ at: Type.String() })
const get = { method: 'GET', path: '/things' } as const

let folder: string
let answers: RequestListener
let client: Client
const sockets = new Set<Socket>()
const server = createServer((request, response) => answers(request, response))
server.on('connection', (socket) => {
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket))
})

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-client-'))
  await once(server.listen(join(folder, 'socket')), 'listening')
  client = createClient({ host: `unix://${join(folder, 'socket')}`, certPath: null })
})
afterEach(async () => {
  client.close()
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

const live = (): AbortSignal => new AbortController().signal

test('nothing of a call stays on the signal or on the shared connection', async () => {
  answers = ({ url }, response) => {
    if (url === '/refused') response.writeHead(409)
    response.end(JSON.stringify({ at: url, message: 'no' }))
  }
  const signal = live()
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warned)
  for (let call = 0; call < EventEmitter.defaultMaxListeners + 5; call++) {
    await client.read('reading', Answer, get, signal)
    await expect(client.send('sending', { method: 'POST', path: '/refused' }, signal)).rejects.toThrow('sending: no')
  }
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', warned)
  expect(warnings).toEqual([])
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('an aborted call rejects with the reason, before the answer and in the middle of it', async () => {
  answers = (_, response) => {
    response.write('{')
  }
  const cancel = new AbortController()
  const reading = client.read('reading', Answer, get, cancel.signal)
  const stream = await client.stream('reading', get, cancel.signal)
  const ended = expect(once(stream.resume(), 'end')).rejects.toThrow()
  cancel.abort(new Error('enough'))
  await expect(reading).rejects.toThrow('enough')
  await ended
  await expect(client.read('reading', Answer, get, cancel.signal)).rejects.toThrow('enough')
})

test('a call on a shared connection that the engine has just closed is made again, if it may have been made twice', async () => {
  const seen = new WeakSet<Socket>()
  const asked: string[] = []
  answers = ({ socket, method = '' }, response) => {
    asked.push(method)
    if (seen.has(socket)) return void socket.destroy()
    seen.add(socket)
    response.end('{"at":"here"}')
  }
  await client.read('reading', Answer, get, live())
  expect(await client.read('reading', Answer, get, live())).toEqual({ at: 'here' })
  const create = client.send('creating', { method: 'POST', path: '/things' }, live())
  await expect(create).rejects.toMatchObject({ status: 0, message: expect.stringContaining('creating: ') as string })
  await client.send('deleting', { method: 'DELETE', path: '/things' }, live())
  await client.send('deleting', { method: 'DELETE', path: '/things' }, live())
  expect(asked).toEqual(['GET', 'GET', 'GET', 'POST', 'DELETE', 'DELETE', 'DELETE'])
})

test('a new connection that the engine closes is not tried again', async () => {
  let asked = 0
  answers = ({ socket }) => {
    asked++
    socket.destroy()
  }
  await expect(client.read('reading', Answer, get, live())).rejects.toMatchObject({ status: 0 })
  expect(asked).toBe(1)
})

test('an engine that does not answer in time is said so', async () => {
  answers = () => {}
  const late = client.read('reading', Answer, { ...get, ms: 20 }, live())
  await expect(late).rejects.toMatchObject({ status: 0, message: expect.stringContaining('reading: ') as string })
})

test('an answer that began in time but does not end is given up, too', async () => {
  answers = (_, response) => {
    response.write('{')
  }
  const late = client.read('reading', Answer, { ...get, ms: 200 }, live())
  await expect(late).rejects.toMatchObject({ status: 0, message: expect.stringContaining('reading: ') as string })
})

test.each([
  ['not JSON', '<html>'],
  ['another shape', '{"at":1}'],
  ['nothing', ''],
])('%s is not an answer', async (_, body) => {
  answers = (_, response) => void response.end(body)
  await expect(client.read('reading', Answer, get, live())).rejects.toThrow('reading: the Docker Engine answered what')
})

test('304 is a success, a refusal has its status and the engine`s own words', async () => {
  answers = ({ url }, response) => {
    if (url === '/same') return void response.writeHead(304).end()
    response.writeHead(500).end(JSON.stringify({ message: 'driver\nfailed' }))
  }
  await client.send('starting', { method: 'POST', path: '/same' }, live())
  await expect(client.send('starting', { method: 'POST', path: '/other' }, live())).rejects.toMatchObject({
    status: 500,
    message: 'starting: driver failed',
  })
})

test('a connection is handed over with what came at once; one that breaks does not end the program', async () => {
  server.once('upgrade', (_, socket) => {
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nat once')
    socket.once('data', (chunk: Buffer) => socket.write(`got ${chunk.toString()}`))
  })
  const cancel = new AbortController()
  const socket = await client.hijack('attaching', { method: 'POST', path: '/attach' }, cancel.signal)
  const [first] = (await once(socket, 'data')) as [Buffer]
  expect(first.toString()).toBe('at once')
  socket.write('this')
  const [second] = (await once(socket, 'data')) as [Buffer]
  expect(second.toString()).toBe('got this')
  socket.removeAllListeners('data')
  cancel.abort(new Error('enough'))
  if (!socket.closed) await once(socket, 'close')
  expect(getEventListeners(cancel.signal, 'abort')).toEqual([])
})
