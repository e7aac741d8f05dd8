// Which host does a request name?

const usual = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/
const named = /^([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::\d{0,5})?$/
const literal = /^(\[[0-9a-f:.]+\])(?::\d{0,5})?$/

/** The host of a Host header or an authority, in lower case, without port and one trailing dot; null when it is not valid. */
export function hostOf(authority: string): string | null {
  if (usual.test(authority)) return authority
  const text = authority.toLowerCase()
  const match = named.exec(text) ?? literal.exec(text)
  return match === null ? null : match[1]!
}
