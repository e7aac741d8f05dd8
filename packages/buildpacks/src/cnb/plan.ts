// In which steps do Cloud Native Buildpacks make an image, and what may each of them see?
import { stringify } from 'smol-toml'
import { BuildFailure, type BuildRequest } from '@deis/ports/builder'
import type { BuilderFacts } from './builder-facts.ts'
import { orderFile } from './order.ts'
import { platformEnv, platformsOwn } from './platform-env.ts'
import type { Project } from './project-toml.ts'
import { hostOf, mirrored } from './reference.ts'

export type Phase = 'analyze' | 'detect' | 'restore' | 'build' | 'export'
export type Volume = 'layers' | 'workspace' | 'platform' | 'cache'

/** Where each volume is, in every step that has it. */
export const folders: Readonly<Record<Volume, string>> = {
  layers: '/layers',
  workspace: '/workspace',
  platform: '/platform',
  cache: '/cache',
}

export type Step = {
  readonly phase: Phase
  readonly image: string
  /** The program and its arguments; the image's own entry point does not count. */
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
  readonly mounts: readonly Volume[]
  /** Whether it gets CNB_REGISTRY_AUTH. */
  readonly credentials: boolean
  /** `build`: where package registries are; `registry`: where images are. */
  readonly network: 'none' | 'build' | 'registry'
}

export type CnbPlan = {
  /** Of every step, and of every file: never root. */
  readonly uid: number
  readonly gid: number
  readonly steps: readonly Step[]
  /** Texts by path, as they are, for before the first step. */
  readonly files: Readonly<Record<string, string>>
  /** Where the last step leaves its report (report.ts). */
  readonly report: string
  /** What is made, `host/name:tag`. */
  readonly image: string
  /** The name of the run image by which newer ones are found. */
  readonly runImage: string
  /** Names of config that builds do not get, which users are told. */
  readonly kept: readonly string[]
}

export type PlanRequest = Pick<BuildRequest, 'app' | 'sha' | 'config' | 'noCache' | 'buildpacks' | 'previous'> & {
  /** `host/name:tag` */
  readonly image: string
  readonly project: Project | null
}

export type PlanSettings = {
  /** Where the phases that have credentials run; null: in the builder's own image. */
  readonly lifecycleImage: string | null
  /** Registries in plain HTTP, and mirrors by host. */
  readonly insecure: readonly string[]
  readonly mirrors: Readonly<Record<string, string>>
  /** Further variables of builds: proxies, package registries. */
  readonly env: Readonly<Record<string, string>>
  /** What is kept between builds: an image of the registry, or the folder of the volume `cache`; null: nothing. */
  readonly cache: { readonly image: string } | 'volume' | null
  /** Default: in the volume `layers`. */
  readonly report?: string
}

// Lookups of clouds' own credentials try the network.
const noCloudLookups = {
  CNB_REGISTRY_AUTH_KEYCHAIN_SKIP_AMAZON: 'true',
  CNB_REGISTRY_AUTH_KEYCHAIN_SKIP_AZURE: 'true',
}

/** Hosts that every lifecycle tries in plain HTTP by itself. */
const isTriedInPlainHttp = (host: string): boolean =>
  /^(localhost|127\.0\.0\.1|\[::1\]|10(\.\d+){3}|192\.168(\.\d+){2}|172\.(1[6-9]|2\d|3[01])(\.\d+){2})(:\d+)?$/.test(
    host,
  )

/** The one on the registry that the app's image goes to needs no copy of its layers; then a mirror of the platform's. */
function runImageOf({ runImage: { image, mirrors } }: BuilderFacts, target: string, settings: PlanSettings): string {
  const near = [image, ...mirrors].find((one) => hostOf(one) === hostOf(target))
  return near ?? mirrored(image, settings.mirrors)
}

/** @throws BuildFailure */
function insecureFlags(
  { name, api }: BuilderFacts,
  { insecure }: PlanSettings,
  images: readonly string[],
): readonly string[] {
  const hosts = [...new Set(images.map(hostOf))].filter((host) => insecure.includes(host))
  if (api !== '0.12') return hosts.flatMap((host) => ['-insecure-registry', host])
  const unreachable = hosts.find((host) => !isTriedInPlainHttp(host))
  if (unreachable !== undefined)
    throw new BuildFailure(
      `The builder ${name} is too old for the registry ${unreachable}, which is reached by plain HTTP: it has Platform API 0.12, and 0.13 is needed.`,
    )
  return []
}

