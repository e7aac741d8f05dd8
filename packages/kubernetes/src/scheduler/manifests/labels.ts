// Which names, labels and annotations do the platform's objects have (docs/contract/api.md §4.1)?
import { createHash } from 'node:crypto'
import { heritage } from '../../cluster/labels.ts'

/** The selector of Services and Deployments; without a version, so that it fits all releases. */
export const typeLabels = (app: string, type: string) => ({ app, type, ...heritage })

export const appLabels = (app: string) => ({ app, ...heritage })

export const oneOffType = 'run'

/**
 * Field managers of server-side apply. A field that a manager once gave and then leaves out is deleted, so what changes
 * on different occasions has managers of its own.
 */
export const managers = {
  /** Everything of a formation but the number of pods. */
  main: 'deis',
  /** `spec.replicas`: left alone while an autoscaler owns it. */
  scale: 'deis-scale',
  /** The annotation that restarts pods of the same release. */
  restart: 'deis-restart',
  /** What `setEdge` applies. */
  edge: 'deis-edge',
} as const

export const restartedAnnotation = 'deis.io/restarted-at'
/** On namespaces: the app. The label alone does not prove that a namespace is the platform's. */
export const appAnnotation = 'deis.io/app'
/** On namespaces and one-off pods: the installation, of several that share a cluster. */
export const platformAnnotation = 'deis.io/platform'
/** On one-off pods of sessions: their output is not in the app's log. */
export const sessionAnnotation = 'deis.io/session'
export const changeCauseAnnotation = 'kubernetes.io/change-cause'
export const revisionAnnotation = 'deployment.kubernetes.io/revision'
export const templateHashLabel = 'pod-template-hash'

/**
 * Names in a cluster are in lower case and without `_`; labels have the type's own name. A name that had to be changed ends
 * in a hash, so that `Worker` and `worker` differ.
 */
function typeName(type: string): string {
  if (/^[a-z0-9-]+$/.test(type)) return type
  const own = createHash('sha256').update(type).digest('hex').slice(0, 5)
  return `${type.toLowerCase().replaceAll('_', '-')}-${own}`
}

export const deploymentName = (app: string, type: string): string => `${app}-${typeName(type)}`
/** Names of containers have a lower limit than those of other objects. */
export const containerName = (app: string, type: string): string =>
  deploymentName(app, type)
    .slice(0, 63)
    .replace(/-{1,63}$/, '')
export const versionOf = (release: number): string => `v${release}`

export function releaseOf(labels: Readonly<Record<string, string>> | undefined): number {
  const found = /^v(\d+)$/.exec(labels?.version ?? '')
  return found ? Number(found[1]) : 0
}
