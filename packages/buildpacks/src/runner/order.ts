// Which messages do the controller and its runner in a build's pod exchange?
import { type Static, Type } from 'typebox'

/** In the pod: where everything of a build lies. */
export const workFolder = '/deis'
/** In it: the runner's own program, and the order for a slug. */
export const runnerName = 'runner.mjs'
export const slugOrderName = 'slug.json'
/** In it: the source, as a tar for a slug and unpacked for a Dockerfile. */
export const sourceTarName = 'source.tar'
export const sourceFolderName = 'source'
/** In it: a node for stack images that have none. */
export const nodeName = 'node'
export const slugStateName = 'state'

const Patterns = Type.Union([Type.Array(Type.String()), Type.Null()])

/** What the first container fetches and puts into the work folder. */
export const FetchOrder = Type.Object({
  source: Type.String(),
  /** Into a folder, rather than kept as it comes. */
  unpack: Type.Boolean(),
  /** What of an unpacked source is kept, as project.toml has it; default: all. */
  patterns: Type.Optional(Type.Object({ include: Patterns, exclude: Patterns })),
  /** The cache of the app's last build; null: none. */
  cache: Type.Union([Type.String(), Type.Null()]),
  /** Text by path in the work folder. */
  files: Type.Record(Type.String(), Type.String()),
})
export type FetchOrder = Static<typeof FetchOrder>

export const SlugOrder = Type.Object({
  id: Type.String(),
  app: Type.String(),
  sha: Type.String(),
  config: Type.Record(Type.String(), Type.String()),
  noCache: Type.Boolean(),
  stack: Type.String(),
  buildpacks: Type.Array(Type.String()),
  /** Which variables of the container's own environment builds get as well. */
  passEnv: Type.Array(Type.String()),
  timeoutSeconds: Type.Number(),
  maxCacheBytes: Type.Number(),
  /** Where results go, in this order: each takes one PUT. */
  outcome: Type.String(),
  slug: Type.String(),
  /** Empty: it stays where it is, in a volume. */
  cache: Type.String(),
})
export type SlugOrder = Static<typeof SlugOrder>

export const Outcome = Type.Object({
  /** Null: built. */
  failure: Type.Union([
    Type.Object({ message: Type.String(), exitCode: Type.Union([Type.Integer(), Type.Null()]) }),
    Type.Null(),
  ]),
  processes: Type.Record(Type.String(), Type.String()),
  /** What becomes of the cache that the controller keeps: `sent` follows the slug. */
  cache: Type.Union([Type.Literal('kept'), Type.Literal('sent'), Type.Literal('dropped')]),
})
export type Outcome = Static<typeof Outcome>

export const outcomeLimit = 2 * 2 ** 20
