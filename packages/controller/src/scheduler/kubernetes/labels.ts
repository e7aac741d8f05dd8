// How are our objects marked, and how do we know them again (contract/api.md §4.1)?

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
  /** What `expose` says. */
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

export const deploymentName = (app: string, type: string): string => `${app}-${type}`
export const versionOf = (release: number): string => `v${release}`

export function releaseOf(labels: Readonly<Record<string, string>> | undefined): number {
  const found = /^v(\d+)$/.exec(labels?.version ?? '')
  return found ? Number(found[1]) : 0
}
