// Which listening sockets does systemd hold open for this program (sd_listen_fds(3))?

/** Descriptors, in the order of the unit. */
export type Sockets = readonly number[]

const first = 3
const most = 2

/** `pid`: of the process that systemd started. */
export function socketsOf(env: Readonly<Record<string, string | undefined>>, pid: number): Sockets {
  if (env['LISTEN_PID'] !== String(pid) || !/^\d$/.test(env['LISTEN_FDS'] ?? '')) return []
  return Array.from({ length: Math.min(most, Number(env['LISTEN_FDS'])) }, (_, at) => first + at)
}
