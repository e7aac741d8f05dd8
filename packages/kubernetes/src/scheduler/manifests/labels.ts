// How are our objects marked, and how do we know them again (docs/contract/api.md §4.1)?
import { createHash } from 'node:crypto'

/** Everything of the platform carries it; the watches select by it. */
export const heritage = { heritage: 'deis' } as const

export const selector = { labelSelector: 'heritage=deis' } as const

/** What Services and Deployments select pods by; no version, so that a rollout stays inside. */
export const typeLabels = (app: string, type: string) => ({ app, type, ...heritage })

export const appLabels = (app: string) => ({ app, ...heritage })

export const oneOffType = 'run'

/**
 * Field managers of server-side apply. A field that a manager once gave and then leaves out is deleted, so what changes
 * on different occasions has managers of its own.
 */
export const managers = {
  /** All that a formation says, but for how many. */
  main: 'deis',
  /** `spec.replicas`: left alone while an autoscaler owns it. */
  scale: 'deis-scale',
  /** The mark that makes pods new though their release is not. */
  restart: 'deis-restart',
  /** What `setEdge` applies. */
  edge: 'deis-edge',
} as const

export const restartedAnnotation = 'deis.io/restarted-at'
/** On namespaces: whose it is. The label alone may be on a namespace of somebody else's. */
export const appAnnotation = 'deis.io/app'
/** On namespaces and one-off pods: which installation's, of several that share a cluster. */
export const platformAnnotation = 'deis.io/platform'
/** On one-off pods with somebody at them: what they say is theirs, and no line of the app's. */
export const sessionAnnotation = 'deis.io/session'
export const changeCauseAnnotation = 'kubernetes.io/change-cause'
export const revisionAnnotation = 'deployment.kubernetes.io/revision'
export const templateHashLabel = 'pod-template-hash'

/**
 * Names in a cluster are in lower case, without `_`; labels may say what a type is really called. What a name is made for ends in
 * something of its own, so that `Worker` never comes to own what was of `worker`.
 */
function typeName(type: string): string {
  if (/^[a-z0-9-]+$/.test(type)) return type
  const own = createHash('sha256').update(type).digest('hex').slice(0, 5)
  return `${type.toLowerCase().replaceAll('_', '-')}-${own}`
}

export const deploymentName = (app: string, type: string): string => `${app}-${typeName(type)}`
/** Names of containers are shorter than those of all else. */
export const containerName = (app: string, type: string): string =>
  deploymentName(app, type)
    .slice(0, 63)
    .replace(/-{1,63}$/, '')
export const versionOf = (release: number): string => `v${release}`

export function releaseOf(labels: Readonly<Record<string, string>> | undefined): number {
  const found = /^v(\d+)$/.exec(labels?.version ?? '')
  return found ? Number(found[1]) : 0
}
