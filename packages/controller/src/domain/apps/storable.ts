// Can what somebody sent be kept at all?

/** PostgreSQL stores neither NUL nor half a character, and nothing that we name has them. */
const badText = /[\0\p{Surrogate}]/u
/** Nothing in the contract is nested nearly as deep; what walks values may recurse. */
const maxDepth = 32

export function isStorableText(text: string): boolean {
  return !badText.test(text)
}

/** Why a parsed JSON value cannot be kept; null when it can. */
export function unstorable(value: unknown): string | null {
  const rest = [{ part: value, depth: 0 }]
  for (let one = rest.pop(); one; one = rest.pop()) {
    const { part, depth } = one
    if (typeof part === 'string' && badText.test(part))
      return 'Null characters and halves of characters are not allowed.'
    if (typeof part !== 'object' || part === null) continue
    if (depth === maxDepth) return `Ensure this field is nested no more than ${maxDepth} deep.`
    for (const [key, inner] of Object.entries(part)) rest.push({ part: key, depth }, { part: inner, depth: depth + 1 })
  }
  return null
}
