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
const assignment = /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_]\w*)[^\S\n]*=[^\S\n]*/y
const quoted = /"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|`([^`]*)`/y
const plain = /([^\n#]*)(#[^\n]*)?(?:\n|$)/y
const line = /[^\n]*/y

/**
 * Reads `KEY=value` lines as the readers of apps do: `export ` in front, blank lines and comments are skipped over, also
 * comments behind a value, and blanks around it. A value in quotes may hold line ends; in double quotes `\n`, `\r`, `\t`,
 * `\"` and `\\` mean what they say elsewhere. `unclear` gets each KEY whose value a `#` without a blank before it cuts.
 */
export function parseDotenv(raw: string, source: string, unclear: (key: string) => void = () => {}): Variables {
  const text = raw.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')
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
    if (!/^["'`]$/.test(text[at] ?? '')) {
      const [, value = '', comment] = take(plain) ?? []
      if (comment !== undefined && /\S$/.test(value)) unclear(key)
      variables[key] = value.trim()
      continue
    }
    const [all, double, single, back] = take(quoted) ?? []
    if (all === undefined) throw refusal(start, `the quote of ${key} is never closed.`)
    if (!take(nothing)) throw refusal(start, `there is text behind the quoted value of ${key}.`)
    variables[key] = double === undefined ? (single ?? back ?? '') : unescaped(double)
  }
  return variables
}

/** Readers disagree about what such quotes hold: about escapes, and about a backslash before the quote that ends it. */
const quotable: readonly (readonly [quote: string, unfit: RegExp])[] = [
  ['"', /["\r\\$`]/],
  ["'", /['\r]|\\$/],
  ['`', /[`\r]|\\$/],
]

function written(value: string): { text: string; isCommon: boolean } {
  // Without quotes, readers cut blanks and comments, and shells put in other variables.
  if (value === '' || (/^[^\s"'`#$][^\r\n\u2028\u2029#$]*$/.test(value) && value === value.trim()))
    return { text: value, isCommon: true }
  const found = quotable.find(([, unfit]) => !unfit.test(value))
  if (found) return { text: `${found[0]}${value}${found[0]}`, isCommon: true }
  return { text: `"${value.replace(/[\\"]/g, String.raw`\$&`).replaceAll('\r', String.raw`\r`)}"`, isCommon: false }
}

/**
 * One `KEY=value` per line, sorted; quoted only where a reader would cut or change the value. What no quotes hold for every
 * reader is written so that `parseDotenv` reads it; `odd` gets its KEY.
 */
export function formatDotenv(variables: Readonly<Variables>, odd: (key: string) => void = () => {}): string {
  return Object.keys(variables)
    .toSorted()
    .map((key) => {
      const { text, isCommon } = written(variables[key] ?? '')
      if (!isCommon) odd(key)
      return `${key}=${text}\n`
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
    if (!name.test(key)) throw new DeisError('usage', `${JSON.stringify(key)} is not the name of a variable.`)
}
