// What does an app's project.toml say about its build?
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { parse } from 'smol-toml'
import { BuildFailure } from '@deis/ports/builder'

export type WantedBuildpack = { readonly id: string; readonly version: string | null; readonly optional: boolean }

export type Project = {
  readonly builder: string | null
  /** Patterns as in .gitignore: what of the source builds get, or do not get. */
  readonly include: readonly string[] | null
  readonly exclude: readonly string[] | null
  /** Null: those that detect. */
  readonly group: readonly WantedBuildpack[] | null
  /** Before and behind every group. */
  readonly pre: readonly WantedBuildpack[]
  readonly post: readonly WantedBuildpack[]
  readonly env: Readonly<Record<string, string>>
  readonly warnings: readonly string[]
}

export const projectFile = 'project.toml'

const Word = Type.String({ maxLength: 1024 })
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema)
const Entry = Type.Object({
  id: optional(Word),
  version: optional(Word),
  uri: optional(Word),
  optional: optional(Type.Boolean()),
  script: optional(Type.Unknown()),
})
type Entry = Static<typeof Entry>
const Group = Type.Array(Entry, { maxItems: 100 })
const Patterns = Type.Array(Word, { maxItems: 1000 })
const Env = Type.Array(Type.Object({ name: Word, value: Type.String() }), { maxItems: 1000 })

const Schema1 = Type.Object({
  build: optional(
    Type.Object({
      include: optional(Patterns),
      exclude: optional(Patterns),
      buildpacks: optional(Group),
      env: optional(Env),
      builder: optional(Word),
    }),
  ),
})
const Phase = optional(Type.Object({ group: optional(Group) }))
const Schema2 = Type.Object({
  io: optional(
    Type.Object({
      buildpacks: optional(
        Type.Object({
          builder: optional(Word),
          include: optional(Patterns),
          exclude: optional(Patterns),
          group: optional(Group),
          pre: Phase,
          post: Phase,
          build: optional(Type.Object({ env: optional(Env) })),
          // An old misspelling that other platforms read, too.
          env: optional(Type.Object({ build: optional(Env) })),
        }),
      ),
    }),
  ),
})

function refuse(why: string): never {
  throw new BuildFailure(`${projectFile}: ${why}.`)
}

function checked<T extends TSchema>(schema: T, value: unknown): Static<T> {
  if (Value.Check(schema, value)) return value
  const [first] = Value.Errors(schema, value)
  return refuse(`${(first?.instancePath ?? '').slice(1).replaceAll('/', '.') || 'the file'} ${first?.message ?? ''}`)
}

/** `name/name[@version]` and `urn:cnb:builder:name/name[@version]` are buildpacks of the builder; nothing else is fetched. */
function buildpackOf({ id, version, uri, script, optional = false }: Entry): WantedBuildpack {
  if (script !== undefined)
    return refuse('an inline buildpack is not run. Use a buildpack of the builder, or add a Dockerfile')
  if (id === undefined && uri === undefined) return refuse('every buildpack needs an id or a uri')
  if (uri !== undefined && version !== undefined) return refuse('a buildpack has either a uri or a version, not both')
  if (uri === undefined) return { id: id ?? '', version: version ?? null, optional }
  const named = /^(?:urn:cnb:builder:)?([a-z0-9][a-z0-9._-]*\/[A-Za-z0-9._/-]+?)(?:@([A-Za-z0-9._+-]+))?$/.exec(uri)
  if (!named || uri.includes('..'))
    return refuse(
      `the buildpack "${uri.slice(0, 200)}" is not fetched: only buildpacks of the builder can be named, such as heroku/nodejs`,
    )
  return { id: named[1] ?? '', version: named[2] ?? null, optional }
}

const groupOf = (entries: readonly Entry[] | undefined): readonly WantedBuildpack[] => (entries ?? []).map(buildpackOf)

function versionOf(document: Record<string, unknown>): { version: string; warnings: string[] } {
  const head = document._
  const version = typeof head === 'object' && head !== null ? (head as Record<string, unknown>)['schema-version'] : null
  if (version === undefined || version === null)
    return { version: '0.1', warnings: [`${projectFile} names no schema-version: it is read as 0.1`] }
  if (version !== '0.1' && version !== '0.2' && version !== '0.3')
    return refuse('the schema-version must be "0.1", "0.2" or "0.3"')
  return { version, warnings: [] }
}

/** @throws BuildFailure that says what is wrong with it. */
export function readProject(text: string): Project {
  let document
  try {
    document = parse(text) as Record<string, unknown>
  } catch (error) {
    return refuse((error as Error).message.split('\n', 1)[0] ?? 'it is not TOML')
  }
  const { version, warnings } = versionOf(document)
  const old = version === '0.1' ? (checked(Schema1, document).build ?? {}) : {}
  const own = version === '0.1' ? {} : (checked(Schema2, document).io?.buildpacks ?? {})
  const include = own.include ?? old.include ?? null
  const exclude = own.exclude ?? old.exclude ?? null
  if (include !== null && exclude !== null) return refuse('it has both include and exclude; keep one of them')
  const group = own.group ?? old.buildpacks
  const env = [...(own.env?.build ?? []), ...(own.build?.env ?? old.env ?? [])]
  return {
    builder: own.builder ?? old.builder ?? null,
    include,
    exclude,
    group: group === undefined || group.length === 0 ? null : groupOf(group),
    pre: groupOf(own.pre?.group),
    post: groupOf(own.post?.group),
    env: Object.fromEntries(env.map(({ name, value }) => [name, value])),
    warnings,
  }
}
