// What does the controller ask of whatever turns source code into something that runs (docs/architecture.md)?
import type { Readable } from 'node:stream'
import type { Check } from '@deis/types'
import type { Submodule } from '@deis/lib/git-tree/measure'
import type { Artifact } from './scheduler.ts'

export type BuildRequest = {
  /** The build's uuid. */
  readonly id: string
  readonly app: string
  /** Full commit id. */
  readonly sha: string
  /** The app's config: reaches buildpacks from outside as files in ENV_DIR only (docs/contract/build-and-route.md §2.1), the built-in ones as environment. */
  readonly config: Readonly<Record<string, string>>
  /** Other repositories' commits that the tree refers to; default: none. */
  readonly submodules?: readonly Submodule[]
  /** The commit's tree as an uncompressed tar; may be called once. */
  source(): Readable
  readonly noCache: boolean
}

export type BuildResult = {
  readonly artifact: Artifact
  /** The Procfile's types, or the buildpack's defaults where there is no Procfile; may be empty. */
  readonly processes: Readonly<Record<string, string>>
  /** Whether a Dockerfile was built. */
  readonly dockerfile: boolean
  /** The first port that an image exposes; null: none, or no image. */
  readonly port: number | null
}

/** A build that ended without a result; `message` is one line for the user, the output has the rest. */
export class BuildFailure extends Error {
  readonly exitCode: number | null
  constructor(message: string, exitCode: number | null = null) {
    super(message)
    this.name = 'BuildFailure'
    this.exitCode = exitCode
  }
}

export type Builder = {
  readonly name: string
  /**
   * Builds; `output` gets text as it comes, whole lines or parts of lines, no cursor codes.
   * @throws BuildFailure when the source cannot be built; the signal's reason when cancelled. Nothing keeps running then.
   */
  build(request: BuildRequest, output: (text: string) => void, signal: AbortSignal): Promise<BuildResult>
  /** Ends builds that a killed controller left running, and deletes what they left. Called at start and, while other controllers share the work, now and then: builds of one that lives go on. */
  recover(): Promise<void>
  /** Deletes slugs and images of ours other than these that are older than an hour (a younger one may be of a release in the making). */
  prune(keep: ReadonlySet<string>): Promise<void>
  /** Deletes what is kept for an app between builds, and these slugs or images of it (digests, references). */
  forget(app: string, artifacts: readonly string[]): Promise<void>
  /** Lines for `deis doctor`: toolchains found. */
  checks(): Promise<readonly Check[]>
}