function projectMetadata({ app, sha }: PlanRequest): string {
  return stringify({
    source: { type: 'git', version: { commit: sha }, metadata: { repository: `git:${app}`, revision: sha } },
  })
}

/** Pure: two executors carry it out. @throws BuildFailure */
export function cnbPlan(facts: BuilderFacts, request: PlanRequest, settings: PlanSettings): CnbPlan {
  const { api, uid, gid, image: builder } = facts
  const { image, noCache, previous, project, config } = request
  const { cache, lifecycleImage, report = `${folders.layers}/report.toml` } = settings
  const runImage = runImageOf(facts, image, settings)
  const cacheImage = cache === null || cache === 'volume' ? null : cache.image
  const cacheFlags =
    cacheImage === null ? (cache === null ? [] : ['-cache-dir', folders.cache]) : ['-cache-image', cacheImage]
  const insecure = insecureFlags(facts, settings, [image, runImage, ...(cacheImage === null ? [] : [cacheImage])])
  const own = platformsOwn(settings.env)
  const { values, kept } = platformEnv(config, own.buildpacks, project?.env ?? {})
  const order = orderFile(facts, request.buildpacks, project)
  const layers = ['-no-color', '-layers', folders.layers]
  const app = ['-no-color', '-app', folders.workspace, '-layers', folders.layers]
  const skipped = noCache ? ['-skip-layers'] : []
  // A lifecycle reuses layers of the same registry only.
  const reused = previous !== undefined && !noCache && hostOf(previous) === hostOf(image)
  const restoresFromRegistry = cacheImage !== null || api === '0.14' || api === '0.15'
  const cacheMount: readonly Volume[] = cache === 'volume' ? ['cache'] : []

  const env = { ...own.phases, CNB_PLATFORM_API: api }
  /** A phase that runs nothing of the user's or of a buildpack's. */
  const registryStep = (phase: Phase, program: string, args: readonly string[], mounts: readonly Volume[]): Step => ({
    phase,
    image: lifecycleImage ?? builder,
    command: [`/cnb/lifecycle/${program}`, ...args],
    // The image of the lifecycle alone does not name the user.
    env: { ...env, ...noCloudLookups, CNB_USER_ID: String(uid), CNB_GROUP_ID: String(gid) },
    mounts,
    credentials: true,
    network: 'registry',
  })
  const buildpackStep = (phase: Phase, program: string): Step => ({
    phase,
    image: builder,
    command: [`/cnb/lifecycle/${program}`, ...app, '-platform', folders.platform],
    env,
    mounts: ['layers', 'workspace', 'platform'],
    credentials: false,
    network: 'build',
  })
  const restore = registryStep(
    'restore',
    'restorer',
    [...layers, ...cacheFlags, ...skipped, ...(restoresFromRegistry ? insecure : [])],
    ['layers', ...cacheMount],
  )
  return {
    uid,
    gid,
    steps: [
      registryStep(
        'analyze',
        'analyzer',
        [
          ...layers,
          '-run-image',
          runImage,
          ...(cacheImage === null ? [] : ['-cache-image', cacheImage]),
          ...(reused ? ['-previous-image', previous] : []),
          ...skipped,
          ...insecure,
          image,
        ],
        ['layers'],
      ),
      buildpackStep('detect', 'detector'),
      restoresFromRegistry ? restore : { ...restore, credentials: false, network: 'none' },
      buildpackStep('build', 'builder'),
      registryStep(
        'export',
        'exporter',
        [...app, ...cacheFlags, '-report', report, ...insecure, image],
        ['layers', 'workspace', ...cacheMount],
      ),
    ],
    files: {
      ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`${folders.platform}/env/${name}`, value])),
      ...(order === null ? {} : { [`${folders.layers}/order.toml`]: order }),
      [`${folders.layers}/project-metadata.toml`]: projectMetadata(request),
    },
    report,
    image,
    runImage: facts.runImage.image,
    kept,
  }
}
