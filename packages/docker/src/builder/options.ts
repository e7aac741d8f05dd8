// What does the builder for Docker need?
import type { Archiver } from '@deis/machine/archive'
import type { BuilderSettings } from '@deis/buildpacks/cnb/choice'
import type { Log } from '@deis/ports/backend'
import type { Credentials, RegistrySettings } from '@deis/ports/registry'
import type { Engine } from '../engine/engine.ts'
import type { BuildKitCache } from './buildkit/cache.ts'
import type { LayerCache } from './layers.ts'
import type { Networks } from '../scheduler/networks.ts'

export type DockerBuilderOptions = {
  readonly engine: Engine
  /** Tells this installation from others on the same engine; a label value. */
  readonly platform: string
  /** Reads archives from outside, in a program of its own. */
  readonly archiver: Archiver
  /** For the builder only: sources of running builds. */
  readonly folder: string
  /** For what is known between builds. */
  readonly stateFolder: string
  /** Bytes of layers of Dockerfiles that are kept for the next builds, of all apps. */
  readonly layerCacheBytes: number
  /** Bytes that the cache of buildpacks of one app may have. */
  readonly buildpackCacheBytes: number
  /** What builds Dockerfiles, where the engine has both. */
  readonly dockerfileBuilder: 'buildkit' | 'classic'
  /** Repositories of images that a Dockerfile may ask to be read by (`# syntax=`). */
  readonly frontends: readonly string[]
  /** An app's own credentials by registry host, for base images. */
  readonly appRegistry: (app: string) => Promise<Readonly<Record<string, Credentials>>>
  /** The operator's. What is built of a Dockerfile may use their credentials, never those of the platform's own registry. */
  readonly registries: RegistrySettings
  /** The registry that the platform runs for images that buildpacks make; or that of the operator. */
  readonly target:
    | { readonly image: string; readonly port: number; readonly password: string }
    | { readonly host: string; readonly organization: string }
  readonly cnb: BuilderSettings
  readonly timeoutSeconds: number
  /** Quantities, as on a cluster. */
  readonly limits: { readonly memory: string; readonly cpu: string }
  /** Networks of apps: a build reaches no other app. */
  readonly networks: Networks
  readonly images: {
    /** In which classic buildpacks run. */
    readonly stack: string
    /** The base image of slugs. */
    readonly run: string
  }
  /** URLs of classic buildpacks that are tried before the built-in ones. */
  readonly buildpacks: readonly string[]
  readonly maxSlugBytes: number
  /** The program that builds inside a container, and the Node.js that runs it; null: that of the stack image. */
  readonly node: string | null
  readonly runnerFile: string
  /** Variables that tools in builds need: proxies, package registries. */
  readonly env: Readonly<Record<string, string>>
  readonly log: Log
}

/** What the builds of one builder share. */
export type BuildingOptions = DockerBuilderOptions & {
  readonly layers: LayerCache
  readonly buildKitCache: BuildKitCache
}

/** Output of tools beyond this is not shown. */
export const maxOutputBytes = 10_000_000
