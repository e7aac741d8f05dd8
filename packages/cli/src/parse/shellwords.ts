// How do the words of a command become one line for a POSIX shell?

/** A shell reads these as they are. */
const plain = /^[\w@%+=:,./-]+$/

function quoted(word: string): string {
  return plain.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** Several words arrive as they were typed; one word alone is a line for the shell, `'a | b'`. */
export function shellLine(words: readonly string[]): string {
  const [first = ''] = words
  return words.length === 1 ? first : words.map(quoted).join(' ')
}
