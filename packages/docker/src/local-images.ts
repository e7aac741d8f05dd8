// Which image does a name stand for that no registry has, but the engine, and may it be deployed (`DEIS_DOCKER_LOCAL_IMAGES`)?
import { ImageError, type ImageFacts, type Registry } from '@deis/ports/registry'
import { nameOf, parseReference } from '@deis/registry/reference'
import type { Static } from 'typebox'
import type { Client } from './engine/client.ts'
import { hasStatus } from './engine/error.ts'
import { BuiltImage } from './engine/objects.ts'
import { appLabel, platformLabel } from './labels.ts'

type Found = Static<typeof BuiltImage>
type Deps = { readonly engine: Client; readonly allowed: boolean }

const lookMs = 15_000

/** By its name in full: what only looks like a name must not be taken for the id of an image. */
function engineName(image: string): string {
  const { digest, tag, ...name } = parseReference(image)
  return digest === null ? `${nameOf(name)}:${tag}` : `${nameOf(name)}@${digest}`
}

/** Null: the engine has none, or it was built for an app and is not for others. */
async function lookUp(engine: Client, image: string, signal: AbortSignal): Promise<Found | null> {
  const path = `/images/${encodeURIComponent(engineName(image))}/json`
  try {
    const found = await engine.read(`looking for ${image}`, BuiltImage, { method: 'GET', path, ms: lookMs }, signal)
    const labels = found.Config?.Labels ?? {}
    return platformLabel in labels || appLabel in labels ? null : found
  } catch (error) {
    if (hasStatus(error, 404)) return null
    throw error
  }
}

/** Pinned by id, as a registry's image is by digest: another image may get the name. */
function factsOf({ Id, Config }: Found): ImageFacts {
  const ports = Object.keys(Config?.ExposedPorts ?? {})
    .flatMap((name) => (/^\d{1,5}(\/tcp)?$/.test(name) ? [Number.parseInt(name, 10)] : []))
    .toSorted((one, other) => one - other)
  return {
    reference: Id,
    digest: Id,
    ports,
    entrypoint: Config?.Entrypoint ?? [],
    cmd: Config?.Cmd ?? [],
    user: Config?.User ?? '',
    env: Config?.Env ?? [],
    workingDir: Config?.WorkingDir ?? '',
    labels: Config?.Labels ?? {},
  }
}

/**
 * Pulled or pushed: a registry has it, perhaps a newer one by now. The store of containerd, the usual one from Docker 29 on, names each
 * image by its id as if it had been: then nothing is known.
 */
const isOfRegistry = ({ Id, RepoDigests }: Found): boolean =>
  (RepoDigests ?? []).some((name) => !name.endsWith(`@${Id}`))
const mayBeOfRegistry = ({ RepoDigests }: Found): boolean => (RepoDigests ?? []).length > 0

/** The registry's, which also finds what the engine alone has if that is allowed, and says so if it is not. */
export function withLocalImages(registry: Registry, { engine, allowed }: Deps): Registry {
  return {
    ...registry,
    async inspect(image, credentials, signal) {
      const here = allowed ? await lookUp(engine, image, signal) : null
      // Nobody's image of that name on the internet may take its place.
      if (here && !mayBeOfRegistry(here)) return factsOf(here)
      try {
        const there = await registry.inspect(image, credentials, signal)
        return here && !isOfRegistry(here) && there.digest !== here.Id ? factsOf(here) : there
      } catch (error) {
        if (!(error instanceof ImageError)) throw error
        if (here) return factsOf(here)
        if (allowed || !(await lookUp(engine, image, signal).catch(() => null))) throw error
        throw new ImageError(
          error.message,
          'The Docker Engine of the platform has an image of that name. Push it to a registry and deploy it from there, or let the platform deploy what only its engine has: DEIS_DOCKER_LOCAL_IMAGES=true',
          { cause: error },
        )
      }
    },
  }
}
