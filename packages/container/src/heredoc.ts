// Did a build fail because its Dockerfile has heredocs, which its builder does not know?

const heredoc = /^[ \t]{0,99}(?:ONBUILD[ \t]{1,99})?(?:RUN|COPY|ADD)[ \t][^\n]*<<-?["']?[A-Za-z_]/im
/** What follows a heredoc is taken for an instruction. */
const told = /unknown instruction/i

/** Pure. `said`: what the builder says of the failure. */
export const failedByHeredoc = (said: string, dockerfile: string): boolean =>
  told.test(said) && heredoc.test(dockerfile)
