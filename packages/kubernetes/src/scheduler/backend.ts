// What do the parts of the Kubernetes scheduler share?
import type { Kube } from '../client/client.ts'
import type { Node, Pod } from '../client/objects.ts'
import type { Credentials } from '@deis/ports/registry'
import type { Cluster } from './cluster.ts'
import type { PodLogs } from './logs/logs.ts'
import type { NetworkSettings } from './manifests/network.ts'
import type { Level } from './manifests/security.ts'
import type { Remembered } from './remember.ts'
import type { PodSettings } from './manifests/template.ts'

export type KubernetesOptions = {
  readonly kube: Kube
  /** Bounded log files of pods. */
  readonly folder: string
  /** How long a pod goes on serving after it was told to end, so that routers and kube-proxy can turn away (preStop). */
  readonly drainSeconds: number
  /** KUBERNETES_NAMESPACE_DEFAULT_QUOTA_SPEC, parsed; null: none. */
  readonly quota: Readonly<Record<string, unknown>> | null
  /** DEIS_REGISTRY_SECRET_PREFIX */
  readonly secretPrefix: string
  /** Credentials of the platform's own registry by host, for pull secrets of built images. */
  readonly registryCredentials: Readonly<Record<string, Credentials>>
  readonly routing: 'router' | 'ingress'
  readonly ingressClass: string | null
  readonly platformDomain: string
  readonly network: NetworkSettings
  /** The strictest Pod Security that namespaces of apps are to enforce. */
  readonly podSecurity: Level
  /** This installation among several on the cluster: what carries another one's is left alone. */
  readonly platform: string
  /** This controller among several; one-off pods carry it. */
  readonly instance: string
  /** Whether a controller still lives: what a dead one left is cleaned up. */
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
  /** Of the server, as it was at the start. */
  readonly version: string
  readonly pods: PodSettings
  /** Whether autoscalers have something to go by. */
  readonly measured: Remembered<boolean>
  /** Of all nodes, for how many pods are to start at once. */
  readonly nodes: Remembered<readonly Node[]>
  /** Names of secrets for pods that are only about to be made. */
  readonly inUse: Set<string>
}

export const nameOf = (object: { readonly metadata?: { readonly name?: string } }): string =>
  object.metadata?.name ?? ''

/** The ReplicaSet or whatever else makes another pod when this one goes. */
export const ownerOf = (pod: Pod): string | undefined =>
  pod.metadata?.ownerReferences?.find((one) => one.controller === true)?.uid
