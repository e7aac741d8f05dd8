// From where may an app's pods be reached, and what may they reach?
import { isIP } from 'node:net'
import { egressBut } from '../../cluster/egress.ts'
import type { NetworkPolicy } from '../../client/objects.ts'
import { appLabels } from './labels.ts'

type Peer = NonNullable<NonNullable<NonNullable<NetworkPolicy['spec']>['ingress']>[number]['from']>[number]

export type NetworkSettings = {
  /** The namespace of the platform's routers; null: they are not pods. */
  readonly routers: string | null
  /** What else may reach apps: networks, namespaces, or `key=value` labels of namespaces. */
  readonly sources: readonly string[]
  /** Networks that apps and builds may not reach, beside the metadata addresses. */
  readonly blocked: readonly string[]
}

/** Kubernetes sets it on every namespace from 1.21; before that, the namespace's owner has to. */
export const nameLabel = 'kubernetes.io/metadata.name'
/** On the platform's routers (packages/install). */
const routerLabels = { app: 'deis-router' }

const namespaces = (key: string, value: string): Peer => ({ namespaceSelector: { matchLabels: { [key]: value } } })

function peerOf(source: string): Peer {
  if (isIP(source.split('/')[0] ?? '') !== 0) return { ipBlock: { cidr: source } }
  const [key = '', value] = source.split('=')
  return value === undefined ? namespaces(nameLabel, key) : namespaces(key, value)
}

/** Without either, the policy allows all: else even the routers could not reach apps. */
export const isShut = ({ routers, sources }: NetworkSettings): boolean => routers !== null || sources.length > 0

/** The node a pod runs on always reaches it: probes need no rule. */
export function appPolicy(app: string, settings: NetworkSettings): NetworkPolicy {
  const { routers, sources, blocked } = settings
  const from: Peer[] = [
    { podSelector: {} },
    ...(routers === null ? [] : [{ ...namespaces(nameLabel, routers), podSelector: { matchLabels: routerLabels } }]),
    ...sources.map(peerOf),
  ]
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: `${app}-only`, namespace: app, labels: appLabels(app) },
    spec: {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [isShut(settings) ? { from } : {}],
      egress: egressBut(blocked),
    },
  }
}
