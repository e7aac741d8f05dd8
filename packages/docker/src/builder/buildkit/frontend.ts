// Which program does a Dockerfile want to be read by (`# syntax=`), and may it be?
import { BuildFailure } from '@deis/ports/builder'
import { nameOf, parseReference } from '@deis/registry/reference'

// Such a program has the engine fetch any URL from the engine's own network, and names its caches: only those that follow the
// rules of a Dockerfile keep an app within its own.

/** What a Dockerfile says of it stands before anything else, in a comment of one of these kinds. */
const comment = /^\s*(?:#|\/\/)([^]*)$/
const directive = /^\s*syntax\s*=\s*([^]*)$/i
/** Of more, only the beginning may have been read. Bytes. */
const longestHead = 64 * 1024

/** All images that any version of BuildKit would take for the one that is meant, and how what follows begins. */
function headOf(dockerfile: string): {
  readonly images: readonly string[]
  readonly next: string
  readonly size: number
} {
  const images: string[] = []
  let size = 0
  // To BuildKit only this ends a line, and every other character is part of one.
  for (const line of dockerfile.replace(/^\uFEFF/, '').split('\n')) {
    const [, text] = comment.exec(line) ?? []
    if (text === undefined && line.trim() !== '') return { images, next: line.trim(), size }
    size += Buffer.byteLength(line) + 1
    // Options may follow the image.
    const [, image] = directive.exec(text ?? '') ?? []
    if (image !== undefined) images.push(image.trim().split(/\s/)[0] ?? '')
  }
  return { images, next: '', size }
}

/** Pure. */
export const frontendsOf = (dockerfile: string): readonly string[] => headOf(dockerfile).images

/** Pure: why this Dockerfile cannot be built; null: it can. `allowed`: repositories. */
export function frontendProblem(dockerfile: string, allowed: readonly string[]): string | null {
  const { images, next, size } = headOf(dockerfile)
  // Also behind a line that begins with #!.
  if (next.startsWith('{')) return 'Dockerfile begins with {, so it is not a Dockerfile'
  if (size > longestHead)
    return `Dockerfile has more than ${longestHead / 1024} KB of comments before its first instruction`
  for (const image of images) {
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

/** Pure: the failure, with what to do, when the engine could not get that program; null: it is another one. */
export function frontendFailure({ message, exitCode }: BuildFailure, dockerfile: string): BuildFailure | null {
  // It was allowed, so it is the name of an image.
  const image = frontendsOf(dockerfile).find((one) => message.includes(parseReference(one).repository))
  if (exitCode !== null || image === undefined) return null
  return new BuildFailure(
    `${message} The Dockerfile wants to be read by ${image} (# syntax=), which the engine could not get: without that line it reads the Dockerfile itself. The operator lets it reach the registry, or sets a mirror of it for the engine.`,
  )
}
