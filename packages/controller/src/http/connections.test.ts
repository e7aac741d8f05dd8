// Are idle connections closed for new ones, and those that are being answered not?
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { anyOf } from '@deis/lib/networks'
import { boundConnections } from './connections.ts'
import { openFixture } from './fixture.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

type Client = {
  readonly socket: Socket
  /** What came since the last request. */
  readonly text: () => string
  readonly said: (part: string) => Promise<void>
  readonly send: (text: string) => void
  readonly closed: Promise<unknown>
}

async function open(port: number, localAddress: string): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (part: string) => (text += part))
  // Cut off in the middle of a write.
  socket.on('error', () => {})
  ends.push(() => socket.destroy())
  await once(socket, 'connect')
  return {
    socket,
    text: () => text,
    closed: once(socket, 'close'),
    send(request) {
      text = ''
      socket.write(request)
    },
    async said(part) {
      while (!text.includes(part)) await once(socket, 'data')
    },
  }
}

const ask = async (client: Client, path: string, part = 'done'): Promise<Client> => {
  client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  await client.said(part)
  return client
}
/** Whether the server has hung up. */
const isOver = ({ socket }: Client): boolean => socket.readableEnded || socket.destroyed

describe('of three for an address and five in all', () => {
  /** Answers `done` at once, or with `/slow` says that it has begun and waits for the end. */
  const listen = async (): Promise<{ server: Server; client: (address?: string) => Promise<Client> }> => {
    const server = createServer((request: IncomingMessage, response: ServerResponse) => {
      if (refuses(request, response)) return
      if (request.url === '/slow') response.writeHead(200).write('begun')
      else response.end(request.url === '/large' ? Buffer.alloc(16 * 2 ** 20) : 'done')
    })
    const refuses = boundConnections(server, { perAddress: 3, total: 5, isProxy: anyOf(['127.9.0.0/16']) })
    server.on('upgrade', (_, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\nbegun'))
    server.listen(0, '127.0.0.1')
    ends.push(() => server.close().closeAllConnections())
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    return {
      server,
      async client(address = '127.0.0.1') {
        const accepted = once(server, 'connection')
        const opened = await open(port, address)
        await accepted
        return opened
      },
    }
  }
  const upgrade = async (client: Client): Promise<Client> => {
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    await client.said('begun')
    return client
  }

  it('the one that has been idle for longest is closed', async () => {
    const { client } = await listen()
    const [silent, dripping, used] = [await client(), await client(), await client()]
    dripping.socket.write('GET / HTTP/1.1\r\nHost: a\r\n')
    await ask(used, '/')
    const newcomer = await ask(await client(), '/')
    await silent.closed
    await ask(used, '/')
    await ask(await client(), '/')
    await dripping.closed
    // Asked after the newcomer was.
    await ask(await client(), '/')
    await newcomer.closed
    expect(isOver(used)).toBe(false)
  })

  it('answers that go on and WebSockets stay, and one more is told to come again', async () => {
    const { client } = await listen()
    const followed = await ask(await client(), '/slow', 'begun')
    const socket = await upgrade(await client())
    const last = await ask(await client(), '/slow', 'begun')
    for (let round = 0; round < 4; round++) {
      const refused = await ask(await client(), '/', 'Too many requests')
      expect(refused.text()).toMatch(/^HTTP\/1\.1 503 .*\r\ncontent-type: application\/json\r\nretry-after: 1\r\n/)
    }
    expect((await ask(await client(), '/healthz')).text()).toContain('200 OK')
    await ask(await client('127.0.0.2'), '/')
    expect([followed, socket, last].map(isOver)).toEqual([false, false, false])
    last.socket.destroy()
    await expect.poll(async () => (await ask(await client(), '/', 'HTTP/1.1')).text()).toContain('200 OK')
    socket.socket.destroy()
    await expect.poll(async () => (await ask(await client(), '/slow', 'HTTP/1.1')).text()).toContain('200 OK')
    expect(isOver(followed)).toBe(false)
  })

  it('one that does not end its request is closed when no other can be', async () => {
    const { client } = await listen()
    const slow = await Promise.all(Array.from({ length: 3 }, () => client()))
    for (const one of slow) {
      one.send('POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx')
      await one.said('begun')
    }
    const busy = await Promise.all([client('127.0.0.2'), client('127.0.0.3')])
    for (const one of busy) await ask(one, '/slow', 'begun')
    expect((await ask(await client('127.0.0.4'), '/')).text()).toContain('200 OK')
    expect(busy.map(isOver)).toEqual([false, false])
  })

  it('one that does not take its answer is closed when no other can be', async () => {
    const { client } = await listen()
    const silent = await Promise.all(Array.from({ length: 3 }, () => client()))
    for (const { socket } of silent) {
      socket.pause()
      socket.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
    }
    const busy = await Promise.all([client('127.0.0.2'), client('127.0.0.3')])
    for (const one of busy) await ask(one, '/slow', 'begun')
    const last = await ask(await client('127.0.0.4'), '/')
    expect(last.text()).toContain('200 OK')
    expect(busy.map(isOver)).toEqual([false, false])
  })

  it('there are never more than one more than that', async () => {
    const { server, client } = await listen()
    for (let one = 0; one < 3; one++) await ask(await client(), '/slow', 'begun')
    for (let one = 0; one < 20; one++) await client()
    await expect.poll(() => new Promise((done) => server.getConnections((_, count) => done(count)))).toBe(4)
  })

  it('a trusted proxy has as many as there are in all', async () => {
    const { client } = await listen()
    const first = await client('127.9.0.1')
    for (let one = 0; one < 3; one++) await ask(await client('127.9.0.1'), '/slow', 'begun')
    expect(isOver(first)).toBe(false)
    await ask(await client('127.0.0.3'), '/slow', 'begun')
    await ask(await client('127.0.0.4'), '/slow', 'begun')
    await first.closed
    expect((await ask(await client('127.9.0.1'), '/', 'HTTP/1.1')).text()).toContain('503')
    expect((await ask(await client('127.0.0.5'), '/', 'HTTP/1.1')).text()).toContain('503')
  })
})

it('is what the API listens with, where an upgrade that is not taken is a request like others', async () => {
  const f = await openFixture({ env: { DEIS_MAX_CONNECTIONS_PER_ADDRESS: '10', DEIS_MAX_CONNECTIONS: '12' } })
  try {
    const token = await f.user('ann')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, token)
    await f.server.listen({ port: 0, host: '127.0.0.1' })
    const { port } = f.server.server.address() as { port: number }
    const follow = await open(port, '127.0.0.1')
    follow.socket.write(`GET /v2/apps/tea/logs?follow=1 HTTP/1.1\r\nHost: a\r\nAuthorization: token ${token}\r\n\r\n`)
    await follow.said('created initial release')
    const idle: Client[] = []
    for (let one = 0; one < 9; one++) {
      idle.push(await open(port, '127.0.0.1'))
      idle.at(-1)!.socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
      await idle.at(-1)!.said('OK')
    }
    await ask(await open(port, '127.0.0.1'), '/healthz', 'OK')
    await idle[0]!.closed
    await ask(await open(port, '127.0.0.1'), '/healthz', 'OK')
    await idle[1]!.closed
    expect([follow, ...idle.slice(2)].map(isOver)).toEqual(Array.from({ length: 8 }, () => false))
    f.core.logs.write('tea', 'INFO', 'still here')
    await follow.said('still here')
    follow.socket.destroy()
  } finally {
    await f.close()
  }
})
