// Which health checks may be set (docs/contract/api.md §2.5)?
import { DeisError, invalidField } from '@deis/types'
import { type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Probes } from './config-rules.ts'

const Port = Type.Integer({ minimum: 1, maximum: 65_535 })
const Seconds = Type.Optional(Type.Integer({ minimum: 0 }))
const Probe = Type.Object({
  exec: Type.Optional(Type.Object({ command: Type.Array(Type.String(), { minItems: 1 }) })),
  httpGet: Type.Optional(
    Type.Object({
      port: Port,
      path: Type.Optional(Type.String()),
      host: Type.Optional(Type.String()),
      scheme: Type.Optional(Type.String()),
      httpHeaders: Type.Optional(Type.Array(Type.Object({ name: Type.String(), value: Type.String() }))),
    }),
  ),
  tcpSocket: Type.Optional(Type.Object({ port: Port })),
  initialDelaySeconds: Seconds,
  timeoutSeconds: Seconds,
  periodSeconds: Seconds,
  successThreshold: Seconds,
  failureThreshold: Seconds,
})

function firstProblem(schema: TSchema, value: unknown): string | null {
  const [first] = Value.Errors(schema, value)
  return first ? `${first.instancePath || '/'} ${first.message}` : null
}

/** One type's probes after a request: replaced one by one; null removes a probe, or the whole type. */
export function healthcheckValue(base: Probes | undefined, type: string, raw: unknown): Probes | null {
  if (raw === null) return null
  const refuse = (message: string): never => {
    throw invalidField('healthcheck', message)
  }
  if (typeof raw !== 'object' || Array.isArray(raw))
    return refuse(`could not validate ${JSON.stringify(raw)}: it is not an object`)
  const next: Probes = { ...base }
  for (const [kind, probe] of Object.entries(raw as Record<string, unknown>)) {
    if (kind !== 'livenessProbe' && kind !== 'readinessProbe')
      refuse('Healthcheck keys must be either livenessProbe or readinessProbe')
    if (probe === null) {
      if (!next[kind]) throw new DeisError('unprocessable', `${type} does not exist under healthcheck`)
      delete next[kind]
      continue
    }
    const problem = firstProblem(Probe, probe)
    if (problem) refuse(`could not validate ${JSON.stringify(probe)}: ${problem}`)
    const checked = probe as Record<string, unknown>
    if (kind === 'livenessProbe' && (checked.successThreshold ?? 1) !== 1)
      refuse('livenessProbe successThreshold can only be 1')
    next[kind] = checked
  }
  return next
}

const legacyNumbers = {
  TIMEOUT: ['timeoutSeconds', 50],
  INITIAL_DELAY: ['initialDelaySeconds', 50],
  PERIOD_SECONDS: ['periodSeconds', 10],
  SUCCESS_THRESHOLD: ['successThreshold', 1],
  FAILURE_THRESHOLD: ['failureThreshold', 3],
} as const

type LegacyMaps = {
  readonly values: Readonly<Record<string, string>>
  readonly healthcheck: Readonly<Record<string, Probes>>
}

/**
 * The health checks of earlier versions: HEALTHCHECK_URL and what goes with it become probes of the routable type, and are
 * no longer variables of the app. Their port is wherever the app listens.
 */
export function withLegacyHealthcheck<M extends LegacyMaps>(maps: M): M {
  const url = maps.values.HEALTHCHECK_URL
  if (url === undefined) return maps
  const numbers = Object.fromEntries(
    Object.entries(legacyNumbers).map(([name, [key, otherwise]]) => [
      key,
      Number(maps.values[`HEALTHCHECK_${name}`] ?? otherwise),
    ]),
  )
  const probe = { httpGet: { path: url.startsWith('/') ? url : `/${url}` }, ...numbers }
  const values = Object.fromEntries(Object.entries(maps.values).filter(([key]) => !key.startsWith('HEALTHCHECK_')))
  // Kubernetes takes no other threshold for this one.
  const probes = { livenessProbe: { ...probe, successThreshold: 1 }, readinessProbe: probe }
  return { ...maps, values, healthcheck: { ...maps.healthcheck, 'web/cmd': probes } }
}
