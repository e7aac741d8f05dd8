// How are the variables of a .env file parsed and written?
import { DeisError } from '@deis/types'

export type Variables = Record<string, string>

const name = /^[A-Za-z_][A-Za-z0-9_]*$/
const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }

function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (both, char: string) => escapes[char] ?? both)
}

// Each is tried at one position of the text.
const nothing = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y
const assignment = /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_]\w*)[^\S\n]*=[^\S\n]*/y
const quoted = /"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|`([^`]*)`/y
const plain = /([^\n#]*)(#[^\n]*)?(?:\n|$)/y
const line = /[^\n]*/y

/**
 * Reads `KEY=value` lines as other programs do: `export `, blank lines, comments, also after a value, and blanks around a
 * value are skipped. A quoted value may have line ends; in double quotes `\n`, `\r`, `\t`, `\"` and `\\` are escapes.
 * `onCut` gets each KEY whose value is cut by a `#` without a blank before it.
 */
export function parseDotenv(raw: string, source: string, onCut: (key: string) => void = () => {}): Variables {
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
      hint: 'A line looks like KEY=value; put a value of several lines in quotes.',
    })
  while (at < text.length) {
    if (take(nothing)) continue
    const start = at
    const key = take(assignment)?.[1]
    if (key === undefined) throw refusal(start, `${JSON.stringify(take(line)?.[0].trimEnd())} does not set a variable.`)
    if (!/^["'`]$/.test(text[at] ?? '')) {
      const [, value = '', comment] = take(plain) ?? []
      if (comment !== undefined && /\S$/.test(value)) onCut(key)
      variables[key] = value.trim()
      continue
    }
    const [all, double, single, back] = take(quoted) ?? []
    if (all === undefined) throw refusal(start, `the value of "${key}" has no closing quote.`)
    if (!take(nothing)) throw refusal(start, `the quoted value of "${key}" is followed by other text.`)
    variables[key] = double === undefined ? (single ?? back ?? '') : unescaped(double)
  }
  return variables
}

/** Values that other programs read differently in these quotes: because of escapes, or a backslash before the closing quote. */
const quotable: readonly (readonly [quote: string, ambiguous: RegExp])[] = [
  ['"', /["\r\\$`]/],
  ["'", /['\r]|\\$/],
  ['`', /[`\r]|\\$/],
]

function written(value: string): { text: string; isCommon: boolean } {
  // Without quotes, other programs cut blanks and comments, and shells expand variables.
  if (value === '' || (/^[^\s"'`#$][^\r\n\u2028\u2029#$]*$/.test(value) && value === value.trim()))
    return { text: value, isCommon: true }
  const found = quotable.find(([, ambiguous]) => !ambiguous.test(value))
  if (found) return { text: `${found[0]}${value}${found[0]}`, isCommon: true }
  return { text: `"${value.replace(/[\\"]/g, String.raw`\$&`).replaceAll('\r', String.raw`\r`)}"`, isCommon: false }
}

/**
 * One `KEY=value` per line, sorted; quoted only if other programs would change the value without quotes. A value that no
 * quotes protect everywhere is written so that `parseDotenv` reads it; `onAmbiguous` gets its KEY.
 */
export function formatDotenv(variables: Readonly<Variables>, onAmbiguous: (key: string) => void = () => {}): string {
  return Object.keys(variables)
    .toSorted()
    .map((key) => {
      const { text, isCommon } = written(variables[key] ?? '')
      if (!isCommon) onAmbiguous(key)
      return `${key}=${text}\n`
    })
    .join('')
}

/** `KEY=value` arguments; those that begin with `#` are comments. */
export function parseWords(words: readonly string[]): Variables {
  const variables: Variables = {}
  for (const word of words) {
    if (word.startsWith('#')) continue
    const at = word.indexOf('=')
    if (at < 0 || !name.test(word.slice(0, at)))
      throw new DeisError('usage', `${JSON.stringify(word)} does not set a variable.`, {
        hint: 'Use KEY=value; a KEY has letters, digits and _, and does not begin with a digit.',
      })
    variables[word.slice(0, at)] = word.slice(at + 1)
  }
  return variables
}

export function checkNames(keys: readonly string[]): void {
  for (const key of keys)
    if (!name.test(key)) throw new DeisError('usage', `${JSON.stringify(key)} is not the name of a variable.`)
}
