// How do the arguments of a command become one line for a POSIX shell?
import { quoted } from '@deis/lib/quoted'

/** Needs no quotes in a shell. */
const plain = /^[\w@%+=:,./-]+$/

const wordOf = (text: string): string => (plain.test(text) ? text : quoted(text))

/** Several arguments are quoted; a single one is a line for the shell, `'a | b'`. */
export function shellLine(words: readonly string[]): string {
  const [first = ''] = words
  return words.length === 1 ? first : words.map(wordOf).join(' ')
}
