// What do users read when their Dockerfile has heredocs, which the builder does not know?
import { failedByHeredoc } from '@deis/container/heredoc'
import { BuildFailure } from '@deis/ports/builder'

/** Pure: the failure, with what to do; null: it is another one. `by`: who read the Dockerfile. */
export function heredocFailure(
  { message, exitCode }: BuildFailure,
  dockerfile: string,
  by: string,
): BuildFailure | null {
  if (!failedByHeredoc(message, dockerfile)) return null
  return new BuildFailure(
    `${message} The Dockerfile has heredocs (<<EOF), which ${by} does not know: BuildKit does from Docker 23.0 on. With BuildKit, begin the Dockerfile with "# syntax=docker/dockerfile:1"; or write these lines without them.`,
    exitCode,
  )
}
