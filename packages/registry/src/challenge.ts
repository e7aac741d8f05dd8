// What does a registry ask for in its WWW-Authenticate header?

export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service: string; readonly scope: string }

const word = /\s*(?:,\s*)?([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/y

/** Of several, Bearer before Basic, since its rights are narrower. Null: none that the client supports. */
export function parseChallenge(header: string): Challenge | null {
  const found: { scheme: string; params: Map<string, string> }[] = []
  word.lastIndex = 0
  for (let match = word.exec(header); match !== null; match = word.exec(header)) {
    const [, name = '', quoted, plain] = match
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain
    // A word without a value begins the next challenge.
    if (value === undefined) found.push({ scheme: name.toLowerCase(), params: new Map() })
    else found.at(-1)?.params.set(name.toLowerCase(), value)
  }
  const bearer = found.find(({ scheme, params }) => scheme === 'bearer' && params.has('realm'))?.params
  if (bearer)
    return {
      scheme: 'bearer',
      realm: bearer.get('realm') ?? '',
      service: bearer.get('service') ?? '',
      scope: bearer.get('scope') ?? '',
    }
  return found.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : null
}
