// How is a text written as one word for a POSIX shell, whatever is in it?

/** In single quotes, as sh, bash and zsh read it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
