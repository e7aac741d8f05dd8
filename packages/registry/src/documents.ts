// What are the JSON documents of an image, in Docker's and in the OCI's format?
import { type Static, type TSchema, Type } from 'typebox'
import { Check } from 'typebox/value'
import { BadContent } from './failure.ts'

export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const

/** All types that the client can read, for the Accept header. */
export const readable = [
  mediaTypes.ociIndex,
  mediaTypes.dockerList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
].join(', ')

export const isIndex = (mediaType: string): boolean =>
  mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList
export const isManifest = (mediaType: string): boolean =>
  mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest
export const isImageConfig = (mediaType: string): boolean =>
  mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig

const Digest = Type.String({ pattern: '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$' })
const orNull = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]))

/** Fields that are not listed here are kept, but not checked. */
export const Descriptor = Type.Object({
  mediaType: Type.String(),
  digest: Digest,
  size: Type.Integer({ minimum: 0 }),
})
export type Descriptor = Static<typeof Descriptor>

export const Manifest = Type.Object({
  schemaVersion: Type.Literal(2),
  mediaType: Type.Optional(Type.String()),
  config: Descriptor,
  layers: Type.Array(Descriptor),
})
export type Manifest = Static<typeof Manifest>

export const Platform = Type.Object({
  os: Type.String(),
  architecture: Type.String(),
  variant: Type.Optional(Type.String()),
})
export type Platform = Static<typeof Platform>

export const Index = Type.Object({
  schemaVersion: Type.Literal(2),
  mediaType: Type.Optional(Type.String()),
  manifests: Type.Array(Type.Intersect([Descriptor, Type.Object({ platform: orNull(Platform) })])),
})
export type Index = Static<typeof Index>

export const ImageConfig = Type.Object({
  os: Type.Optional(Type.String()),
  architecture: Type.Optional(Type.String()),
  variant: orNull(Type.String()),
  config: orNull(
    Type.Object({
      ExposedPorts: orNull(Type.Record(Type.String(), Type.Unknown())),
      Env: orNull(Type.Array(Type.String())),
      Entrypoint: orNull(Type.Array(Type.String())),
      Cmd: orNull(Type.Array(Type.String())),
      User: orNull(Type.String()),
      WorkingDir: orNull(Type.String()),
      Labels: orNull(Type.Record(Type.String(), Type.String())),
      OnBuild: orNull(Type.Array(Type.String())),
    }),
  ),
  rootfs: Type.Object({ type: Type.String(), diff_ids: Type.Array(Digest) }),
  history: orNull(Type.Array(Type.Object({}))),
})
export type ImageConfig = Static<typeof ImageConfig>

export const TagList = Type.Object({ tags: orNull(Type.Array(Type.String())) })

/** @throws BadContent */
export function readDocument<T extends TSchema>(schema: T, bytes: Buffer, what: string): Static<T> {
  let found: unknown
  try {
    found = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new BadContent(`${what} is not JSON`)
  }
  if (!Check(schema, found)) throw new BadContent(`${what} is invalid`)
  return found
}
