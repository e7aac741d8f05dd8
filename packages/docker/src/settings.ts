// What does an operator set for apps on a Docker Engine (docs/settings.md)? The controller reads it from its environment.
import type { BuilderSettings } from '@deis/buildpacks/cnb/choice'
import type { RegistrySettings } from '@deis/ports/registry'

export type DockerSettings = Readonly<{
  /** `unix:///…` or `tcp://host:port`. */
  host: string
  /** A folder with ca.pem, cert.pem and key.pem for `tcp://`; null: no TLS. */
  certPath: string | null
  /** How long the pull of an image may take. */
  pullSeconds: number
  /** Networks that the networks of apps are cut from. */
  subnets: readonly string[]
  /** How containers are reached; `auto`: as the engine tells. */
  reach: 'auto' | 'bridge' | 'published'
  registries: RegistrySettings
  /** Images that only the engine has may be deployed by their names. */
  localImages: boolean
  /** Where images of buildpacks go: to a registry that the platform runs, or the operator's. */
  target: { readonly image: string; readonly port: number } | { readonly host: string; readonly organization: string }
  cnb: BuilderSettings
  buildLimits: Readonly<{ memory: string; cpu: string }>
  caches: Readonly<{ layerBytes: number; buildpackBytes: number }>
  /** What builds Dockerfiles, where the engine has both. */
  dockerfileBuilder: 'buildkit' | 'classic'
  /** Repositories of images that a Dockerfile may ask to be read by. */
  frontends: readonly string[]
  stackImage: string
  runImage: string
  /** URLs of classic buildpacks that are tried before the built-in ones. */
  buildpacks: readonly string[]
}>
