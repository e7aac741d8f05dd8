// What do the parts of the Kubernetes scheduler share?
import type { Kube } from '../client/client.ts'
import type { Node, Pod } from '../client/objects.ts'
import type { Credentials } from '@deis/ports/registry'
import type { Cluster } from './watches.ts'
import type { PodLogs } from './logs/logs.ts'
import type { NetworkSettings } from './manifests/network.ts'
import type { Level } from './manifests/security.ts'
import type { Remembered } from './remember.ts'
import type { PodSettings } from './manifests/template.ts'

export type KubernetesOptions = {
  readonly kube: Kube
  /** Bounded log files of pods. */
  readonly folder: string
  /** How long a pod serves on after its deletion, until routers and kube-proxy send it no more requests (preStop). */
  readonly drainSeconds: number
  /** KUBERNETES_NAMESPACE_DEFAULT_QUOTA_SPEC, parsed; null: none. */
  readonly quota: Readonly<Record<string, unknown>> | null
  /** DEIS_REGISTRY_SECRET_PREFIX */
  readonly secretPrefix: string
  /** Credentials of the platform's own registry by host, for pull secrets of built images. */
  readonly registryCredentials: Readonly<Record<string, Credentials>>
  readonly routing: 'router' | 'ingress'
  readonly ingressClass: string | null
  readonly ingressIssuer: string | null
  readonly platformDomain: string
  readonly network: NetworkSettings
  /** The strictest Pod Security level that namespaces of apps are to enforce. */
  readonly podSecurity: Level
  /** The id of this installation among several on the cluster: objects of others are left alone. */
  readonly platform: string
  /** The id of this controller among several, noted on its one-off pods. */
  readonly instance: string
  /** Whether a controller is still alive: what a dead one left is deleted. */
  readonly alive: (instance: string) => Promise<boolean>
  /** DEIS_DEBUG=1 into pods. */
  readonly debug: boolean
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void
}

export type Backend = {
  readonly options: KubernetesOptions
  readonly kube: Kube
  readonly cluster: Cluster
  readonly logs: PodLogs
  /** Of the server, as read at the start. */
  readonly version: string
  readonly pods: PodSettings
  /** Whether the cluster has the metrics that autoscalers need. */
  readonly measured: Remembered<boolean>
  /** All nodes, to decide how many pods start at once. */
  readonly nodes: Remembered<readonly Node[]>
  /** Names of secrets whose pods are not yet created. */
  readonly inUse: Set<string>
}

export const nameOf = (object: { readonly metadata?: { readonly name?: string } }): string =>
  object.metadata?.name ?? ''

/** The uid of the ReplicaSet, or other controller, that replaces the pod when it goes. */
export const ownerOf = (pod: Pod): string | undefined =>
  pod.metadata?.ownerReferences?.find((one) => one.controller === true)?.uid
