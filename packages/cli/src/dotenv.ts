// How are variables written in a .env file?
import { DeisError } from '@deis/types'

export type Variables = Record<string, string>

const name = /^[A-Za-z_][A-Za-z0-9_]*$/
const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }

function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (both, char: string) => escapes[char] ?? both)
}

// Each is tried at one place of the text.
const nothing = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y
const assignment = /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_]\w*)[^\S\n]*=/y
const quoted = /"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'/y
const plain = /([^\n]*?)\r?(?:\n|$)/y
const line = /[^\n]*/y

/**
 * Reads `KEY=value` lines: `export ` in front, blank lines and `#` lines are skipped over, a value in quotes may hold line
 * ends. Other values are taken as they are, up to the end of their line.
 */
export function parseDotenv(text: string, source: string): Variables {
  const variables: Variables = {}
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    at += match?.[0].length ?? 0
    return match
  }
  const refusal = (from: number, why: string): DeisError =>
    new DeisError('usage', `${source} line ${text.slice(0, from).split('\n').length}: ${why}`, {
      hint: 'Lines look like KEY=value; a value of several lines stands in quotes.',
    })
  while (at < text.length) {
    if (take(nothing)) continue
    const start = at
    const key = take(assignment)?.[1]
    if (key === undefined) throw refusal(start, `${JSON.stringify(take(line)?.[0].trimEnd())} sets no variable.`)
    if (text[at] !== '"' && text[at] !== "'") {
      variables[key] = take(plain)?.[1] ?? ''
      continue
    }
    const [all, double, single = ''] = take(quoted) ?? []
    if (all === undefined) throw refusal(start, `the quote of ${key} is never closed.`)
    if (!take(nothing)) throw refusal(start, `there is text behind the quoted value of ${key}.`)
    variables[key] = double === undefined ? single : unescaped(double)
  }
  return variables
}

/** One `KEY=value` per line, sorted; quoted only where `parseDotenv` would read something else. */
export function formatDotenv(variables: Readonly<Variables>): string {
  return Object.keys(variables)
    .toSorted()
    .map((key) => {
      const value = variables[key] ?? ''
      const plain = !/[\r\n]/.test(value) && !/^["']/.test(value)
      const escaped = (): string => value.replace(/[\\"]/g, String.raw`\$&`).replaceAll('\r', String.raw`\r`)
      return `${key}=${plain ? value : `"${escaped()}"`}\n`
    })
    .join('')
}

/** `KEY=value` words; those that begin with `#` are comments. */
export function parseWords(words: readonly string[]): Variables {
  const variables: Variables = {}
  for (const word of words) {
    if (word.startsWith('#')) continue
    const at = word.indexOf('=')
    if (at < 0 || !name.test(word.slice(0, at)))
      throw new DeisError('usage', `${JSON.stringify(word)} sets no variable.`, {
        hint: 'It looks like KEY=value; a KEY has letters, digits and _ and does not begin with a digit.',
      })
    variables[word.slice(0, at)] = word.slice(at + 1)
  }
  return variables
}

export function checkNames(keys: readonly string[]): void {
  for (const key of keys)
    if (!name.test(key)) throw new DeisError('usage', `${JSON.stringify(key)} is no name of a variable.`)
}
