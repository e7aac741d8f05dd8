// How does the engine get the images that builds start from?
import { BuildFailure } from '@deis/ports/builder'
import type { Credentials } from '@deis/ports/registry'
import { authKey, parseReference } from '@deis/registry/reference'
import { hasImage, pullImage, PullFailure } from '../engine/pull.ts'
import { authHeader } from '../engine/registry-auth.ts'
import type { DockerBuilderOptions } from './options.ts'

/** The app's own and the platform's, by registry host. */
export async function credentialsOf(
  { registries: { credentials }, appRegistry }: Pick<DockerBuilderOptions, 'registries' | 'appRegistry'>,
  app: string,
): Promise<Readonly<Record<string, Credentials>>> {
  return { ...credentials, ...(await appRegistry(app)) }
}

/** The header with which the engine pulls while it builds. */
export async function pullAuth(options: DockerBuilderOptions, app: string): Promise<Record<string, string>> {
  const all = Object.entries(await credentialsOf(options, app))
  if (all.length === 0) return {}
  const config = Object.fromEntries(all.map(([host, one]) => [authKey(host), one]))
  return { 'x-registry-config': authHeader(config) }
}

/** @throws BuildFailure with the reason and what to do. */
export async function ensureImage(
  options: DockerBuilderOptions,
  image: string,
  app: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (await hasImage(options.engine, image, signal)) return
    const { host } = parseReference(image)
    await pullImage(options.engine, image, (await credentialsOf(options, app))[host] ?? null, signal)
  } catch (error) {
    if (!(error instanceof PullFailure)) throw error
    throw new BuildFailure(`${error.message.replace(/\.$/, '')}. ${error.hint}`)
  }
}
