// What does the controller ask of the builder, which turns source code into an artifact (docs/architecture.md)?
import type { Readable } from 'node:stream'
import type { Check, SbomFormat } from '@deis/types'
import type { Submodule } from '@deis/lib/git-tree/measure'
import type { Credentials, ImageFacts, ImagePlatform, StoredImage } from './registry.ts'
import type { Artifact } from './scheduler.ts'

export type BuildRequest = {
  /** The build's uuid. */
  readonly id: string
  readonly app: string
  /** Full commit id. */
  readonly sha: string
  /** The app's config. External buildpacks get it only as files in ENV_DIR (docs/contract/build-and-route.md §2.1), built-in ones as environment. */
  readonly config: Readonly<Record<string, string>>
  /** Other repositories' commits that the tree refers to; default: none. */
  readonly submodules?: readonly Submodule[]
  /** The commit's tree as an uncompressed tar; each call gives all of it. */
  source(): Readable
  readonly noCache: boolean
  /** The image of Cloud Native Buildpacks to build with; default: the platform's. */
  readonly builder?: string
  /** Ids of buildpacks of that image, in their order, `id` or `id@version`; default: those that detect. */
  readonly buildpacks?: readonly string[]
  /** The image that the app runs, by reference: its layers are used again where they are the same. */
  readonly previous?: string
  /**
   * Gets what deletes the files of a build that succeeded, to be called when the app runs: a file system that has just deleted
   * many files makes new ones slowly. Default: they are deleted before the build ends.
   */
  readonly later?: (discard: () => Promise<void>) => void
}

export type BuildResult = {
  readonly artifact: Artifact
  /** The Procfile's types, or the buildpack's defaults if there is no Procfile; may be empty. */
  readonly processes: Readonly<Record<string, string>>
  /** Whether a Dockerfile was built. */
  readonly dockerfile: boolean
  /** The first port that the image exposes; null: none, or not an image. */
  readonly port: number | null
  /** Of an image that Cloud Native Buildpacks made. */
  readonly cnb?: CnbFacts
}

/** What an image of Cloud Native Buildpacks was made of. */
export type CnbFacts = {
  /** The builder image, as it was asked for. */
  readonly builder: string
  /** The name under which newer run images are found. */
  readonly runImage: string
  /** Which of them it was, `host/name@sha256:…`. */
  readonly runReference: string
  /** In the order in which they ran. */
  readonly buildpacks: readonly { readonly id: string; readonly version: string }[]
  /** Process types that the image itself does not have, or not so: their commands are those of the Procfile. Default: none. */
  readonly procfileTypes?: readonly string[]
}

/** An image that Cloud Native Buildpacks made is to get another run image under its layers. */
export type RebaseRequest = {
  /** The uuid of the build that it becomes. */
  readonly id: string
  readonly app: string
  /** Of the build that it was. */
  readonly sha: string
  /** The image that the app runs, by digest. */
  readonly image: string
  /** The name of the run image, and credentials for its registry. */
  readonly runImage: string
  readonly credentials: Credentials | null
}

export type Rebased = { readonly reference: string; /** The run image by digest. */ readonly runReference: string }

export type SbomRequest = {
  /** By digest. */
  readonly image: string
  readonly format: SbomFormat
  readonly buildpacks: CnbFacts['buildpacks']
}

/** One document of a software bill of materials. */
export type SbomDocument = {
  /** The id of the buildpack that wrote it. */
  readonly buildpack: string
  /** Of that buildpack; null: it is about all that it made. */
  readonly layer: string | null
  /** JSON. */
  readonly text: string
}

/** How images that run here leave for another installation, and come from one, as they are. */
export type ImageTransfer = {
  /** Of what can run here. */
  readonly platform: ImagePlatform
  /**
   * Gives an image by its reference, or by its id where only the engine has it, for as long as `use` runs.
   * @throws ImageError, or an error of the backend, with what to do; what `use` throws
   */
  read<T>(reference: string, use: (image: StoredImage) => Promise<T>, signal: AbortSignal): Promise<T>
  /** Stores an image for an app, with which it is deleted (`forget`). @throws as `read` */
  write(app: string, image: StoredImage, signal: AbortSignal): Promise<ImageFacts>
}

/** A build that failed; `message` is one line for the user, the output has the rest. */
export class BuildFailure extends Error {
  readonly exitCode: number | null
  constructor(message: string, exitCode: number | null = null, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BuildFailure'
    this.exitCode = exitCode
  }
}

export type Builder = {
  readonly name: string
  /** Whether it builds with Cloud Native Buildpacks, so that an app may choose its builder. Default: it does not. */
  readonly cnb?: boolean
  /** Source is on its way: a build may be asked for soon. */
  expect(): void
  /**
   * Builds; `output` gets text as it comes, whole lines or parts of lines, without cursor codes.
   * @throws BuildFailure if the source cannot be built; the signal's reason if cancelled. Nothing keeps running then.
   */
  build(request: BuildRequest, output: (text: string) => void, signal: AbortSignal): Promise<BuildResult>
  /**
   * Puts another run image under an image; null: it is there already. Only where `cnb` is.
   * @throws BuildFailure that says why it cannot be; ImageError
   */
  rebase?(request: RebaseRequest, signal: AbortSignal): Promise<Rebased | null>
  /**
   * The software bill of materials that is in an image; empty: none in this format. Only where `cnb` is.
   * @throws BuildFailure when it is invalid or too large; ImageError
   */
  sbom?(request: SbomRequest, signal: AbortSignal): Promise<readonly SbomDocument[]>
  /** Default: no images run here. */
  readonly images?: ImageTransfer
  /**
   * Stops builds that a killed controller left running, and deletes what they left. Called at the start and, while there are
   * other controllers, from time to time: builds of live controllers go on.
   */
  recover(): Promise<void>
  /**
   * Deletes all slugs and images of this platform but these, if they are older than an hour: the release of a newer one may not be
   * stored yet. @throws the signal's reason.
   */
  prune(keep: ReadonlySet<string>, signal: AbortSignal): Promise<void>
  /** Deletes what is kept for an app between builds, and these slugs or images of it (digests, references). */
  forget(app: string, artifacts: readonly string[]): Promise<void>
  /** Lines for `deis doctor`: toolchains found. */
  checks(): Promise<readonly Check[]>
}
