// Does a Dockerfile name images that are not for its app: those of other apps, of which the engine may have copies that it gives
// without asking a registry?
import { BuildFailure } from '@deis/ports/builder'
import { parseReference } from '@deis/registry/reference'
import { hasStatus } from '../engine/error.ts'
import { BuiltImage } from '../engine/objects.ts'
import { appLabel, platformLabel } from '../labels.ts'
import type { DockerBuilderOptions } from './options.ts'
import { referencesOf, UnclearReference } from './references.ts'
import { ownHost } from './registry.ts'

const mostReferences = 200
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[[0:]+1?\])$/

/** Pure: whether an image is in the registry that the platform runs on this port of this machine. */
export function isInOwnRegistry(image: string, port: number): boolean {
  try {
    const { host } = parseReference(image)
    const suffix = `:${port}`
    return host.endsWith(suffix) && loopback.test(host.slice(0, -suffix.length))
  } catch {
    // The id of an image, or nothing that an engine takes.
    return false
  }
}

type Build = {
  readonly options: Pick<DockerBuilderOptions, 'engine' | 'platform' | 'target'>
  readonly app: string
  readonly signal: AbortSignal
}

/** As the engine itself looks an image up, by a part of its id, too. */
async function isOfOther({ options, app, signal }: Build, image: string): Promise<boolean> {
  const { engine, platform, target } = options
  const path = `/images/${encodeURIComponent(image)}/json`
  try {
    const { Config, RepoDigests } = await engine.read(
      `looking for ${image}`,
      BuiltImage,
      { method: 'GET', path },
      signal,
    )
    const labels = Config?.Labels ?? {}
    if (platformLabel in labels || appLabel in labels)
      return labels[platformLabel] !== platform || labels[appLabel] !== app
    // Copies of what buildpacks made: their labels are the buildpacks'.
    const own = 'port' in target ? `${ownHost(target.port)}/` : null
    const names = RepoDigests ?? []
    return own !== null && names.length > 0 && names.every((name) => name.startsWith(own))
  } catch (error) {
    if (hasStatus(error, 400, 404)) return false
    throw error
  }
}

/** @throws BuildFailure */
export async function refuseForeignImages(
  build: Build,
  dockerfile: string,
  args: Readonly<Record<string, string>>,
): Promise<void> {
  const { target } = build.options
  let references: readonly string[]
  try {
    references = referencesOf(dockerfile, args)
  } catch (error) {
    if (!(error instanceof UnclearReference)) throw error
    throw new BuildFailure(`Dockerfile: ${error.message}.`)
  }
  if (references.length > mostReferences) throw new BuildFailure(`Dockerfile names more than ${mostReferences} images.`)
  for (const image of references)
    if (('port' in target && isInOwnRegistry(image, target.port)) || (await isOfOther(build, image)))
      throw new BuildFailure(
        `Dockerfile may not use ${JSON.stringify(image.slice(0, 300))}: images of apps of this platform are not for Dockerfiles. Push what both need to a registry of your own.`,
      )
}
