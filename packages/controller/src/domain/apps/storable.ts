// Can a value that a client sent be stored?

/** PostgreSQL stores neither NUL nor lone surrogates. */
const invalidText = /[\0\p{Surrogate}]/u
/** Nothing in the contract is nested nearly as deep, so code may recurse into values. */
const maxDepth = 32

export function isStorableText(text: string): boolean {
  return !invalidText.test(text)
}

/** Why a parsed JSON value cannot be kept; null when it can. */
export function unstorable(value: unknown): string | null {
  const rest = [{ part: value, depth: 0 }]
  for (let one = rest.pop(); one; one = rest.pop()) {
    const { part, depth } = one
    if (typeof part === 'string' && invalidText.test(part)) return 'NUL characters and lone surrogates are not allowed.'
    if (typeof part !== 'object' || part === null) continue
    if (depth === maxDepth) return `Ensure this field is nested no more than ${maxDepth} levels deep.`
    for (const [key, inner] of Object.entries(part)) rest.push({ part: key, depth }, { part: inner, depth: depth + 1 })
  }
  return null
}
