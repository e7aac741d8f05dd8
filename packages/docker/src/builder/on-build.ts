// What does a base image add to a build that begins with it (its ONBUILD instructions), and which images does that name?
import { ImageError, type ImageFacts, type Registry } from '@deis/ports/registry'
import { parseReference } from '@deis/registry/reference'
import { hasStatus } from '../engine/error.ts'
import { BuiltImage } from '../engine/objects.ts'
import { credentialsOf } from './base-image.ts'
import type { DockerBuilderOptions } from './options.ts'
import { referencesOf } from './references.ts'

type Base = Pick<ImageFacts, 'env'> & { readonly onBuild?: readonly string[] | undefined }

export type BaseBuild = {
  readonly options: Pick<DockerBuilderOptions, 'engine' | 'registries' | 'appRegistry'>
  readonly registry: Registry
  readonly app: string
  readonly signal: AbortSignal
}

const lookMs = 20_000

/** As the engine takes it: its own first. Null: nobody has it, or says so to us; the build tells why. */
async function lookUp({ options, registry, app, signal }: BaseBuild, image: string): Promise<Base | null> {
  const path = `/images/${encodeURIComponent(image)}/json`
  try {
    const { Config } = await options.engine.read(`looking for ${image}`, BuiltImage, { method: 'GET', path }, signal)
    return { env: Config?.Env ?? [], onBuild: Config?.OnBuild ?? [] }
  } catch (error) {
    if (!hasStatus(error, 400, 404)) throw error
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(lookMs)])
  try {
    const credentials = (await credentialsOf(options, app))[parseReference(image).host] ?? null
    return await registry.inspect(image, credentials, limit)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ImageError || limit.aborted) return null
    throw error
  }
}

/** Pure. @throws UnclearReference */
export function referencesOnBuild(
  { env, onBuild = [] }: Base,
  args: Readonly<Record<string, string>>,
): readonly string[] {
  if (onBuild.length === 0) return []
  const own = env.map((line) => [line.replace(/=.*$/s, ''), line.replace(/^[^=]*=?/s, '')] as const)
  const declared = own.map(([name]) => `ARG ${name}`)
  return referencesOf([...declared, 'FROM scratch', ...declared, ...onBuild].join('\n'), {
    ...args,
    ...Object.fromEntries(own),
  })
}

/** @throws UnclearReference, the signal's reason */
export async function addedReferences(
  build: BaseBuild,
  base: string,
  args: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const found = await lookUp(build, base)
  return found === null ? [] : referencesOnBuild(found, args)
}
