// What do the labels of an image of Cloud Native Buildpacks say, and can the platform build with it?
import { type Static, Type } from 'typebox'
import { BuildFailure } from '@deis/ports/builder'
import type { ImageFacts } from '@deis/ports/registry'
import { labelDocument } from './document.ts'
import { pinned } from './reference.ts'

export type BuildpackId = { readonly id: string; readonly version: string }

export type BuilderFacts = {
  /** As it was asked for. */
  readonly name: string
  /** With its digest: all steps run in the same one. */
  readonly image: string
  /** The Platform API that it and the platform have in common. */
  readonly api: string
  readonly uid: number
  readonly gid: number
  /** The image that apps are based on, and where else it is. */
  readonly runImage: { readonly image: string; readonly mirrors: readonly string[] }
  readonly buildpacks: readonly BuildpackId[]
  /** The groups that are tried, in their order. */
  readonly order: readonly (readonly (BuildpackId & { readonly optional: boolean })[])[]
}

/**
 * The Platform APIs that the platform speaks, the first that a builder has. 0.13 has all that is needed and saves a step a look
 * at the registry; 0.12 has no registries in plain HTTP.
 */
export const platformApis = ['0.13', '0.12', '0.14', '0.15'] as const

const Word = Type.String({ maxLength: 512 })
const Words = Type.Array(Word, { maxItems: 100 })
const Nothing = Type.Null()
const Versions = Type.Object({
  deprecated: Type.Optional(Type.Union([Words, Nothing])),
  supported: Type.Optional(Type.Union([Words, Nothing])),
})
const RunImage = Type.Object({ image: Word, mirrors: Type.Optional(Type.Union([Words, Nothing])) })
const list = <T extends Parameters<typeof Type.Array>[0]>(schema: T) =>
  Type.Optional(Type.Union([Type.Array(schema, { maxItems: 2000 }), Nothing]))

const Metadata = Type.Object({
  buildpacks: list(Type.Object({ id: Word, version: Type.Optional(Word) })),
  images: list(RunImage),
  stack: Type.Optional(Type.Object({ runImage: Type.Optional(RunImage) })),
  lifecycle: Type.Object({
    api: Type.Optional(Type.Object({ platform: Type.Optional(Word) })),
    apis: Type.Optional(Type.Union([Type.Object({ platform: Type.Optional(Versions) }), Nothing])),
  }),
})
const Order = Type.Array(
  Type.Object({
    group: Type.Array(
      Type.Object({ id: Word, version: Type.Optional(Word), optional: Type.Optional(Type.Boolean()) }),
      { maxItems: 200 },
    ),
  }),
  { maxItems: 200 },
)

function platformApisOf({ lifecycle: { api, apis } }: Static<typeof Metadata>): readonly string[] {
  const listed = [...(apis?.platform?.deprecated ?? []), ...(apis?.platform?.supported ?? [])]
  return listed.length > 0 || api?.platform === undefined ? listed : [api.platform]
}

function idOf(env: readonly string[], name: string): number | null {
  const text = env.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null
}

/** @throws BuildFailure that says why the platform cannot build with it. */
export function builderFacts(name: string, { digest, env, labels }: ImageFacts): BuilderFacts {
  const refuse = (why: string): never => {
    throw new BuildFailure(`The platform cannot build with the builder ${name}: ${why}.`)
  }
  const metadata = labelDocument(labels, 'io.buildpacks.builder.metadata', Metadata)
  if (metadata === null) return refuse('it is not an image of Cloud Native Buildpacks that can be read')
  const theirs = platformApisOf(metadata)
  const api = platformApis.find((one) => theirs.includes(one))
  if (api === undefined)
    return refuse(
      `it has the Platform APIs ${theirs.join(', ') || '(none)'}, and the platform has ${platformApis.join(', ')}`,
    )
  const uid = idOf(env, 'CNB_USER_ID')
  const gid = idOf(env, 'CNB_GROUP_ID')
  if (uid === null || gid === null)
    return refuse('its environment does not name the user and group of builds, CNB_USER_ID and CNB_GROUP_ID')
  const runImage = metadata.images?.[0] ?? metadata.stack?.runImage
  if (runImage === undefined || runImage.image === '') return refuse('it names no image for apps to run on')
  if ((labelDocument(labels, 'io.buildpacks.buildpack.order-extensions', Type.Array(Type.Unknown())) ?? []).length > 0)
    return refuse('it has image extensions, which the platform does not run')
  const order = labelDocument(labels, 'io.buildpacks.buildpack.order', Order) ?? []
  return {
    name,
    image: pinned(name, digest),
    api,
    uid,
    gid,
    runImage: { image: runImage.image, mirrors: runImage.mirrors ?? [] },
    buildpacks: (metadata.buildpacks ?? []).map(({ id, version = '' }) => ({ id, version })),
    order: order.map(({ group }) => group.map(({ id, version = '', optional = false }) => ({ id, version, optional }))),
  }
}
