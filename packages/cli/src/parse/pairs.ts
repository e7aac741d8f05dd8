// How are `key=value` arguments parsed?
import { DeisError } from '@deis/types'

/** A process type, as the controller accepts it. */
export const processType = '[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*'

/** `pattern` finds key and value; `looks` describes it in an error. */
export type PairRule = { readonly pattern: RegExp; readonly looks: string }

export function parsePairs(words: readonly string[], { pattern, looks }: PairRule): Record<string, string> {
  const pairs = new Map<string, string>()
  for (const word of words) {
    const [, key, value] = pattern.exec(word) ?? []
    if (key === undefined || value === undefined)
      throw new DeisError('usage', `${word} is invalid`, { hint: `It must look like ${looks}.` })
    if (pairs.has(key)) throw new DeisError('usage', `"${key}" is given twice.`)
    pairs.set(key, value)
  }
  return Object.fromEntries(pairs)
}

/** The patch that removes keys from a map. */
export function removed(keys: readonly string[]): Record<string, null> {
  return Object.fromEntries(keys.map((key) => [key, null]))
}
