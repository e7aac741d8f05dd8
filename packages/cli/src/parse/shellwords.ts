// How do the arguments of a command become one line for a POSIX shell?

/** Needs no quotes in a shell. */
const plain = /^[\w@%+=:,./-]+$/

function quoted(word: string): string {
  return plain.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** Several arguments are quoted; a single one is a line for the shell, `'a | b'`. */
export function shellLine(words: readonly string[]): string {
  const [first = ''] = words
  return words.length === 1 ? first : words.map(quoted).join(' ')
}
