// Which kind of build does a pushed app get, and with which builder (docs/architecture.md)?
import { BuildFailure, type BuildRequest } from '@deis/ports/builder'

export type Kind = 'dockerfile' | 'classic' | 'cnb'

/** What the operator chose. */
export type BuilderSettings = {
  /** The image of Cloud Native Buildpacks that apps are built with, and others that apps may choose. */
  readonly builder: string
  readonly allowed: readonly string[]
  /** Has the phases alone, for those that have the platform's credentials; null: they run in the builder. */
  readonly lifecycleImage: string | null
  /** How source is built that says nothing else: `classic` where the operator brought a stack image. */
  readonly plain: 'classic' | 'cnb'
}

type Source = { readonly dockerfile: boolean; /** Whether it has a `.buildpacks` file. */ readonly buildpacks: boolean }
type Request = Pick<BuildRequest, 'config' | 'builder' | 'buildpacks'>

/** The first line of a build. */
export const chosen: Readonly<Record<Kind, string>> = {
  dockerfile: 'Building the Dockerfile',
  classic: 'Building with classic buildpacks',
  cnb: 'Building with Cloud Native Buildpacks',
}

/** What the app asks for decides, then its Dockerfile, then what the operator chose. */
export function kindOf(
  source: Source,
  { config, builder, buildpacks = [] }: Request,
  { plain }: Pick<BuilderSettings, 'plain'>,
): Kind {
  if (config.BUILDPACK_URL || source.buildpacks) return 'classic'
  if (builder !== undefined || buildpacks.length > 0) return 'cnb'
  if (source.dockerfile) return 'dockerfile'
  return plain
}

/**
 * The image to build with: the app's own choice, then that of its project.toml, then the platform's. The phases run in it with
 * the platform's credentials, so it is one that the operator named.
 * @throws BuildFailure
 */
export function builderOf(
  chosen: string | undefined,
  project: string | null,
  { builder, allowed }: Pick<BuilderSettings, 'builder' | 'allowed'>,
): string {
  const wanted = chosen ?? project ?? builder
  if (wanted === builder || allowed.includes(wanted)) return wanted
  throw new BuildFailure(
    `The builder ${JSON.stringify(wanted.slice(0, 300))} is not one that this platform allows: ${[...new Set([builder, ...allowed])].join(', ')}. Choose one of these, or ask the operator to allow it.`,
  )
}
