// Which listening sockets does systemd hold open for the router (sd_listen_fds(3)), and how is one of them used?
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'

/** For HTTP, then for TLS: in the order of the unit. */
export type Sockets = readonly number[]

const first = 3
const most = 2
/** As many as a kernel usually allows: they wait there while no router runs. */
const backlog = 4096

/** Descriptors; `pid`: of the process that systemd started. */
export function socketsOf(env: Readonly<Record<string, string | undefined>>, pid: number): Sockets {
  if (env.LISTEN_PID !== String(pid) || !/^\d$/.test(env.LISTEN_FDS ?? '')) return []
  return Array.from({ length: Math.min(most, Number(env.LISTEN_FDS)) }, (_, at) => first + at)
}

/** The port that it listens on then. */
export async function listenOn(server: Server, fd: number): Promise<number> {
  server.listen({ fd, backlog })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
