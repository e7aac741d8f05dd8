// How is a failure of a registry told as the failure of a build?
import { BuildFailure } from '@deis/ports/builder'
import { ImageError } from '@deis/ports/registry'

/** With its hint; other errors stay what they are. */
export function asBuildFailure(error: unknown): unknown {
  if (!(error instanceof ImageError)) return error
  return new BuildFailure(`${error.message.replace(/\.$/, '')}. ${error.hint}`.trim())
}
