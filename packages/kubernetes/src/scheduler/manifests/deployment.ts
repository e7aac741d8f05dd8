// What is the Deployment of a process type, and how long may its rollout take (docs/contract/api.md §4.2, §4.8)?
import type { Deployment, HorizontalPodAutoscaler } from '../../client/objects.ts'
import type { Formation, ProcessSpec } from '@deis/ports/scheduler'
import { changeCauseAnnotation, deploymentName, typeLabels } from './labels.ts'
import { probesOf } from './probe.ts'
import { envSecretName } from './secret.ts'
import { podLabels, podSpec, type PodSettings } from './template.ts'

/** ReplicaSets kept for `kubectl rollout undo`; each keeps the environment of its release. */
const historyLimit = 3
/** A pod without a readiness probe must run at least this long before it counts as up. */
const staysUpSeconds = 5

export type Patience = { readonly batchSeconds: number; readonly batches: number; readonly seconds: number }

export function patience(
  deployTimeoutSeconds: number,
  { readinessProbe, livenessProbe }: Pick<ProcessSpec, 'readinessProbe' | 'livenessProbe'>,
  replicas: number,
  surge: number,
): Patience {
  const delay = Math.max(readinessProbe?.initialDelaySeconds ?? 0, livenessProbe?.initialDelaySeconds ?? 0)
  const batchSeconds = deployTimeoutSeconds + delay
  const batches = Math.max(1, Math.ceil(replicas / surge))
  return { batchSeconds, batches, seconds: batchSeconds * batches }
}

export type DeploymentParts = {
  readonly formation: Formation
  readonly type: string
  readonly process: ProcessSpec
  readonly surge: number
  readonly seconds: number
  readonly pullSecrets: readonly string[]
  readonly restricted: boolean
}

/** Without `replicas`: those have another field manager. */
export function deployment(parts: DeploymentParts, settings: PodSettings): Deployment {
  const { formation, type, process, surge, seconds, pullSecrets, restricted } = parts
  const { app, release } = formation
  const probes = probesOf(type, process, formation)
  const settle = probes.readinessProbe ? 0 : staysUpSeconds
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: deploymentName(app, type),
      namespace: app,
      labels: typeLabels(app, type),
      annotations: { [changeCauseAnnotation]: formation.summary },
    },
    spec: {
      selector: { matchLabels: typeLabels(app, type) },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: 0 } },
      revisionHistoryLimit: formation.historyLimit ?? historyLimit,
      minReadySeconds: settle,
      // The API refuses one that is not above minReadySeconds.
      progressDeadlineSeconds: Math.max(seconds, settle + 1),
      template: {
        metadata: { labels: podLabels({ app, type, release }) },
        spec: podSpec(
          {
            ...formation,
            ...process,
            type,
            probes,
            envSecret: envSecretName(app, release),
            pullSecrets,
            restricted,
            restartPolicy: 'Always',
            drains: formation.routable === type,
          },
          settings,
        ),
      },
    },
  }
}

/** Only the number, for its own field manager. */
export function replicasOf(app: string, type: string, replicas: number): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: deploymentName(app, type), namespace: app },
    spec: { replicas },
  }
}

export function autoscaler(
  app: string,
  type: string,
  { min, max, cpuPercent }: NonNullable<ProcessSpec['autoscale']>,
): HorizontalPodAutoscaler {
  const name = deploymentName(app, type)
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name, namespace: app, labels: typeLabels(app, type) },
    spec: {
      minReplicas: min,
      maxReplicas: max,
      targetCPUUtilizationPercentage: cpuPercent,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
    },
  }
}
