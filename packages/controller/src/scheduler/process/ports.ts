// Which port does a process get?
import { once } from 'node:events'
import { createServer } from 'node:net'

export type PortPool = {
  /** A port that nobody listens on, until it is given back. */
  take(): Promise<number>
  /** Marks a port as taken by a process that runs already. */
  reserve(port: number): void
  giveBack(port: number): void
  readonly size: number
  taken(): number
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer()
  server.listen({ port, host, exclusive: true })
  try {
    await once(server, 'listening')
    return true
  } catch (error) {
    // A machine without IPv6 cannot have anybody there.
    return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes((error as NodeJS.ErrnoException).code ?? '')
  } finally {
    server.close()
  }
}

export function createPortPool({ first, last }: { readonly first: number; readonly last: number }): PortPool {
  const used = new Set<number>()
  const size = last - first + 1
  // Goes round, so that a port rests as long as possible before another app gets it.
  let next = first
  return {
    async take() {
      for (let tries = 0; tries < size; tries++) {
        const port = next
        next = port === last ? first : port + 1
        if (used.has(port)) continue
        used.add(port)
        if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'))) return port
        used.delete(port)
      }
      throw new Error(`no free port between ${first} and ${last} is left for another process`)
    },
    reserve: (port) => void used.add(port),
    giveBack: (port) => void used.delete(port),
    size,
    taken: () => used.size,
  }
}
