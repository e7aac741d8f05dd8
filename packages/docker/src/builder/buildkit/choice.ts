// Is a Dockerfile built by BuildKit, or by the classic builder of the engine, and why?
import { BuildFailure, type BuildRequest } from '@deis/ports/builder'
import { EngineError } from '../../engine/error.ts'
import { credentialsOf } from '../base-image.ts'
import type { DockerBuilderOptions } from '../options.ts'
import { frontendProblem } from './frontend.ts'
import { openSession, type Session } from './session.ts'

/** `session` null: by the classic builder. */
export type Chosen = { readonly session: Session | null; readonly said: string }

type Build = {
  readonly options: DockerBuilderOptions
  readonly request: Pick<BuildRequest, 'app'>
  readonly signal: AbortSignal
}

const classic = (why: string): Chosen => ({
  session: null,
  said: `Builder: the classic one of Docker, without cache mounts and heredocs (${why})`,
})

/** `dockerfile`: its text; null: it is a link. @throws BuildFailure */
export async function chooseBuilder({ options, request, signal }: Build, dockerfile: string | null): Promise<Chosen> {
  const { engine, dockerfileBuilder, frontends } = options
  if (dockerfileBuilder === 'classic') return classic('DEIS_DOCKER_BUILDER')
  if (!engine.buildKit) return classic('BuildKit is switched off in this engine')
  if (dockerfile === null) return classic('the Dockerfile is a link')
  const problem = frontendProblem(dockerfile, frontends)
  if (problem !== null) throw new BuildFailure(`${problem}.`)
  try {
    const session = await openSession(engine, await credentialsOf(options, request.app), signal)
    return { session, said: `Builder: BuildKit of Docker ${engine.version}` }
  } catch (error) {
    // An engine that does not answer builds nothing.
    if (!(error instanceof EngineError) || error.status === 0) throw error
    return classic(error.message)
  }
}
