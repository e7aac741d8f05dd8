// Which Kubernetes objects does the platform use, and at which paths of the API?
import type {
  CoreV1Event,
  V1Deployment,
  V1HorizontalPodAutoscaler,
  V1Ingress,
  V1Job,
  V1Namespace,
  V1NetworkPolicy,
  V1Node,
  V1Pod,
  V1ReplicaSet,
  V1ResourceQuota,
  V1Secret,
  V1Service,
} from '@kubernetes/client-node'

/** Dates are strings on the wire; the library's types say Date. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer U)[]
    ? Wire<U>[]
    : T extends object
      ? { [K in keyof T]: Wire<T[K]> }
      : T

export type Pod = Wire<V1Pod>
export type Node = Wire<V1Node>
export type Event = Wire<CoreV1Event>
export type ReplicaSet = Wire<V1ReplicaSet>
export type Deployment = Wire<V1Deployment>
export type Service = Wire<V1Service>
export type Secret = Wire<V1Secret>
export type Namespace = Wire<V1Namespace>
export type ResourceQuota = Wire<V1ResourceQuota>
export type HorizontalPodAutoscaler = Wire<V1HorizontalPodAutoscaler>
export type Ingress = Wire<V1Ingress>
export type Job = Wire<V1Job>
/** The library names a field `_from` that is `from` on the wire. */
type Sent = Wire<V1NetworkPolicy>
type Rule = NonNullable<NonNullable<Sent['spec']>['ingress']>[number]
export type NetworkPolicy = Omit<Sent, 'spec'> & {
  spec?: Omit<NonNullable<Sent['spec']>, 'ingress'> & {
    ingress?: (Omit<Rule, '_from'> & { from?: NonNullable<Rule['_from']> })[]
  }
}

/** Any object with a kind, as on the wire. */
export type KubeObject = {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata?: {
    readonly name?: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
  }
}

export type ListOf<T> = {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string }
  readonly items: T[]
}

const plurals: Readonly<Record<string, { readonly plural: string; readonly namespaced: boolean }>> = {
  'v1/Namespace': { plural: 'namespaces', namespaced: false },
  'v1/Node': { plural: 'nodes', namespaced: false },
  'v1/Pod': { plural: 'pods', namespaced: true },
  'v1/Secret': { plural: 'secrets', namespaced: true },
  'v1/Service': { plural: 'services', namespaced: true },
  'v1/Event': { plural: 'events', namespaced: true },
  'v1/ConfigMap': { plural: 'configmaps', namespaced: true },
  'v1/ServiceAccount': { plural: 'serviceaccounts', namespaced: true },
  'v1/ResourceQuota': { plural: 'resourcequotas', namespaced: true },
  'v1/LimitRange': { plural: 'limitranges', namespaced: true },
  'apps/v1/Deployment': { plural: 'deployments', namespaced: true },
  'apps/v1/ReplicaSet': { plural: 'replicasets', namespaced: true },
  'batch/v1/Job': { plural: 'jobs', namespaced: true },
  'autoscaling/v1/HorizontalPodAutoscaler': { plural: 'horizontalpodautoscalers', namespaced: true },
  'networking.k8s.io/v1/Ingress': { plural: 'ingresses', namespaced: true },
  'networking.k8s.io/v1/NetworkPolicy': { plural: 'networkpolicies', namespaced: true },
}

/**
 * The path of a kind (`apps/v1/Deployment`): of one object if `name` is given, else of all in the namespace, or in the whole
 * cluster without one. Names are escaped.
 */
export function pathOf(kind: string, namespace?: string, name?: string, sub?: string): string {
  const known = plurals[kind]
  if (!known) throw new Error(`no path is known for ${kind}`)
  const group = kind.slice(0, kind.lastIndexOf('/'))
  return [
    group === 'v1' ? '/api/v1' : `/apis/${group}`,
    ...(known.namespaced && namespace !== undefined ? ['namespaces', encodeURIComponent(namespace)] : []),
    known.plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
    ...(sub === undefined ? [] : [sub]),
  ].join('/')
}

/** The path of an object, from its own fields. */
export function pathOfObject(object: KubeObject): string {
  const name = object.metadata?.name
  if (name === undefined) throw new Error(`a ${object.kind ?? 'object'} without a name`)
  return pathOf(`${object.apiVersion}/${object.kind}`, object.metadata?.namespace, name)
}
