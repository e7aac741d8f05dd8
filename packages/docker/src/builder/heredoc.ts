// What do users read when their Dockerfile has heredocs, which the builder does not know?
import { failedByHeredoc, hasHeredoc } from '@deis/container/heredoc'
import { BuildFailure } from '@deis/ports/builder'

const hint = (by: string): string =>
  `The Dockerfile has heredocs (<<EOF), which ${by} does not know: BuildKit does from Docker 23.0 on. With BuildKit, begin the Dockerfile with "# syntax=docker/dockerfile:1"; or write these lines without them.`

/**
 * From Docker 23.0 on the classic builder runs nothing for a heredoc and says that all went well.
 * @throws BuildFailure for a Dockerfile that would be built so.
 */
export function refuseHeredocs(dockerfile: string): void {
  if (hasHeredoc(dockerfile)) throw new BuildFailure(`The image cannot be built. ${hint('the classic builder')}`)
}

/** Pure: the failure, with what to do; null: it is another one. `by`: who read the Dockerfile. */
export function heredocFailure(
  { message, exitCode }: BuildFailure,
  dockerfile: string,
  by: string,
): BuildFailure | null {
  return failedByHeredoc(message, dockerfile) ? new BuildFailure(`${message} ${hint(by)}`, exitCode) : null
}
