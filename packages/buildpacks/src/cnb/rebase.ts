// How does an app's image get another run image?
import type { RebaseRequest, Rebased } from '@deis/ports/builder'
import type { Registry } from '@deis/ports/registry'
import { builtImage } from './image-facts.ts'
import { rebaseDecision } from './rebase-rules.ts'

/** Only by calls of the registry: nothing is pulled or run. Null: it has that run image. @throws BuildFailure, ImageError */
export async function rebaseImage(
  registry: Registry,
  { image, runImage, credentials }: RebaseRequest,
  tag: string,
  signal: AbortSignal,
): Promise<Rebased | null> {
  const made = await registry.changeBase(
    { image, base: runImage, credentials, tag, decide: (app, run) => rebaseDecision(app, run, runImage) },
    signal,
  )
  return made && { reference: made.reference, runReference: builtImage(made).runReference }
}
