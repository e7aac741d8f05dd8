// Do controllers that share a database exclude each other, and notice when one is gone?
import { once } from 'node:events'
import { createServer, connect as dial, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type Message, noPeers, type Peers } from './peers.ts'
import { postgresPeers } from './peers-postgresql.ts'

const url = process.env.DATABASE_URL?.startsWith('postgres') ? process.env.DATABASE_URL : undefined
const never = new AbortController().signal

describe('a controller on a file', () => {
  it('is alone: every lock is free, and only it is alive', async () => {
    const peers = noPeers('me')
    expect(await peers.tryLock('app/tea')).not.toBeNull()
    await (await peers.lock('app/tea', never)).release()
    expect([await peers.alive('me'), await peers.alive('you')]).toEqual([true, false])
  })
})

describe.skipIf(url === undefined)('controllers on one PostgreSQL', () => {
  const open: Peers[] = []
  const troubles: unknown[] = []
  const controller = async (name: string, at = url ?? ''): Promise<Peers> => {
    const peers = await postgresPeers(at, name, (error) => troubles.push(error))
    open.push(peers)
    return peers
  }
  afterEach(async () => {
    await Promise.all(open.splice(0).map((peers) => peers.close()))
    troubles.length = 0
  })

  /** A way to the database that can be cut. */
  async function cable(): Promise<{ url: string; cut(): void; close(): Promise<void> }> {
    const to = new URL(url ?? '')
    const socket = to.searchParams.get('host')
    const [host, port] = [to.hostname, Number(to.port || 5432)]
    const sockets = new Set<Socket>()
    const server = createServer((near) => {
      const far = socket === null ? dial(port, host) : dial(`${socket}/.s.PGSQL.${port}`)
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => sockets.delete(socket))
      }
      near.pipe(far).pipe(near)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    to.searchParams.delete('host')
    to.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
    return {
      url: to.href,
      cut: () => sockets.forEach((socket) => socket.destroy()),
      close: async () => {
        sockets.forEach((socket) => socket.destroy())
        server.close()
      },
    }
  }

  it('hold a lock one at a time, and wait for it', async () => {
    const [one, two] = [await controller('one'), await controller('two')]
    const held = await one.lock('app/tea', never)
    expect(await two.tryLock('app/tea')).toBeNull()
    await (await two.lock('app/coffee', never)).release()
    const order: string[] = []
    const next = two.lock('app/tea', never).then(async (mine) => {
      order.push('two')
      await mine.release()
    })
    order.push('one')
    await held.release()
    await next
    expect(order).toEqual(['one', 'two'])
  })

  it('hold a lock once, also against themselves', async () => {
    const one = await controller('one')
    const held = await one.tryLock('push/tea')
    expect(await one.tryLock('push/tea')).toBeNull()
    await held?.release()
    expect(await one.tryLock('push/tea')).not.toBeNull()
  })

  it('stop waiting when they are told to', async () => {
    const [one, two] = [await controller('one'), await controller('two')]
    const held = await one.lock('app/tea', never)
    const stop = new AbortController()
    const waiting = expect(two.lock('app/tea', stop.signal)).rejects.toThrow('enough')
    stop.abort(new Error('enough'))
    await waiting
    await held.release()
  })

  it('know which are alive', async () => {
    const [one, two] = [await controller('one'), await controller('two')]
    expect(await one.alive('two')).toBe(true)
    expect(await one.alive('one')).toBe(true)
    expect(await one.alive('three')).toBe(false)
    await two.close()
    expect(await one.alive('two')).toBe(false)
  })

  it('notify each other, not themselves', async () => {
    const [one, two] = [await controller('one'), await controller('two')]
    const received: (Message | null)[] = []
    const came = new Promise<void>((resolve) => {
      one.onMessage(() => received.push('own' as never))
      two.onMessage((message) => {
        received.push(message)
        if (received.length === 3) resolve()
      })
    })
    one.notify({ kind: 'app', app: 'tea' })
    one.notify({ kind: 'line', app: 'tea', at: '2026-01-02T03:04:05Z', text: `INFO it's "fine"` })
    one.notify({ kind: 'cancel', build: 'b1', by: 'ann' })
    await came
    expect(received).toEqual([
      { kind: 'app', app: 'tea' },
      { kind: 'line', app: 'tea', at: '2026-01-02T03:04:05Z', text: `INFO it's "fine"` },
      { kind: 'cancel', build: 'b1', by: 'ann' },
    ])
  })

  it('lose their locks with the connection, know it, and come back', async () => {
    const line = await cable()
    try {
      const [one, two] = [await controller('one', line.url), await controller('two')]
      const held = await one.lock('app/tea', never)
      const lost = once(held.signal, 'abort')
      const back = new Promise<void>((resolve) => one.onMessage((message) => void (message === null && resolve())))
      line.cut()
      await lost
      expect(String(held.signal.reason)).toContain('the connection to the database that holds the locks was lost')
      const taken = await two.lock('app/tea', never)
      await back
      expect(await two.alive('one')).toBe(true)
      expect(await one.tryLock('app/tea')).toBeNull()
      await held.release()
      expect(await one.tryLock('app/tea')).toBeNull()
      await taken.release()
      expect(await one.tryLock('app/tea')).not.toBeNull()
      expect(troubles).not.toEqual([])
    } finally {
      await line.close()
    }
  })
})
