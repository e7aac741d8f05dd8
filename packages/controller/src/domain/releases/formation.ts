// What does a release look like to the scheduler? Everything is read from the release, never from "latest" (docs/architecture.md, principle 4).
import { DeisError, type Structure, time } from '@deis/types'
import type { CnbFacts } from '@deis/ports/builder'
import { type Artifact, type Formation, type Probe, type ProcessSpec, slugPort } from '@deis/ports/scheduler'
import type { ConfigMaps } from '../apps/config-rules.ts'
import { buildKind, isBuildpackApp } from '../apps/structure.ts'

export type ReleaseParts = {
  readonly app: string
  readonly version: number
  readonly summary: string
  readonly created: Date
  readonly config: ConfigMaps
  readonly build: {
    readonly image: string
    /** The image by digest. */
    readonly reference: string | null
    readonly sha: string
    readonly dockerfile: string
    readonly procfile: Readonly<Record<string, string>>
    /** What the image exposes. */
    readonly port: number | null
    readonly cnb: CnbFacts | null
  }
}

export type Autoscale = Readonly<
  Record<string, { readonly min: number; readonly max: number; readonly cpu_percent: number }>
>

/** Of an app that make no release. */
export type FormationSettings = { readonly routable: boolean; readonly autoscale: Autoscale }

export type Defaults = {
  readonly deployTimeoutSeconds: number
  readonly graceSeconds: number
  readonly deployBatches: number
  readonly historyLimit: number | null
  readonly pullPolicy: Formation['pullPolicy']
}

const launchers = { buildpack: 'slug', cnb: 'cnb', dockerfile: 'none', image: 'none' } as const

export function artifactOf(build: ReleaseParts['build']): Artifact {
  const { image, reference } = build
  // An image has a reference; one that a Docker Engine alone has is a digest, too.
  if (reference === null && image.startsWith('sha256:')) return { kind: 'slug', digest: image }
  return { kind: 'image', reference: reference ?? image, launcher: launchers[buildKind(build)] }
}

/** Where the app listens (docs/contract/api.md §3.9): as its config says, as its image exposes, or as buildpack apps do. */
function portOf(release: Pick<ReleaseParts, 'config' | 'build'>): number | null {
  const wanted = release.config.values.PORT
  if (wanted !== undefined) return Number(wanted)
  return isBuildpackApp(release.build) ? slugPort : release.build.port
}

/** Platform variables first, so that the user's win (docs/contract/api.md §3.13). */
export function environment(release: ReleaseParts): Record<string, string> {
  const port = portOf(release)
  return {
    DEIS_APP: release.app,
    WORKFLOW_RELEASE: `v${release.version}`,
    WORKFLOW_RELEASE_SUMMARY: release.summary,
    WORKFLOW_RELEASE_CREATED_AT: time(release.created),
    ...(port === null ? {} : { PORT: String(port) }),
    ...(release.build.sha === '' ? {} : { SOURCE_VERSION: release.build.sha }),
    ...release.config.values,
  }
}

/** A number that an app's config may set for itself (docs/contract/api.md §3.14). */
function setting(config: ConfigMaps, name: string, otherwise: number): number {
  const raw = config.values[name]
  if (raw === undefined) return otherwise
  if (!/^\d+$/.test(raw.trim()))
    throw new DeisError(
      'invalid',
      `${name} must be a whole number, not ${JSON.stringify(raw)}: deis config:set ${name}=${otherwise}`,
    )
  return Number(raw)
}

function historyLimit(config: ConfigMaps, otherwise: number | null): number | null {
  const name = 'KUBERNETES_DEPLOYMENTS_REVISION_HISTORY_LIMIT'
  return config.values[name] === undefined ? otherwise : setting(config, name, 10)
}

export function pullPolicy(config: ConfigMaps, otherwise: Formation['pullPolicy']): Formation['pullPolicy'] {
  const wanted = config.values.IMAGE_PULL_POLICY
  if (wanted === undefined) return otherwise
  if (wanted === 'Always' || wanted === 'IfNotPresent' || wanted === 'Never') return wanted
  throw new DeisError(
    'invalid',
    `IMAGE_PULL_POLICY must be Always, IfNotPresent or Never, not ${JSON.stringify(wanted)}: deis config:set IMAGE_PULL_POLICY=IfNotPresent`,
  )
}

