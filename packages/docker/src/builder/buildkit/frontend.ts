// Which program does a Dockerfile want to be read by (`# syntax=`), and may it be?
import { nameOf, parseReference } from '@deis/registry/reference'

// Such a program has the engine fetch any URL from the engine's own network, and names its caches: only those that follow the
// rules of a Dockerfile keep an app within its own.

/** What a Dockerfile says of it stands before anything else, in a comment of one of these kinds. */
const comment = /^\s*(?:#|\/\/)(.*)$/
const directive = /^\s*syntax\s*=\s*(.*)$/i

/** Pure: all images that any version of BuildKit would take for the one that is meant. */
export function frontendsOf(dockerfile: string): readonly string[] {
  const found: string[] = []
  for (const line of dockerfile.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const [, text] = comment.exec(line) ?? []
    if (text === undefined && line.trim() !== '') break
    // Options may follow the image.
    const [, image] = directive.exec(text ?? '') ?? []
    if (image !== undefined) found.push(image.trim().split(/\s/)[0] ?? '')
  }
  return found
}

/** Pure: why this Dockerfile cannot be built; null: it can. `allowed`: repositories. */
export function frontendProblem(dockerfile: string, allowed: readonly string[]): string | null {
  if (/^[\uFEFF\s]*\{/.test(dockerfile)) return 'Dockerfile begins with {, so it is not a Dockerfile'
  for (const image of frontendsOf(dockerfile)) {
    let name: string | null = null
    try {
      name = nameOf(parseReference(image))
    } catch {
      // Refused as one that is not allowed.
    }
    if (name === null || !allowed.some((one) => nameOf(parseReference(one)) === name))
      return `Dockerfile wants to be read by ${JSON.stringify(image.slice(0, 200))} (# syntax=), and only these may: ${allowed.join(', ')}. DEIS_DOCKER_FRONTENDS allows others`
  }
  return null
}
