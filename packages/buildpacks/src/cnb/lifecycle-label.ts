// What does a built image say about its layers, in the label of the lifecycle?
import { type Static, Type } from 'typebox'
import { labelDocument } from './document.ts'

export const lifecycleLabel = 'io.buildpacks.lifecycle.metadata'

const Word = Type.String({ maxLength: 512 })
const Text = Type.String({ maxLength: 65_536 })
const orNull = <T extends Parameters<typeof Type.Array>[0]>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]))

const Layer = Type.Object({ sha: Word })
const RunImage = Type.Object({
  topLayer: Type.Optional(Word),
  reference: Text,
  image: Type.Optional(Word),
  mirrors: orNull(Type.Array(Word, { maxItems: 100 })),
})
const Metadata = Type.Object({
  runImage: RunImage,
  app: orNull(Type.Array(Layer, { maxItems: 1000 })),
  sbom: orNull(Layer),
  config: orNull(Layer),
  launcher: orNull(Layer),
  'process-types': orNull(Layer),
  buildpacks: orNull(
    Type.Array(Type.Object({ layers: orNull(Type.Record(Type.String(), Type.Object({ sha: Type.Optional(Word) }))) }), {
      maxItems: 1000,
    }),
  ),
})
/** Fields that are not named here are kept. */
export type LifecycleMetadata = Static<typeof Metadata>

/** Null: the image has no such label, or one that cannot be read. */
export const lifecycleMetadata = (labels: Readonly<Record<string, string>>): LifecycleMetadata | null =>
  labelDocument(labels, lifecycleLabel, Metadata)

/** The digests of all layers that the build added. */
export function ownLayers(metadata: LifecycleMetadata): ReadonlySet<string> {
  const { app, sbom, config, launcher, buildpacks } = metadata
  const single = [sbom, config, launcher, metadata['process-types']].flatMap((layer) => layer?.sha ?? [])
  const ofBuildpacks = (buildpacks ?? []).flatMap(({ layers }) =>
    Object.values(layers ?? {}).flatMap(({ sha }) => sha ?? []),
  )
  return new Set([...single, ...(app ?? []).map(({ sha }) => sha), ...ofBuildpacks])
}
