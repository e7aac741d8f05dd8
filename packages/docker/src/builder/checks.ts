// Can this engine build, with what, and where do the images go? Lines for `deis doctor`.
import { repositoryOf } from '@deis/container/image-names'
import type { Check } from '@deis/types'
import { ImageError, type Registry } from '@deis/ports/registry'
import { parseReference } from '@deis/registry/reference'
import { hasImage } from '../engine/pull.ts'
import type { DockerBuilderOptions } from './options.ts'
import type { OwnRegistry } from './registry.ts'
import { diskUsage, freeSpace } from './usage.ts'

const patienceMs = 15_000

type Deps = { readonly options: DockerBuilderOptions; readonly registry: Registry; readonly own: OwnRegistry | null }

async function line(name: string, detail: string, work: (signal: AbortSignal) => Promise<unknown>): Promise<Check> {
  try {
    await work(AbortSignal.timeout(patienceMs))
    return { name, status: 'ok', detail }
  } catch (error) {
    const { message } = error as Error
    return { name, status: 'missing', detail: error instanceof ImageError ? `${message} ${error.hint}` : message }
  }
}

/** The engine has it, or a registry does. @throws with why not */
async function obtainable(
  image: string,
  { options: { engine, registries }, registry }: Deps,
  signal: AbortSignal,
): Promise<void> {
  if (await hasImage(engine, image, signal)) return
  const { host } = parseReference(image)
  await registry.inspect(image, registries.credentials[host] ?? null, signal)
}

/** Needed by one way to build only. */
async function imageLine(name: string, image: string, deps: Deps): Promise<Check> {
  const found = await line(name, image, (signal) => obtainable(image, deps, signal))
  if (found.status === 'ok') return found
  return { ...found, status: 'limited', detail: `${image}: ${found.detail}. Only classic buildpacks need it` }
}

async function registryLine(deps: Deps): Promise<Check> {
  const { options, registry, own } = deps
  const { target } = options
  const name = 'registry for builds'
  if ('host' in target)
    // An unknown repository is empty: this checks that the registry answers, and the account.
    return line(name, repositoryOf(target, 'APP'), (signal) =>
      registry.tags(repositoryOf(target, 'deis-check'), signal),
    )
  if (!own) throw new Error('there is no registry')
  const isThere = await own.isThere(AbortSignal.timeout(patienceMs)).catch((error: Error) => error)
  // The engine does not answer.
  if (isThere instanceof Error) return { name, status: 'missing', detail: isThere.message }
  if (!isThere)
    return line(name, `${own.outside}: it starts with the first build that needs it`, (signal) =>
      obtainable(own.image, deps, signal),
    )
  return line(name, own.outside, (signal) => own.ensure(signal))
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

/** Below this nothing can be built, and before long nothing can be stored. */
const leastFree = 2e9

async function disk({ engine, platform }: DockerBuilderOptions, own: OwnRegistry | null): Promise<Check> {
  const name = 'disk of Docker'
  const space = await freeSpace(engine)
  const where = { engine, platform, own: own && `${own.outside}/` }
  const taken = await diskUsage(where, patienceMs, AbortSignal.timeout(patienceMs)).then(
    ({ images, caches, buildKit, registry }) => [
      `images of apps ${gigabytes(images.bytes)} (${images.count})`,
      `caches of buildpacks ${gigabytes(caches.reduce((sum, { bytes }) => sum + bytes, 0))}`,
      `cache of Dockerfiles ${gigabytes(buildKit)}`,
      ...(own ? [`registry ${gigabytes(registry)}`] : []),
    ],
    (error: unknown) => [`what apps take could not be measured: ${(error as Error).message}`],
  )
  const free = space ? [`${gigabytes(space.free)} free in ${engine.info.DockerRootDir}`] : []
  const detail = [...taken, ...free].join(', ')
  if (!space || space.free >= leastFree) return { name, status: 'ok', detail }
  return {
    name,
    status: 'limited',
    concern: 'broken',
    detail: `${detail}: free some space. docker system df -v shows what takes it; DEIS_KEPT_RELEASES keeps fewer builds`,
  }
}

function dockerfiles({ engine, dockerfileBuilder, limits: { memory } }: DockerBuilderOptions): Check {
  const name = 'Dockerfile builds'
  if (dockerfileBuilder === 'buildkit' && engine.buildKit)
    return {
      name,
      status: 'limited',
      detail:
        'by BuildKit of the engine, which limits neither memory nor CPU: DEIS_DOCKER_BUILDER=classic does, without cache mounts and heredocs',
    }
  const why = dockerfileBuilder === 'buildkit' ? ', as BuildKit is switched off in this engine' : ''
  return { name, status: 'ok', detail: `by the classic builder of the engine${why}, limited to ${memory}` }
}

export async function checkBuilder(deps: Deps): Promise<readonly Check[]> {
  const { options, registry, own } = deps
  const { cnb, images } = options
  const asked = await Promise.all([
    line('builder of Cloud Native Buildpacks', cnb.builder, (signal) => registry.inspect(cnb.builder, null, signal)),
    registryLine(deps),
  ])
  const ofClassic = Promise.all([
    imageLine('stack image', images.stack, deps),
    imageLine('run image', images.run, deps),
  ])
  return [...asked, await disk(options, own), dockerfiles(options), ...(await ofClassic)]
}
