// What does one pod look like (docs/contract/api.md §4.3)?
import type { Pod } from '../../client/objects.ts'
import { DeployFailure, type OneOff, type Probe } from '@deis/ports/scheduler'
import { startOf } from '@deis/container/start'
import { resourcesOf } from '@deis/container/quantity'
import { containerName, oneOffType, typeLabels, versionOf } from './labels.ts'
import type { Probes } from './probe.ts'
import { securityOf } from '../../cluster/security.ts'

/** What the cluster and the platform's settings add to every pod. */
export type PodSettings = {
  /** Pods get DEIS_DEBUG. */
  readonly debug: boolean
  readonly drainSeconds: number
  /** The server knows the `sleep` action (1.30 and later). */
  readonly nativeSleep: boolean
}

export type PodParts = Pick<OneOff, 'app' | 'release' | 'artifact' | 'env' | 'tags' | 'pullPolicy'> & {
  readonly type: string
  readonly command: string | null
  readonly memory?: string
  readonly cpu?: string
  readonly probes: Probes
  readonly envSecret: string
  readonly pullSecrets: readonly string[]
  readonly restartPolicy: 'Always' | 'Never'
  readonly graceSeconds: number
  /** Keeps to the Pod Security level `restricted`. */
  readonly restricted: boolean
  /** It takes requests, so it serves on for a while after its deletion. */
  readonly drains: boolean
}

type Spec = NonNullable<Pod['spec']>
type Container = Spec['containers'][number]

function environment({ env, envSecret }: PodParts, debug: boolean): Container['env'] {
  const fromSecret = Object.keys(env)
    .toSorted()
    .map((name) => ({ name, valueFrom: { secretKeyRef: { name: envSecret, key: name } } }))
  return debug && env.DEIS_DEBUG === undefined ? [...fromSecret, { name: 'DEIS_DEBUG', value: '1' }] : fromSecret
}

function preStop({ drainSeconds, nativeSleep }: PodSettings): Container['lifecycle'] {
  return {
    preStop: nativeSleep
      ? { sleep: { seconds: drainSeconds } }
      : // An image without `sleep` ends a moment earlier.
        { exec: { command: ['sleep', String(drainSeconds)] } },
  }
}

/** The port's lists are read-only, those of the API's types are not. */
const copied = (probe: Probe): Container['readinessProbe'] => structuredClone(probe) as Container['readinessProbe']

export const podLabels = ({ app, type, release }: Pick<PodParts, 'app' | 'type' | 'release'>) => ({
  ...typeLabels(app, type),
  version: versionOf(release),
})

/** @throws DeployFailure if a cluster cannot run the artifact. */
export function podSpec(parts: PodParts, settings: PodSettings): Spec {
  const { app, type, artifact, probes } = parts
  if (artifact.kind !== 'image')
    throw new DeployFailure(
      'a cluster runs images, and this build is a slug',
      [],
      'Push the app again: it is built as an image then.',
    )
  const security = securityOf(parts.restricted)
  const drains = parts.drains && settings.drainSeconds > 0
  return {
    restartPolicy: parts.restartPolicy,
    nodeSelector: { ...parts.tags },
    terminationGracePeriodSeconds: parts.graceSeconds + (drains ? settings.drainSeconds : 0),
    // Apps get no credentials for the API server.
    automountServiceAccountToken: false,
    securityContext: security.pod,
    imagePullSecrets: parts.pullSecrets.map((name) => ({ name })),
    containers: [
      {
        name: containerName(app, type),
        image: artifact.reference,
        imagePullPolicy: parts.pullPolicy,
        ...startOf(artifact.launcher, type, parts.command, type === oneOffType),
        env: environment(parts, settings.debug),
        resources: resourcesOf(parts),
        securityContext: security.container,
        ...(probes.readinessProbe ? { readinessProbe: copied(probes.readinessProbe) } : {}),
        ...(probes.livenessProbe ? { livenessProbe: copied(probes.livenessProbe) } : {}),
        ...(drains ? { lifecycle: preStop(settings) } : {}),
      },
    ],
  }
}
