// On which free port does a server of a test listen?
import { type EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'

export async function listen(
  server: { listen(port: number, host: string): unknown; address(): unknown },
  port = 0,
): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server as unknown as EventEmitter, 'listening')
  return (server.address() as AddressInfo).port
}
