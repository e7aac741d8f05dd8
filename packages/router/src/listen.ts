// On which port does a server listen?
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'

/** Resolves with the port once it listens; 0 asks for any free one. */
export async function listen(server: Server, port: number, host: string | undefined): Promise<number> {
  server.listen({ port, host })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
