// Is a JSON text small enough to be parsed?
import { DeisError, messageOf } from '@deis/types'

/** Nothing in the contract comes near. What is stored may be nested even less, with errors by field (storable.ts). */
export const jsonLimits = { depth: 64, values: 20_000, keyLength: 1024 } as const

const [quote, backslash, colon, comma] = ['"', '\\', ':', ','].map((one) => one.charCodeAt(0))
const [openArray, closeArray, openObject, closeObject] = ['[', ']', '{', '}'].map((one) => one.charCodeAt(0))

/** Why a text is not parsed; null when it may be. One pass that keeps nothing: invalid JSON is left to the parser. */
export function jsonProblem(text: string): string | null {
  let depth = 0
  let values = 1
  let lastString = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      const from = at + 1
      for (at = from; at < text.length && text.charCodeAt(at) !== quote; at++)
        if (text.charCodeAt(at) === backslash) at++
      lastString = at - from
    } else if (code === colon) {
      if (lastString > jsonLimits.keyLength) return `a key has more than ${jsonLimits.keyLength} characters`
    } else if (code === comma) {
      if (++values > jsonLimits.values) return `it has more than ${jsonLimits.values} values`
    } else if (code === openArray || code === openObject) {
      if (++depth > jsonLimits.depth) return `it is nested more than ${jsonLimits.depth} levels deep`
      if (++values > jsonLimits.values) return `it has more than ${jsonLimits.values} values`
    } else if (code === closeArray || code === closeObject) depth--
  }
  return null
}

/** @throws DeisError `invalid` for invalid or too large JSON. */
export function parseJson(text: string): unknown {
  const problem = jsonProblem(text)
  if (problem !== null) throw new DeisError('invalid', `JSON parse error - ${problem}`)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new DeisError('invalid', `JSON parse error - ${messageOf(error)}`, { cause: error })
  }
}
