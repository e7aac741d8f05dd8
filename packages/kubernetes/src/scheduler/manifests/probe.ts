// When is a pod ready, and when must it be restarted?
import type { Formation, Probe, ProcessSpec } from '@deis/ports/scheduler'

export type Probes = { readonly readinessProbe?: Probe; readonly livenessProbe?: Probe }

/** Quick, because a deploy waits for it; several failures in a row, because a busy node may delay one. */
const listens = (port: number): Probe => ({
  tcpSocket: { port },
  periodSeconds: 1,
  timeoutSeconds: 5,
  successThreshold: 1,
  failureThreshold: 3,
})

/** The user's probes; the type that receives requests must at least listen. */
export function probesOf(
  type: string,
  process: Pick<ProcessSpec, 'readinessProbe' | 'livenessProbe'>,
  { routable, port }: Pick<Formation, 'routable' | 'port'>,
): Probes {
  const readiness = process.readinessProbe ?? (type === routable && port !== null ? listens(port) : undefined)
  return {
    ...(readiness ? { readinessProbe: readiness } : {}),
    ...(process.livenessProbe ? { livenessProbe: process.livenessProbe } : {}),
  }
}
