// What is a health check, and how is it shown (docs/contract/cli.md §2.9)?
export const checkTypes = { liveness: 'livenessProbe', readiness: 'readinessProbe' } as const
export type HealthType = keyof typeof checkTypes
export const probeTypes = ['httpGet', 'exec', 'tcpSocket'] as const

/** As the controller stores it; the scheduler has defaults for absent fields. */
export type Probe = {
  readonly initialDelaySeconds?: number
  readonly timeoutSeconds?: number
  readonly periodSeconds?: number
  readonly successThreshold?: number
  readonly failureThreshold?: number
  readonly exec?: { readonly command: readonly string[] } | null
  readonly httpGet?: {
    readonly path?: string
    readonly port?: number
    readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[] | null
  } | null
  readonly tcpSocket?: { readonly port?: number } | null
}
export type HealthCheck = { readonly [name in (typeof checkTypes)[HealthType]]?: Probe | null }

function probeLines(probe: Probe): string[] {
  const { exec, httpGet, tcpSocket } = probe
  const headers = (httpGet?.httpHeaders ?? []).map(({ name, value }) => `${name}=${value}`).join(' ')
  return [
    `Initial Delay (seconds): ${probe.initialDelaySeconds ?? 0}`,
    `Timeout (seconds): ${probe.timeoutSeconds ?? 0}`,
    `Period (seconds): ${probe.periodSeconds ?? 0}`,
    `Success Threshold: ${probe.successThreshold ?? 0}`,
    `Failure Threshold: ${probe.failureThreshold ?? 0}`,
    `Exec Probe: ${exec ? `Command=[${exec.command.join(' ')}]` : 'N/A'}`,
    `HTTP GET Probe: ${httpGet ? `Path="${httpGet.path ?? ''}" Port=${httpGet.port ?? 0} HTTPHeaders=[${headers}]` : 'N/A'}`,
    `TCP Socket Probe: ${tcpSocket ? `Port=${tcpSocket.port ?? 0}` : 'N/A'}`,
  ]
}

/** Both checks of a process type. */
export function checkLines({ livenessProbe, readinessProbe }: HealthCheck): string[] {
  return [
    '--- Liveness',
    ...(livenessProbe ? probeLines(livenessProbe) : ['No liveness probe configured.']),
    '',
    '--- Readiness',
    ...(readinessProbe ? probeLines(readinessProbe) : ['No readiness probe configured.']),
  ]
}
