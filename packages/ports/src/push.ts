// What does a git server hand over when a commit is to be deployed, and what may a user push (docs/architecture.md)?
import type { Readable } from 'node:stream'
import type { Submodule } from '@deis/lib/git-tree/measure'

/** One push whose commit is to be built and deployed; the ref moves only when `deploy` resolves. */
export type Push = {
  readonly app: string
  readonly username: string
  /** Where the user is; null: gone by now. */
  readonly address: string | null
  /** Full commit id; the objects are readable through `source` only, they are still in quarantine. */
  readonly sha: string
  readonly ref: string
  /** The commit's tree as an uncompressed tar; a failure of git is an error of the stream. */
  source(): Readable
  /** Submodules that the commit refers to. */
  readonly submodules: readonly Submodule[]
  /** Fetches those that are allowed; null: there are none, or none are allowed. @throws Error whose message is for the user */
  readonly withSubmodules: ((log: (text: string) => void, signal: AbortSignal) => Promise<WholeSource>) | null
  /** What the user gave with `git push -o`. */
  readonly options: readonly string[]
  /** Shown to the pushing user; whole lines or parts of them. */
  output(text: string): void
  /** Aborted when the push must end: the platform stops, the app is destroyed, git was killed. */
  readonly signal: AbortSignal
  /** Resolved when the next push of the app may begin. */
  readonly ended: Promise<void>
}

/** A source with the files of its submodules. */
export type WholeSource = {
  source(): Readable
  /** Those that were not fetched. */
  readonly submodules: readonly Submodule[]
  /** To be called when the build has ended. */
  close(): Promise<void>
}

/** `busy`: not now, because the app is getting another name. */
export type Permission = 'ok' | 'no app' | 'forbidden' | 'busy'
