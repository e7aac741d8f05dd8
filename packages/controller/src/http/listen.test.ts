// Are only those clients disconnected that do not finish their request in time?
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { openFixture } from './fixture.ts'
import { createHttpServer } from './listen.ts'

const patience = { headersMs: 400, bodyMs: 400, checkMs: 50 }
const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** A server that answers at the end of the body, `delayMs` later. */
async function listen(delayMs = 0): Promise<() => Promise<Socket>> {
  const server = createHttpServer(
    (request, response) => {
      request.resume().once('end', () => void wait(delayMs).then(() => response.end('done')))
    },
    ({ url }, response) => {
      if (url === '/taken') response.writeHead(200).flushHeaders()
      return url === '/taken'
    },
    patience,
  ).listen(0, '127.0.0.1')
  ends.push(() => server.close().closeAllConnections())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return async () => {
    const socket = connect(port, '127.0.0.1')
    // Cut off in the middle of a write.
    socket.on('error', () => {})
    ends.push(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
}

/** Writes a part now and then until the server hangs up: after how many parts? */
async function drip(socket: Socket, first: string, part: string): Promise<number> {
  socket.write(first)
  let parts = 0
  const more = setInterval(() => {
    parts++
    socket.write(part)
  }, 100)
  socket.resume()
  // Not by `once`, which an error rejects.
  await new Promise((resolve) => socket.once('close', resolve))
  clearInterval(more)
  return parts
}

it.each([
  ['headers that come one by one', 'GET / HTTP/1.1\r\nHost: a\r\n', 'X-More: 1\r\n'],
  ['a body that comes byte by byte', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n', 'x'],
  ['a body in chunks', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n'],
  ['a connection without a word', '', ''],
])('hangs up on %s', async (_, first, part) => {
  const open = await listen()
  expect(await drip(await open(), first, part)).toBeLessThan(60)
})

it('waits for answers, for as long as they take', async () => {
  const open = await listen(patience.headersMs * 4)
  const socket = await open()
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx')
  const text = (await socket.toArray()).join('')
  expect(text).toContain('200 OK')
  expect(text).toContain('done')
})

it('keeps nothing of the requests before on a connection', async () => {
  const listeners: number[] = []
  const server = createHttpServer(
    (request, response) => {
      listeners.push(request.socket.listenerCount('close'))
      request.resume().once('end', () => response.end('done'))
    },
    null,
    patience,
  ).listen(0, '127.0.0.1')
  ends.push(() => server.close().closeAllConnections())
  await once(server, 'listening')
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1')
  ends.push(() => socket.destroy())
  for (let one = 0; one < 3; one++) {
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx')
    await once(socket, 'data')
  }
  expect(new Set(listeners).size).toBe(1)
})

it('leaves alone what is intercepted', async () => {
  const open = await listen()
  const socket = await open()
  socket.write('PUT /taken HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n')
  await once(socket, 'data')
  await wait(patience.bodyMs * 3)
  expect(socket.closed).toBe(false)
})

it('is what the API listens with', async () => {
  const f = await openFixture()
  try {
    expect(f.server.server).toMatchObject({ headersTimeout: 15_000, requestTimeout: 0, keepAliveTimeout: 72_000 })
  } finally {
    await f.close()
  }
})
