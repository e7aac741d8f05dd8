// What does the controller ask of an image registry? Only its HTTP API: no image is pulled to inspect it.
import type { Readable } from 'node:stream'

export type Credentials = { readonly username: string; readonly password: string }

/** What the config of an image says. */
export type ImageFacts = {
  /** `host/name@sha256:…`, as a container runtime takes it. */
  readonly reference: string
  readonly digest: string
  /** TCP ports of ExposedPorts, lowest first. */
  readonly ports: readonly number[]
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly user: string
  /** `NAME=value` */
  readonly env: readonly string[]
  readonly workingDir: string
  readonly labels: Readonly<Record<string, string>>
  /** Instructions for what is built on it; absent: none. */
  readonly onBuild?: readonly string[]
}

/** An image that cannot be read or written: `message` says why in one line, `hint` what you can do. */
export class ImageError extends Error {
  readonly hint: string
  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ImageError'
    this.hint = hint
  }
}

/** How registries are reached; from the controller's settings. */
export type RegistrySettings = {
  /** Hosts (`host` or `host:port`) that are reached by plain HTTP. */
  readonly insecure: readonly string[]
  /** Registry host → `host[/prefix]` of a mirror, which is asked first. */
  readonly mirrors: Readonly<Record<string, string>>
  /** Credentials by registry host that every app may use: those of the platform's own registry. */
  readonly credentials: Readonly<Record<string, Credentials>>
}

export type LayerChange = {
  /** The image to build on, by any reference. */
  readonly base: string
  /** `host/name` to push to, without tag. */
  readonly target: string
  readonly tag: string
  /** A tar, not compressed; read once. */
  readonly layer: Readable
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly workingDir: string
  /** Null: the base's. */
  readonly user: string | null
  readonly env: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly exposed: readonly number[]
}

/** What one image consists of, as a rule for changing its base needs it. */
export type ImageParts = {
  /** `host/name@sha256:…` of the variant for this platform. */
  readonly reference: string
  readonly os: string
  readonly architecture: string
  /** Empty: none. */
  readonly variant: string
  readonly labels: Readonly<Record<string, string>>
  /** The digests of its layers' tars, lowest first. */
  readonly diffIds: readonly string[]
}

export type BaseChange = {
  /** By digest, in a repository of the platform, where the new image goes. */
  readonly image: string
  /** The new base, by any reference, and credentials for its registry. */
  readonly base: string
  readonly credentials: Credentials | null
  readonly tag: string
  /** How many of the image's layers the base's are put in place of, and all labels of the result; null: it stays as it is. */
  decide(
    image: ImageParts,
    base: ImageParts,
  ): { readonly replaced: number; readonly labels: Readonly<Record<string, string>> } | null
}

/** Where an image runs, in the words of images: `linux`, `amd64`. */
export type ImagePlatform = { readonly os: string; readonly architecture: string }

/** An image as it is stored: a manifest, and blobs that are named by their digests. All of them are of SHA-256. */
export type StoredImage = {
  readonly platform: ImagePlatform
  readonly manifest: { readonly mediaType: string; readonly bytes: Buffer; readonly digest: string }
  /** The config first, then the layers, each once. */
  readonly blobs: readonly { readonly digest: string; readonly size: number }[]
  /** Fails at its end when it is not what its digest says. May be read again. */
  open(digest: string): Readable
}

export type Registry = {
  /** Resolves a tag or digest to an image for `linux/<our architecture>` and reads its config. @throws ImageError */
  inspect(image: string, credentials: Credentials | null, signal: AbortSignal): Promise<ImageFacts>
  /** Adds one layer to an image and pushes the result; layers of the base are mounted or copied. @throws ImageError */
  appendLayer(change: LayerChange, signal: AbortSignal): Promise<ImageFacts>
  /**
   * Puts the layers of another base under an image's own and pushes the result; layers are mounted or copied. Null: it was
   * decided to leave the image as it is. @throws ImageError, and what `decide` throws
   */
  changeBase(change: BaseChange, signal: AbortSignal): Promise<ImageFacts | null>
  /**
   * Reads one layer of an image, named by the digest of its tar, as it is stored: mostly gzipped. Its content is verified when
   * `use` has ended. Null: the image has no such layer. @throws ImageError, also when it has more bytes than `limit`
   */
  readLayer<T>(
    image: string,
    diffId: string,
    limit: number,
    use: (content: Readable) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T | null>
  /**
   * Gives an image as it is stored, for as long as `use` runs: of several variants, that for this platform.
   * @throws ImageError, and what `use` throws
   */
  readStored<T>(image: string, use: (stored: StoredImage) => Promise<T>, signal: AbortSignal): Promise<T>
  /** Pushes an image as it is to `target:tag`; nothing is visible there before all of it is. @throws ImageError */
  writeStored(target: string, tag: string, stored: StoredImage, signal: AbortSignal): Promise<ImageFacts>
  /**
   * Deletes a manifest by `host/name@sha256:…`. Returns whether it was deleted: a missing one is not an error, and neither is
   * a registry that does not delete.
   */
  remove(reference: string, signal: AbortSignal): Promise<boolean>
  /** Digests by tag of one repository of the platform; unknown repository: none. */
  tags(repository: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>>
}
