// Which port does a process get?
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Guarded } from '@deis/machine/firewall'

export type PortPool = {
  /** A free port, taken until it is given back. From now on it is being closed to all but the platform and this user. */
  take(uid: number | null): Promise<number>
  /** Resolves when that is done. No process of an app may run before. */
  closed(port: number): Promise<void>
  /** Marks a port as taken by a process that runs already. */
  reserve(port: number, uid: number | null): void
  giveBack(port: number): void
  readonly size: number
  taken(): number
  /** Resolves when the ports taken, and no others, are closed. */
  close(): Promise<void>
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer()
  server.listen({ port, host, exclusive: true })
  try {
    await once(server, 'listening')
    return true
  } catch (error) {
    // On a machine without IPv6 no other process can listen there.
    return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes((error as NodeJS.ErrnoException).code ?? '')
  } finally {
    server.close()
  }
}

export type PortPoolOptions = {
  readonly first: number
  readonly last: number
  /** Closes these ports and opens all others (machine/src/firewall.ts). */
  readonly guard?: (ports: readonly Guarded[]) => Promise<void>
  readonly failed?: (error: unknown) => void
}

export function createPortPool({ first, last, guard = async () => {}, failed = () => {} }: PortPoolOptions): PortPool {
  const used = new Map<number, number | null>()
  const closing = new Map<number, Promise<void>>()
  const size = last - first + 1
  // Round robin, so that it takes as long as possible before another app gets the same port.
  let next = first
  const close = (): Promise<void> => guard([...used].map(([port, uid]) => ({ port, uid })))
  const find = async (uid: number | null): Promise<number> => {
    for (let tries = 0; tries < size; tries++) {
      const port = next
      next = port === last ? first : port + 1
      if (used.has(port)) continue
      used.set(port, uid)
      if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'))) return port
      used.delete(port)
    }
    throw new Error(`all ports from ${first} to ${last} are in use`)
  }
  return {
    async take(uid) {
      const port = await find(uid)
      const closed = close().catch((error: Error) => {
        throw new Error(`port ${port} could not be closed to others: ${error.message}`, { cause: error })
      })
      // Whoever waits for it gets the failure.
      closed.catch(() => {})
      closing.set(port, closed)
      return port
    },
    closed: async (port) => closing.get(port),
    reserve: (port, uid) => void used.set(port, uid),
    giveBack(port) {
      closing.delete(port)
      if (used.delete(port)) close().catch(failed)
    },
    size,
    taken: () => used.size,
    close,
  }
}
