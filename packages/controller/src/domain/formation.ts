// What does a release look like to the scheduler? Everything is read from the release, never from "latest" (design §1.4).
import { DeisError, type Structure, time } from '@deis/types'
import type { Artifact, Formation, ProcessSpec } from '../scheduler/port.ts'
import type { ConfigMaps } from './configRules.ts'
import { buildKind } from './structure.ts'

export type ReleaseParts = {
  readonly app: string
  readonly version: number
  readonly summary: string
  readonly created: Date
  readonly config: ConfigMaps
  readonly build: {
    readonly image: string
    readonly sha: string
    readonly dockerfile: string
    readonly procfile: Readonly<Record<string, string>>
  }
}

export type Defaults = { readonly deployTimeoutSeconds: number; readonly graceSeconds: number }

export function artifactOf(image: string): Artifact {
  return image.startsWith('sha256:') ? { kind: 'slug', digest: image } : { kind: 'image', reference: image }
}

/** Platform variables first, so that the user's win (contract/api.md §3.13). */
export function environment(release: ReleaseParts): Record<string, string> {
  return {
    DEIS_APP: release.app,
    WORKFLOW_RELEASE: `v${release.version}`,
    WORKFLOW_RELEASE_SUMMARY: release.summary,
    WORKFLOW_RELEASE_CREATED_AT: time(release.created),
    ...(release.build.sha === '' ? {} : { SOURCE_VERSION: release.build.sha }),
    ...release.config.values,
  }
}

/** A number that an app's config may set for itself (contract/api.md §3.14). */
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

/** `web` before `cmd`, and one that runs before one that does not. */
export function routableType(structure: Structure): string | null {
  const candidates = ['web', 'cmd'].filter((type) => type in structure)
  return candidates.find((type) => (structure[type] ?? 0) > 0) ?? candidates[0] ?? null
}

function commandOf(release: ReleaseParts, type: string): string | null {
  const command = release.build.procfile[type]
  if (command !== undefined) return command
  // An image runs its own entry point; a slug has none.
  return buildKind(release.build) === 'buildpack' ? '' : null
}

function probes(config: ConfigMaps, type: string): Pick<ProcessSpec, 'livenessProbe' | 'readinessProbe'> {
  const own = config.healthcheck[type] ?? (type === 'web' || type === 'cmd' ? config.healthcheck['web/cmd'] : undefined)
  return {
    ...(own?.livenessProbe ? { livenessProbe: own.livenessProbe } : {}),
    ...(own?.readinessProbe ? { readinessProbe: own.readinessProbe } : {}),
  }
}

export function formation(
  release: ReleaseParts,
  structure: Structure,
  routable: boolean,
  defaults: Defaults,
): Formation {
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
    const memory = release.config.memory[type]
    const cpu = release.config.cpu[type]
    processes[type] = {
      command,
      replicas,
      graceSeconds: grace,
      ...(memory === undefined ? {} : { memory }),
      ...(cpu === undefined ? {} : { cpu }),
      ...probes(release.config, type),
    }
  }
  return {
    app: release.app,
    release: release.version,
    artifact: artifactOf(release.build.image),
    env: environment(release),
    processes,
    routable: routable ? routableType(structure) : null,
    tags: release.config.tags,
    registry: release.config.registry,
    deployTimeoutSeconds: setting(release.config, 'DEIS_DEPLOY_TIMEOUT', defaults.deployTimeoutSeconds),
  }
}
