// How does an image that the engine has built come to the operator's registry?
import { createOutput } from '@deis/buildpacks/output'
import { imageTag, repositoryOf } from '@deis/container/image-names'
import { BuildFailure, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import { PushFailure, pushImage } from '../engine/push.ts'
import { accountOf } from '../engine/registry-auth.ts'
import { type DockerBuilderOptions, maxOutputBytes } from './options.ts'

export type Pushing = {
  readonly options: Pick<DockerBuilderOptions, 'engine' | 'target' | 'registries'>
  readonly request: Pick<BuildRequest, 'id' | 'app' | 'sha'>
  readonly write: (text: string) => void
  /** Images that are not deleted meanwhile. */
  readonly inUse: Set<string>
  readonly signal: AbortSignal
}

/** Without a registry of the operator's it stays in the engine. @throws BuildFailure */
export async function pushBuilt(
  { options: { engine, target, registries }, request, write, inUse, signal }: Pushing,
  result: BuildResult,
): Promise<BuildResult> {
  const { artifact } = result
  if (!('host' in target) || artifact.kind !== 'image') return result
  const { reference: id } = artifact
  createOutput(write, maxOutputBytes).title(`Pushing the image to ${target.host}`)
  const name = { repository: repositoryOf(target, request.app), tag: imageTag(request, new Date()) }
  inUse.add(id)
  try {
    const account = accountOf(registries.credentials, target.host)
    return { ...result, artifact: { ...artifact, reference: await pushImage(engine, id, name, account, signal) } }
  } catch (error) {
    if (!(error instanceof PushFailure)) throw error
    throw new BuildFailure(`${error.message}. ${error.hint}`, null, { cause: error })
  } finally {
    inUse.delete(id)
  }
}
