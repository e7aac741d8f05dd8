// Which port is free for a program that must be told one?
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Above those of apps in tests, and below those that the kernel gives to connections: one of these could take it before the program
 * listens.
 */
const [first, behind] = [30_100, 32_768]

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(first, behind)
    const server = createServer().listen(port)
    try {
      await once(server, 'listening')
    } catch {
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
