// What is in the archive of an app that moves to another installation (docs/contract/api.md §3.17)?
import { type Static, Type } from 'typebox'
import { longestHsts, Time } from '@deis/types'

export const formatName = 'deis-app'
/** The second has an image, which platforms that write only the first do not know. */
export const formatVersions = { plain: 1, withImage: 2 } as const

/** The first files of an archive, in this order; only the records are always there. */
export const entryNames = ['records.jsonl', 'history.bundle', 'slug.tgz'] as const
export type EntryName = (typeof entryNames)[number]
export const manifestName = 'manifest.json'

/** Behind them: an OCI image layout, in this order; then its blobs: the manifest, the config and the layers. */
export const imageFolder = 'image'
export const layoutNames = [`${imageFolder}/oci-layout`, `${imageFolder}/index.json`] as const
export const blobName = (digest: string): string => `${imageFolder}/blobs/${digest.replace(':', '/')}`

export const limits = {
  manifestBytes: 128 * 1024,
  /** Of an image: more layers than any engine runs. */
  blobs: 256,
  /** A config of 1 MB may be twice as long as JSON. */
  lineBytes: 4 * 1024 * 1024,
  /** All records are in memory at once. Older releases stay behind when there are more. */
  recordBytes: 32 * 1024 * 1024,
  releases: 10_000,
  /** Of a release. No app has nearly as many, and the next numbers have to be left for those that it makes here. */
  version: 1_000_000,
} as const

const hex = '[0-9a-f]{64}'
const Digest = Type.String({ pattern: `^${hex}$` })
const Text = (maxLength: number) => Type.String({ maxLength })
const Name = Text(300)
const OrNull = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) => Type.Union([schema, Type.Null()])
const Index = Type.Integer({ minimum: 0 })
const Counts = Type.Record(Text(63), Type.Integer({ minimum: 0 }))
const Anything = Type.Record(Type.String(), Type.Unknown())

export const Manifest = Type.Object({
  format: Type.Literal(formatName),
  version: Type.Integer(),
  platform: Name,
  created: Time,
  app: Name,
  /** The domain of the installation that it comes from, and its backend. */
  from: Name,
  scheduler: Name,
  /** `linux-x64`: where the slug was built. */
  machine: Name,
  /** Whether the history has the commit of the current release. */
  commit: Type.Boolean(),
  /** What is in the layout: of the current release. Absent: the archive has no image. */
  image: Type.Optional(
    Type.Object({ digest: Type.String({ pattern: `^sha256:${hex}$` }), os: Text(63), architecture: Text(63) }),
  ),
  files: Type.Array(
    Type.Object({
      name: Type.Union([
        Type.Enum([...entryNames, ...layoutNames]),
        Type.String({ pattern: `^${imageFolder}/blobs/sha256/${hex}$` }),
      ]),
      size: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
      sha256: Digest,
    }),
    { minItems: 1, maxItems: entryNames.length + layoutNames.length + limits.blobs },
  ),
})
export type Manifest = Static<typeof Manifest>

export const AppRecord = Type.Object({
  kind: Type.Literal('app'),
  structure: Counts,
  removed: Counts,
  deployBranch: OrNull(Name),
  maintenance: Type.Boolean(),
  routable: Type.Boolean(),
  whitelist: Type.Array(Name, { maxItems: 10_000 }),
  autoscale: Anything,
  label: Anything,
  builder: OrNull(Name),
  buildpacks: Type.Array(Name, { maxItems: 100 }),
  httpsEnforced: OrNull(Type.Boolean()),
  /** Not in archives of platforms that could not set it. */
  hsts: Type.Optional(OrNull(Type.Integer({ minimum: 1, maximum: longestHsts }))),
  collaborators: Type.Array(Name, { maxItems: 10_000 }),
  domains: Type.Array(Type.Object({ domain: Text(1_000), certificate: OrNull(Name) }), { maxItems: 10_000 }),
})
export type AppRecord = Static<typeof AppRecord>

export const CertRecord = Type.Object({
  kind: Type.Literal('certificate'),
  name: Name,
  certificate: Text(131_072),
  key: Text(32_768),
})
export type CertRecord = Static<typeof CertRecord>

export const ConfigRecord = Type.Object({
  kind: Type.Literal('config'),
  /** How many of its kind were before it; releases name it by that. */
  index: Index,
  owner: Name,
  created: Time,
  values: Anything,
  registry: Anything,
  memory: Anything,
  cpu: Anything,
  tags: Anything,
  healthcheck: Anything,
})
export type ConfigRecord = Static<typeof ConfigRecord>

export const BuildRecord = Type.Object({
  kind: Type.Literal('build'),
  index: Index,
  owner: Name,
  created: Time,
  source: Type.Enum(['git', 'pull']),
  image: Text(1_000),
  reference: OrNull(Text(1_000)),
  sha: Text(200),
  ref: Text(1_000),
  procfile: Type.Record(Text(63), Text(131_072)),
  dockerfile: Text(1_000),
  port: OrNull(Type.Integer({ minimum: 1, maximum: 65_535 })),
  cnb: OrNull(
    Type.Object({
      builder: Text(1_000),
      runImage: Text(1_000),
      runReference: Text(1_000),
      buildpacks: Type.Array(Type.Object({ id: Name, version: Name }), { maxItems: 100 }),
      procfileTypes: Type.Optional(Type.Array(Text(63), { maxItems: 1_000 })),
    }),
  ),
})
export type BuildRecord = Static<typeof BuildRecord>

export const ReleaseRecord = Type.Object({
  kind: Type.Literal('release'),
  version: Type.Integer({ minimum: 1, maximum: limits.version }),
  owner: Name,
  created: Time,
  summary: Text(200_000),
  state: Type.Enum(['deployed', 'failed']),
  exception: OrNull(Text(200_000)),
  config: Index,
  build: OrNull(Index),
})
export type ReleaseRecord = Static<typeof ReleaseRecord>

/** One line of `records.jsonl` each: the app first, and nothing before what it refers to. */
export const records = {
  app: AppRecord,
  certificate: CertRecord,
  config: ConfigRecord,
  build: BuildRecord,
  release: ReleaseRecord,
} as const

export type AppRecords = {
  readonly app: AppRecord
  readonly certificates: readonly CertRecord[]
  readonly configs: readonly ConfigRecord[]
  readonly builds: readonly BuildRecord[]
  /** By version. */
  readonly releases: readonly ReleaseRecord[]
}
