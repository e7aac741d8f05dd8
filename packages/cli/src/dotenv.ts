// How are variables written in a .env file?
import { DeisError } from '@deis/types'

export type Variables = Record<string, string>

const name = /^[A-Za-z_][A-Za-z0-9_]*$/
const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }

function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (both, char: string) => escapes[char] ?? both)
}

/** The quoted value that `rest` begins with, and what follows it; null: the quote never ends. */
function quoted(rest: string): { value: string; after: number } | null {
  const [all, double, single] = /^(?:"((?:[^"\\]|\\[\s\S])*)"|'([^']*)')/.exec(rest) ?? []
  if (all === undefined) return null
  return { value: double === undefined ? (single ?? '') : unescaped(double), after: all.length }
}

/**
 * Reads `KEY=value` lines: `export ` in front, blank lines and `#` lines are skipped over, a value in quotes may hold line
 * ends. Other values are taken as they are, up to the end of their line.
 */
export function parseDotenv(text: string, source: string): Variables {
  const variables: Variables = {}
  let at = 0
  for (let line = 1; at < text.length;) {
    const rest = text.slice(at)
    const [raw = ''] = /^[^\n]*\n?/.exec(rest) ?? []
    const content = raw.replace(/\r?\n?$/, '')
    const [prefix = '', key = '', first = ''] = /^\s*(?:export\s+)?([^=\s]+)\s*=([\s\S]?)/.exec(content) ?? []
    let used = raw
    if (content.trim() !== '' && !content.trimStart().startsWith('#')) {
      const refuse = (why: string): DeisError =>
        new DeisError('usage', `${source} line ${line}: ${why}`, {
          hint: 'Lines look like KEY=value, or KEY="several\nlines".',
        })
      if (!name.test(key)) throw refuse(`${JSON.stringify(content)} sets no variable.`)
      const start = prefix.length - first.length
      if (first === '"' || first === "'") {
        const value = quoted(rest.slice(start))
        const tail = value && (/^[^\n]*\n?/.exec(rest.slice(start + value.after))?.[0] ?? '')
        if (value === null || tail === null) throw refuse(`the quote of ${key} is never closed.`)
        if (!/^\s*(#.*)?$/.test(tail)) throw refuse(`there is text behind the quoted value of ${key}.`)
        variables[key] = value.value
        used = rest.slice(0, start + value.after + tail.length)
      } else variables[key] = content.slice(start)
    }
    at += used.length
    line += used.split('\n').length - 1
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
