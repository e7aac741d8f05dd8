// Which files does a `.dockerignore` keep from a build, by Docker's rules? Patterns are run side by side, so that none of them
// takes longer than its length allows.
import { posix } from 'node:path'

/** A pattern that Docker refuses, too. */
export class BadIgnoreFile extends Error {}

// `deep` is `**/`: nothing, or anything up to a slash. It is in `inside` when it has begun to take something.
type Token =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'star' }
  | { readonly kind: 'deep' }
  | { readonly kind: 'inside' }
  | { readonly kind: 'rest' }
  | { readonly kind: 'class'; readonly not: boolean; readonly ranges: readonly (readonly [string, string])[] }

type Rule = { readonly tokens: readonly Token[]; readonly isException: boolean }

/** All text of a file: what is matched with each path of the source. */
export const longestIgnoreFile = 32 * 1024

/** `[a-z]`, `[^a]`, `[\]]`: as Go's filepath.Match has them. */
function classAt(chars: readonly string[], start: number): { token: Token; next: number } {
  let at = start + 1
  const not = chars[at] === '^'
  if (not) at++
  const ranges: [string, string][] = []
  const take = (): string => {
    if (chars[at] === '\\') at++
    const char = chars[at++]
    if (char === undefined) throw new BadIgnoreFile('a [ has no ]')
    return char
  }
  while (chars[at] !== ']' || ranges.length === 0) {
    if (chars[at] === ']' || chars[at] === '-')
      throw new BadIgnoreFile('what is between [ and ] is not a set of characters')
    const low = take()
    if (chars[at] === '-') {
      at++
      ranges.push([low, take()])
    } else ranges.push([low, low])
  }
  return { token: { kind: 'class', not, ranges }, next: at + 1 }
}

function tokensOf(pattern: string): Token[] {
  const chars = Array.from(pattern)
  const tokens: Token[] = []
  for (let at = 0; at < chars.length;) {
    const char = chars[at] as string
    if (char === '*' && chars[at + 1] === '*') {
      at += 2
      // `**/` is as `**`.
      if (chars[at] === '/') at++
      if (at >= chars.length) tokens.push({ kind: 'rest' })
      else tokens.push({ kind: 'deep' }, { kind: 'inside' })
    } else if (char === '*') {
      at++
      tokens.push({ kind: 'star' })
    } else if (char === '?') {
      at++
      tokens.push({ kind: 'one' })
    } else if (char === '[') {
      const { token, next } = classAt(chars, at)
      at = next
      tokens.push(token)
    } else if (char === '\\') {
      const escaped = chars[at + 1]
      if (escaped === undefined) throw new BadIgnoreFile('nothing follows its last \\')
      at += 2
      tokens.push({ kind: 'char', char: escaped })
    } else {
      at++
      tokens.push({ kind: 'char', char })
    }
  }
  return tokens
}

/** Whether the pattern is the path, or one of the folders that it is in. */
function matches(tokens: readonly Token[], path: string): boolean {
  const end = tokens.length
  let states = new Set<number>()
  /** With all that follows without taking anything. */
  const enter = (into: Set<number>, state: number): void => {
    if (into.has(state)) return
    into.add(state)
    const kind = tokens[state]?.kind
    if (kind === 'star' || kind === 'rest') enter(into, state + 1)
    if (kind === 'deep') {
      enter(into, state + 1)
      enter(into, state + 2)
    }
  }
  enter(states, 0)
  for (const char of path) {
    if (char === '/' && states.has(end)) return true
    const next = new Set<number>()
    for (const state of states) {
      const token = tokens[state]
      if (!token) continue
      if (token.kind === 'rest') enter(next, state)
      else if (token.kind === 'inside') {
        enter(next, state)
        if (char === '/') enter(next, state + 1)
      } else if (token.kind === 'char') {
        if (token.char === char) enter(next, state + 1)
      } else if (char === '/' || token.kind === 'deep') continue
      else if (token.kind === 'star') enter(next, state)
      else if (token.kind === 'one') enter(next, state + 1)
      else if (token.ranges.some(([low, high]) => low <= char && char <= high) !== token.not) enter(next, state + 1)
    }
    if (next.size === 0) return false
    states = next
  }
  return states.has(end)
}

function ruleOf(line: string): Rule | null {
  // A comment begins with the line, not after spaces.
  if (line.startsWith('#')) return null
  let text = line.trim()
  const isException = text.startsWith('!')
  if (isException) text = text.slice(1).trim()
  if (text === '') {
    if (isException) throw new BadIgnoreFile('a ! has no pattern')
    return null
  }
  const clean = posix
    .normalize(text)
    .replace(/(?<=[^/])\/$/, '')
    .replace(/^\/(?=.)/, '')
  return { tokens: tokensOf(clean), isException }
}

/** Pure: says of a path without slashes at its ends whether it is kept out. @throws BadIgnoreFile with the line */
export function readIgnoreFile(text: string): (path: string) => boolean {
  if (text.length > longestIgnoreFile) throw new BadIgnoreFile(`it has more than ${longestIgnoreFile} characters`)
  const rules = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((line, index) => {
      try {
        return ruleOf(line.replace(/\r$/, '')) ?? []
      } catch (error) {
        throw new BadIgnoreFile(`line ${index + 1}: ${(error as Error).message}`)
      }
    })
  return (path) => {
    let isOut = false
    // The last one that says something decides.
    for (const { tokens, isException } of rules)
      if (isOut === isException && matches(tokens, path)) isOut = !isException
    return isOut
  }
}
