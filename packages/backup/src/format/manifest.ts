// What does a backup say of itself, and which files may it contain?
import { appIdPattern, DeisError } from '@deis/types'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'

export const manifestName = 'manifest.json'
const newestFormat = 2
export const longestManifest = 64 * 2 ** 20
/** Of all files together; more is damage or an attack. */
const mostBytes = 2 ** 46

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Text = Type.String({ maxLength: 10_000 })

const Repository = Type.Object({
  /** What clones check out. */
  head: Text,
  refs: Count,
  /** Where a shallow history ends, as git's file `shallow` has it; empty: it is complete. */
  shallow: Type.String({ maxLength: 2 ** 20 }),
})

const App = Type.Object({
  uuid: Text,
  id: Text,
  releases: Count,
  /** Of the newest release that did not fail. */
  version: Type.Union([Count, Type.Null()]),
  /** What that one runs: a slug by digest or an image; null: it has no build. */
  artifact: Type.Union([Text, Type.Null()]),
  repository: Type.Union([Repository, Type.Null()]),
})

const Entry = Type.Object({ path: Text, sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }), bytes: Count })

const Digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' })

/** An image of the registry that the platform runs: its manifest and its blobs are files. */
const RegistryImage = Type.Object({
  reference: Text,
  mediaType: Text,
  os: Text,
  architecture: Text,
  digest: Digest,
  blobs: Type.Array(Type.Object({ digest: Digest, size: Count }), { maxItems: 10_000 }),
})
export type RegistryImage = Static<typeof RegistryImage>

export const Manifest = Type.Object({
  /** 2: with what a version that knows only 1 could not restore. */
  format: Type.Union([Type.Literal(1), Type.Literal(2)]),
  /** The version of Deis that made it. */
  platform: Text,
  createdAt: Text,
  host: Text,
  scheduler: Text,
  database: Type.Union([Type.Literal('sqlite'), Type.Literal('postgresql')]),
  /** Names of the migrations that the database has. */
  schema: Type.Array(Text, { maxItems: 10_000 }),
  /** Rows by table. */
  tables: Type.Record(Text, Count),
  apps: Type.Array(App, { maxItems: 1_000_000 }),
  /** Ids of those that were saved from a Docker Engine. */
  images: Type.Optional(Type.Array(Text, { maxItems: 1_000_000 })),
  registry: Type.Optional(Type.Array(RegistryImage, { maxItems: 100_000 })),
  /** In the order in which they follow. */
  files: Type.Array(Entry, { maxItems: 1_000_000 }),
  /** What the platform had and this backup has not, in words. */
  leftOut: Type.Array(Text, { maxItems: 100 }),
})
export type Manifest = Static<typeof Manifest>
export type ManifestApp = Manifest['apps'][number]
export type ManifestFile = Manifest['files'][number]

export const databaseFile = { sqlite: 'database.sqlite', postgresql: 'database.rows' } as const
export const imagesFile = 'images/engine.tar'
/** Of an image's parts, by their digests. */
export const blobFile = (digest: string): string => `blobs/${digest.slice('sha256:'.length)}`
export const bundleOf = (app: string): string => `repos/${app}.bundle`

const bundle = /^repos\/(.+)\.bundle$/
const plain =
  /^(database\.(sqlite|rows)|keys\/[A-Za-z0-9_][A-Za-z0-9._-]{0,63}|slugs\/[0-9a-f]{64}\.tgz|images\/engine\.tar|blobs\/[0-9a-f]{64})$/

/** Whether a file of this path may be in a backup: nothing else is ever written by unpacking one. */
function isPathOfBackup(path: string): boolean {
  const app = bundle.exec(path)?.[1]
  return app === undefined ? plain.test(path) : appIdPattern.test(app)
}

const damaged = (why: string): DeisError => new DeisError('invalid', `The backup is damaged: ${why}.`)

/** @throws DeisError when it is not one, or of a newer version. */
export function readManifest(text: string): Manifest {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new DeisError('invalid', `The backup is damaged: ${manifestName} is not JSON.`, { cause: error })
  }
  const format = (parsed as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format > newestFormat)
    throw new DeisError(
      'invalid',
      `This backup has format ${format}, and this version of Deis knows formats up to ${newestFormat}.`,
      {
        hint: 'Use the version of Deis that made it, or a newer one.',
      },
    )
  if (!Check(Manifest, parsed)) throw damaged(`${manifestName} does not have the form that it must have`)
  const paths = new Set<string>()
  let bytes = 0
  for (const file of parsed.files) {
    if (!isPathOfBackup(file.path)) throw damaged(`it lists the file ${JSON.stringify(file.path)}`)
    if (paths.has(file.path)) throw damaged(`it lists ${JSON.stringify(file.path)} twice`)
    paths.add(file.path)
    bytes += file.bytes
  }
  if (bytes > mostBytes) throw damaged(`its files are said to have ${bytes} bytes`)
  if (!paths.has(databaseFile[parsed.database])) throw damaged('it has no database')
  return parsed
}

export const bytesOf = (files: readonly ManifestFile[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0)
