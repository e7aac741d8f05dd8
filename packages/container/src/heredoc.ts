// Does a Dockerfile have heredocs, and did its build fail because its builder does not know them?

/** Instructions that may have one, as BuildKit's reader takes them; a line goes on after a backslash. */
const instruction = /^[ \t]*(?:ONBUILD[ \t]+)?(?:RUN|COPY|ADD)[ \t](?:[^\n\\]|\\[^])*/gim
/** A word may have quoted parts, in which nothing is a heredoc. */
const word = /(?:[^\s"'\\]|\\[^]|"(?:[^"\\]|\\[^])*"?|'[^']*'?)+/g
const heredoc = /^\d*<<-?[^<\s-][^<]*$/
/** What follows a heredoc is taken for an instruction. */
const told = /unknown instruction/i

/** Pure. */
export const hasHeredoc = (dockerfile: string): boolean =>
  (dockerfile.match(instruction) ?? []).some((text) => text.match(word)?.some((one) => heredoc.test(one)))

/** Pure. `said`: what the builder says of the failure. */
export const failedByHeredoc = (said: string, dockerfile: string): boolean => told.test(said) && hasHeredoc(dockerfile)
