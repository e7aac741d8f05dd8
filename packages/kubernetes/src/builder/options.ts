// What are the options of the builder on a cluster?
import type { Kube } from '../client/client.ts'
import type { Archiver } from '@deis/machine/archive'
import type { BuilderSettings } from '@deis/buildpacks/cnb/choice'
import type { Credentials, Registry, RegistrySettings } from '@deis/ports/registry'
import type { HandOff } from './handoff.ts'

export type Limits = {
  /** Kubernetes quantities; null: none. */
  readonly memory: string | null
  readonly cpu: string | null
  /** For everything that a build writes. */
  readonly disk: string | null
}

export type Images = {
  /** The image that buildpacks run in. */
  readonly stack: string
  /** The base image of slugs. */
  readonly run: string
  /** Has `buildah` and `sh`. */
  readonly buildah: string
  /** Has `node`, which fetches sources and runs the runner; null: the stack image has one. */
  readonly tools: string | null
}

export type JobBuilderOptions = {
  readonly kube: Kube
  readonly registry: Registry
  /** Reads archives from outside, in a program of its own. */
  readonly archiver: Archiver
  readonly handOff: HandOff
  /** For builds only; created if missing. Default `deis-builds`. */
  readonly namespace?: string
  readonly images: Images
  /** Cloud Native Buildpacks; default: none, and source without a Dockerfile is built by classic buildpacks. */
  readonly cnb?: BuilderSettings
  /** Apps' images are `<host>/<organization>/<app>`. */
  readonly target: { readonly host: string; readonly organization: string }
  /** For that registry; null: it needs none. */
  readonly credentials: Credentials | null
  /** How Dockerfile builds reach registries: those in plain HTTP, and mirrors by registry host (default: none). */
  readonly insecure: RegistrySettings['insecure']
  readonly mirrors?: RegistrySettings['mirrors']
  /** An app's own credentials by registry host: they reach its Dockerfile builds, for base images. */
  readonly appRegistry?: (app: string, signal: AbortSignal) => Promise<Readonly<Record<string, Credentials>>>
  /** Default 1000. */
  readonly runUser?: number
  /** The deadline of a build. */
  readonly timeoutSeconds: number
  /** How long a build may wait for a node, for quota, for its images; default 300. */
  readonly startSeconds?: number
  readonly limits: Limits
  readonly nodeSelector?: Readonly<Record<string, string>>
  /** Networks that builds may not reach, beside the metadata addresses. */
  readonly blocked?: readonly string[]
  /** Variables that tools in builds need: proxies, package registries. */
  readonly env?: Readonly<Record<string, string>>
  /** STACK, default heroku-24. */
  readonly stack?: string
  /** For the builder only: caches of apps, and sources of running builds. */
  readonly cacheFolder: string
  /** A larger cache is not kept; default 2 GB. */
  readonly maxCacheBytes?: number
  /** A larger slug is refused, packed; default 2 GB. */
  readonly maxSlugBytes?: number
  /** Output of tools beyond this is not shown; default 10 MB. */
  readonly maxOutputBytes?: number
  /** The id of this controller; a valid label value. */
  readonly instance: string
  /** Whether another controller is still alive. */
  readonly alive: (instance: string) => Promise<boolean>
  /** URLs of buildpacks that are tried in order, by their detect, before the built-in ones. */
  readonly buildpacks?: readonly string[]
  /** The runner's program, as the build makes it: `dist/builder/runner.js`. */
  readonly runnerFile: string
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void
}

type Optional = 'appRegistry' | 'cnb'
export type Settings = Required<Omit<JobBuilderOptions, Optional>> & Pick<JobBuilderOptions, Optional>

const labelPattern = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/

/** @throws when an option cannot work. */
export function complete(options: JobBuilderOptions): Settings {
  if (!labelPattern.test(options.instance))
    throw new Error(`${JSON.stringify(options.instance)} is not a valid label value, so it cannot be a controller's id`)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return {
    ...options,
    namespace: 'deis-builds',
    runUser: 1000,
    startSeconds: 300,
    nodeSelector: {},
    blocked: [],
    env: {},
    stack: 'heroku-24',
    maxCacheBytes: 2 * 2 ** 30,
    maxSlugBytes: 2 * 2 ** 30,
    maxOutputBytes: 10_000_000,
    buildpacks: [],
    mirrors: {},
    ...given,
  }
}
