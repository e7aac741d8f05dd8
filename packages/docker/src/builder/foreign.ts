// Does a Dockerfile name images that are not for its app: those of other apps, of which the engine may have copies that it gives
// without asking a registry?
import { tagTime } from '@deis/container/image-names'
import { BuildFailure } from '@deis/ports/builder'
import { ImageError } from '@deis/ports/registry'
import { canonicalHost, parseReference } from '@deis/registry/reference'
import { hasStatus } from '../engine/error.ts'
import { BuiltImage } from '../engine/objects.ts'
import { appLabel, platformLabel } from '../labels.ts'
import type { DockerBuilderOptions } from './options.ts'
import { addedReferences, type BaseBuild } from './on-build.ts'
import { basesOf, referencesOf, UnclearReference } from './references.ts'
import { ownHost } from './registry.ts'

const mostReferences = 200
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[[0:]+1?\])$/

/** Null: the id of an image, or nothing that an engine takes. */
function tryParse(image: string): ReturnType<typeof parseReference> | null {
  try {
    return parseReference(image)
  } catch {
    return null
  }
}

/** Pure: whether an image is in the registry that the platform runs on this port of this machine. */
export function isInOwnRegistry(image: string, port: number): boolean {
  const { host = '' } = tryParse(image) ?? {}
  const suffix = `:${port}`
  return host.endsWith(suffix) && loopback.test(host.slice(0, -suffix.length))
}

type Build = BaseBuild & {
  readonly options: BaseBuild['options'] & Pick<DockerBuilderOptions, 'platform' | 'target'>
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

/** In the operator's registry, which the platform's account reads. */
async function isOfOtherThere({ options: { target }, registry, app, signal }: Build, image: string): Promise<boolean> {
  if ('port' in target) return isInOwnRegistry(image, target.port)
  const found = tryParse(image)
  const prefix = target.organization === '' ? '' : `${target.organization}/`
  if (found?.host !== canonicalHost(target.host) || !found.repository.startsWith(prefix)) return false
  const [owner] = found.repository.slice(prefix.length).split('/')
  if (owner === app) return false
  // What is below the platform's own organization is of its apps.
  if (prefix !== '') return true
  const tags = await registry.tags(`${target.host}/${found.repository}`, signal).catch((error: unknown) => {
    if (error instanceof ImageError) return new Map<string, string>()
    throw error
  })
  return [...tags.keys()].some((tag) => tagTime(tag) !== null)
}

/** What is read of a text that may name images in a way that is not understood. @throws BuildFailure */
async function understood<T>(what: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof UnclearReference)) throw error
    throw new BuildFailure(`${what}: ${error.message}.`)
  }
}

/** @throws BuildFailure */
export async function refuseForeignImages(
  build: Build,
  dockerfile: string,
  args: Readonly<Record<string, string>>,
): Promise<void> {
  const refuse = async (what: string, references: readonly string[]): Promise<void> => {
    if (references.length > mostReferences) throw new BuildFailure(`${what} names more than ${mostReferences} images.`)
    for (const image of references)
      if ((await isOfOtherThere(build, image)) || (await isOfOther(build, image)))
        throw new BuildFailure(
          `${what} may not use ${JSON.stringify(image.slice(0, 300))}: images of apps of this platform are not for Dockerfiles. Push what both need to a registry of your own.`,
        )
  }
  await refuse('Dockerfile', await understood('Dockerfile', () => referencesOf(dockerfile, args)))
  for (const base of basesOf(dockerfile, args)) {
    const what = `ONBUILD of the base image ${JSON.stringify(base.slice(0, 300))}`
    await refuse(what, await understood(what, () => addedReferences(build, base, args)))
  }
}
