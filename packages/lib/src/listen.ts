// On which port does a server listen, and whose socket is it: its own, or one that systemd holds open?
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'

/** As many as a kernel usually allows: they wait there while no program runs. */
const heldBacklog = 4096

/** Resolves with the port once it listens; 0 asks for any free one. */
export async function listen(server: Server, port: number, host: string | undefined): Promise<number> {
  server.listen({ port, host })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

export type Place = {
  readonly port: number
  readonly host: string | undefined
  /** The socket that systemd holds open; undefined: there is none. */
  readonly held?: number | undefined
}

/** By the socket of systemd if that has the wanted port, else by one of its own. `log`: one line for the operator. */
export async function listenAt(
  server: Server,
  { port, host, held }: Place,
  log: (line: string) => void,
): Promise<number> {
  if (held === undefined) return listen(server, port, host)
  server.listen({ fd: held, backlog: heldBacklog })
  await once(server, 'listening')
  const found = (server.address() as AddressInfo).port
  if (found === port) return found
  log(`systemd holds port ${found} open, and the setting is ${port}: deis-server install makes both agree`)
  await new Promise((resolve) => server.close(resolve))
  return listen(server, port, host)
}
