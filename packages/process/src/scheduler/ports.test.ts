// Are ports handed out once, in turn, and only when nobody listens there?
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createPortPool } from './ports.ts'

// Below the ports that systems give out by themselves, and apart from another run at the same time.
const base = 23_000 + (process.pid % 200) * 30

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function occupy(port: number, host?: string): Promise<void> {
  const server = createServer().listen(port, host)
  servers.push(server)
  await once(server, 'listening')
}

test('each port once, the one that was given back last of all', async () => {
  const pool = createPortPool({ first: base, last: base + 2 })
  expect([await pool.take(null), await pool.take(null)]).toEqual([base, base + 1])
  pool.giveBack(base)
  expect([await pool.take(null), await pool.take(null)]).toEqual([base + 2, base])
  expect(pool.taken()).toBe(3)
  await expect(pool.take(null)).rejects.toThrow(`all ports from ${base} to ${base + 2} are in use`)
})

test('several at a time get different ones', async () => {
  const pool = createPortPool({ first: base + 10, last: base + 19 })
  const ports = await Promise.all(Array.from({ length: 10 }, () => pool.take(null)))
  expect(new Set(ports).size).toBe(10)
})

test('who takes a port is told when it is closed, or why it is not', async () => {
  const seen: number[][] = []
  const closings: { resolve(): void; reject(error: Error): void }[] = []
  const pool = createPortPool({
    first: base + 24,
    last: base + 26,
    guard: (ports) =>
      new Promise((resolve, reject) => {
        seen.push(ports.map(({ port }) => port))
        closings.push({ resolve, reject })
      }),
  })
  const [one, two] = [await pool.take(null), await pool.take(null)]
  expect(seen).toEqual([[one], [one, two]])
  let isClosed = false
  const closed = pool.closed(one).then(() => (isClosed = true))
  closings[1]?.reject(new Error('no nft'))
  await expect(pool.closed(two)).rejects.toThrow(`port ${two} could not be closed to others: no nft`)
  expect(isClosed).toBe(false)
  closings[0]?.resolve()
  await closed
  // A failure that is not waited for does not end the program.
  pool.giveBack(two)
  expect(await pool.take(null)).toBe(base + 26)
  closings.at(-1)?.reject(new Error('no nft'))
})

test('reserved and occupied ports are passed over', async () => {
  const pool = createPortPool({ first: base + 20, last: base + 23 })
  pool.reserve(base + 20, null)
  await occupy(base + 21, '127.0.0.1')
  await occupy(base + 22)
  expect(await pool.take(null)).toBe(base + 23)
  await expect(pool.take(null)).rejects.toThrow('are in use')
})
