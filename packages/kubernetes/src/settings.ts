// What does an operator set for apps on a cluster (docs/settings.md)? The controller reads it from its environment.
import type { BuilderSettings } from '@deis/buildpacks/cnb/choice'

export type ClusterSettings = Readonly<{
  routing: 'router' | 'ingress'
  ingressClass: string | null
  ingressIssuer: string | null
  /** Where images of pushed apps go; an empty host: nowhere, pushes are refused. */
  registry: Readonly<{ host: string; organization: string; username: string; password: string }>
  insecureRegistries: readonly string[]
  registryMirrors: Readonly<Record<string, string>>
  secretPrefix: string
  stackImage: string
  runImage: string
  buildahImage: string
  /** An image with node and the platform's own programs; null: stack images bring node along. */
  toolsImage: string | null
  /** Cloud Native Buildpacks; undefined: source without a Dockerfile is built by classic buildpacks on the stack image. */
  cnb?: BuilderSettings
  buildNamespace: string
  buildNodes: Readonly<Record<string, string>>
  buildMemory: string
  buildCpu: string
  buildDisk: string
  /** Tried in this order before the built-in ones. */
  buildpacks: readonly string[]
  /** Where build pods reach this very controller; null: at the address of its own pod. */
  podUrl: string | null
  podIp: string | null
  /** Where the platform itself runs, its routers included; null: outside of the cluster. */
  ownNamespace: string | null
  /** Who may reach apps besides the platform's routers: networks, namespaces, `key=value` labels of namespaces. */
  appSources: readonly string[]
  /** Networks that apps and builds may not reach. */
  egressBlocked: readonly string[]
  /** The strictest Pod Security that namespaces of apps enforce. */
  podSecurity: 'restricted' | 'baseline' | 'privileged'
  quota: Readonly<Record<string, unknown>> | null
  drainSeconds: number
  debug: boolean
}>
