// Did a build fail because its Dockerfile has heredocs, which the builder does not know?
import { BuildFailure } from '@deis/ports/builder'

const heredoc = /^[ \t]{0,99}(?:ONBUILD[ \t]{1,99})?(?:RUN|COPY|ADD)[ \t][^\n]*<<-?["']?[A-Za-z_]/im
/** What follows a heredoc is taken for an instruction. */
const told = /unknown instruction/i

/** Pure: the failure, with what to do; null: it is another one. `by`: who read the Dockerfile. */
export function heredocFailure(
  { message, exitCode }: BuildFailure,
  dockerfile: string,
  by: string,
): BuildFailure | null {
  if (!told.test(message) || !heredoc.test(dockerfile)) return null
  return new BuildFailure(
    `${message} The Dockerfile has heredocs (<<EOF), which ${by} does not know: BuildKit does from Docker 23.0 on. With BuildKit, begin the Dockerfile with "# syntax=docker/dockerfile:1"; or write these lines without them.`,
    exitCode,
  )
}