/** `web` before `cmd`, and one that runs before one that does not. */
export function routableType(structure: Structure): string | null {
  const candidates = ['web', 'cmd'].filter((type) => Object.hasOwn(structure, type))
  return candidates.find((type) => (structure[type] ?? 0) > 0) ?? candidates[0] ?? null
}

/** Users name types: `constructor` is one that a plain object seems to have. */
function own<T>(map: Readonly<Record<string, T>>, type: string): T | undefined {
  return Object.hasOwn(map, type) ? map[type] : undefined
}

/** Null: what the image itself has for the type; empty: there is nothing to run. */
function commandOf({ build }: ReleaseParts, type: string): string | null {
  const command = own(build.procfile, type)
  // Cloud Native Buildpacks put types into the image, with an environment for each: their commands are for people to read.
  if (command !== undefined) return build.cnb === null || build.cnb.procfileTypes?.includes(type) ? command : null
  // An image runs its own entry point; a slug has none.
  return isBuildpackApp(build) ? '' : null
}

function probes(
  config: ConfigMaps,
  type: string,
  port: number | null,
): Pick<ProcessSpec, 'livenessProbe' | 'readinessProbe'> {
  const found =
    own(config.healthcheck, type) ?? (type === 'web' || type === 'cmd' ? config.healthcheck['web/cmd'] : undefined)
  return {
    ...(found?.livenessProbe ? { livenessProbe: withPort(found.livenessProbe, port) } : {}),
    ...(found?.readinessProbe ? { readinessProbe: withPort(found.readinessProbe, port) } : {}),
  }
}

/** Probes that came from HEALTHCHECK_URL ask where the app listens. */
function withPort(probe: Probe, port: number | null): Probe {
  return probe.httpGet
    ? { ...probe, httpGet: { ...probe.httpGet, port: probe.httpGet.port ?? port ?? slugPort } }
    : probe
}

export function formation(
  release: ReleaseParts,
  structure: Structure,
  settings: FormationSettings,
  defaults: Defaults,
): Formation {
  const routable = settings.routable ? routableType(structure) : null
  const port = portOf(release)
  if (routable !== null && port === null && (structure[routable] ?? 0) > 0)
    throw new DeisError('invalid', 'Expose a port or make the app non routable by changing the process type')
  const grace = setting(release.config, 'KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS', defaults.graceSeconds)
  const processes: Record<string, ProcessSpec> = {}
  for (const [type, replicas] of Object.entries(structure)) {
    const command = commandOf(release, type)
    if (command === '') {
      if (replicas === 0) continue
      throw new DeisError(
        'invalid',
        `No command for process type ${type}: add a line "${type}: <command>" to the Procfile`,
      )
    }
    const memory = own(release.config.memory, type)
    const cpu = own(release.config.cpu, type)
    const autoscale = own(settings.autoscale, type)
    processes[type] = {
      command,
      replicas,
      graceSeconds: grace,
      ...(memory === undefined ? {} : { memory }),
      ...(cpu === undefined ? {} : { cpu }),
      ...(autoscale
        ? { autoscale: { min: autoscale.min, max: autoscale.max, cpuPercent: autoscale.cpu_percent } }
        : {}),
      ...probes(release.config, type, port),
    }
  }
  return {
    app: release.app,
    release: release.version,
    summary: release.summary,
    artifact: artifactOf(release.build),
    env: environment(release),
    processes,
    routable,
    port,
    tags: release.config.tags,
    registry: release.config.registry,
    deployTimeoutSeconds: setting(release.config, 'DEIS_DEPLOY_TIMEOUT', defaults.deployTimeoutSeconds),
    batches: setting(release.config, 'DEIS_DEPLOY_BATCHES', defaults.deployBatches),
    historyLimit: historyLimit(release.config, defaults.historyLimit),
    pullPolicy: pullPolicy(release.config, defaults.pullPolicy),
  }
}
