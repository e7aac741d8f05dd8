// What will an imported app run: the slug or the image that came along, an image that is pulled here too, or a new build of its
// commit?
import { DeisError } from '@deis/types'
import type { ImageFacts } from '@deis/ports/registry'
import { canonicalHost, parseReference } from '@deis/registry/reference'
import type { ConfigMaps } from '../apps/config-rules.ts'
import { factsWith } from '../builds/images.ts'
import type { Caller, Core } from '../core.ts'
import type { BuildRecord, Manifest, ReleaseRecord } from './format.ts'
import { platformName } from './image.ts'

export type Artifact =
  /** The app was never deployed. */
  | { readonly kind: 'none' }
  | { readonly kind: 'slug'; readonly digest: string }
  | { readonly kind: 'image'; readonly facts: ImageFacts }
  /** The image in the archive. */
  | { readonly kind: 'moved' }
  /** `why`: in a sentence. */
  | { readonly kind: 'build'; readonly build: BuildRecord; readonly why: string }

/** Where slugs are built and run: they contain programs of it. */
export const thisMachine = `${process.platform}-${process.arch}`

const digestPattern = /^sha256:[0-9a-f]{64}$/

/** A slug is not named by a reference. */
export function isSlug({ image, reference }: Pick<BuildRecord, 'image' | 'reference'>): boolean {
  return reference === null && digestPattern.test(image)
}

type Current = {
  readonly manifest: Manifest
  readonly release: ReleaseRecord
  readonly build: BuildRecord | null
  readonly config: ConfigMaps
}

/** Why the slug of the archive is not run as it is; null: it is. */
function slugProblem(core: Pick<Core, 'slugs' | 'scheduler'>, manifest: Manifest, build: BuildRecord): string | null {
  if (!core.slugs) return `The ${core.scheduler.name} scheduler runs images, not slugs`
  const file = manifest.files.find(({ name }) => name === 'slug.tgz')
  if (file === undefined) return 'The slug is not in the archive'
  if (`sha256:${file.sha256}` !== build.image) return 'The slug in the archive is not that of the current release'
  if (manifest.machine !== thisMachine)
    return `The slug was built on ${manifest.machine}, and this machine is ${thisMachine}`
  return null
}

/** Why the image of the archive is not run as it is; null: it is. */
function imageProblem({ builder, scheduler }: Pick<Core, 'builder' | 'scheduler'>, { image }: Manifest): string | null {
  if (!builder.images) return `The ${scheduler.name} scheduler runs no images`
  if (image === undefined) return 'The image is not in the archive'
  const [theirs, ours] = [platformName(image), platformName(builder.images.platform)]
  if (theirs !== ours) return `The image is for ${theirs}, and this platform runs ${ours}`
  return null
}

async function rebuilt(core: Core, { manifest, release }: Current, build: BuildRecord, why: string): Promise<Artifact> {
  const refuse = (reason: string): never => {
    throw new DeisError('invalid', `v${release.version} cannot be run here: ${reason}`)
  }
  const { images } = await core.scheduler.capabilities()
  if (build.dockerfile !== '' && !images)
    refuse(
      `it is built from a Dockerfile, and the ${core.scheduler.name} scheduler runs no images. Import it where the platform runs on Docker or Kubernetes, or deploy a version without a Dockerfile and export that.`,
    )
  if (!manifest.commit)
    refuse(
      `${why}, and its commit ${build.sha.slice(0, 8)} is not in the git history of the archive, from which it would be built again. Push it where it comes from, and export it again.`,
    )
  return { kind: 'build', build, why }
}

/** @throws DeisError invalid when the current release cannot be run here */
export async function planArtifact(core: Core, caller: Caller, current: Current, rebuild: boolean): Promise<Artifact> {
  const { manifest, build, config } = current
  if (build === null) return { kind: 'none' }
  if (isSlug(build)) {
    const why = rebuild ? 'A new build was asked for' : slugProblem(core, manifest, build)
    return why === null ? { kind: 'slug', digest: build.image } : rebuilt(core, current, build, why)
  }
  const problem = imageProblem(core, manifest)
  if (build.source === 'git') {
    const why = rebuild ? 'A new build was asked for' : problem
    return why === null ? { kind: 'moved' } : rebuilt(core, current, build, why)
  }
  const refuse = (why: string): never => {
    throw new DeisError('invalid', `v${current.release.version} cannot be run here: ${why}`)
  }
  const image = build.reference ?? build.image
  if (manifest.image !== undefined)
    return problem === null
      ? { kind: 'moved' }
      : refuse(`${problem}. Deploy "${build.image}" for this platform, and export that.`)
  if (image.startsWith('sha256:'))
    refuse(
      `no registry has its image "${build.image}", only the engine that it ran on. Export the app again with its image, or push that to a registry and deploy it from there.`,
    )
  return { kind: 'image', facts: await factsWith(core, caller, image, async () => config.registry) }
}

const loopbackPattern = /^(?:localhost|127\.|\[::1\]|::1)/

/** Whether an earlier build can be run here: pulled images can, but for those of this platform's own registry. */
export function isPullable({ config }: Pick<Core, 'config'>, { source, reference }: BuildRecord): boolean {
  if (source !== 'pull' || reference === null || !/@sha256:[0-9a-f]{64}$/.test(reference)) return false
  try {
    const { host } = parseReference(reference)
    return !loopbackPattern.test(host) && !(config.ownRegistry && canonicalHost(config.ownRegistry.host) === host)
  } catch {
    // Not a reference at all.
    return false
  }
}
