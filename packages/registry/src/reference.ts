// Which registry, repository, tag and digest does the name of an image stand for?
import { ImageError } from '@deis/ports/registry'

/** Either `tag` or `digest` is set, or both; the digest decides then. */
export type ImageReference = {
  /** As references have it: `docker.io`, `registry.example.com:5000`. */
  readonly host: string
  readonly repository: string
  readonly tag: string | null
  readonly digest: string | null
}

export const dockerHub = 'docker.io'

const hubNames = new Set([dockerHub, 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'])
const longestName = 255
const hostPattern =
  /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/
const repositoryPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const tagPattern = /^\w[\w.-]{0,127}$/
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

export const isDigest = (text: string): boolean => digestPattern.test(text)

/** One spelling for each registry, Docker Hub's several names included. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase()
  return hubNames.has(lower) ? dockerHub : lower
}

/** Where the registry's API is: Docker Hub's is not where its images' names say. */
export const apiHost = (host: string): string => (host === dockerHub ? 'registry-1.docker.io' : host)

/** The registry's key in a `dockerconfigjson` (docs/contract/api.md §4.5). */
export const authKey = (host: string): string =>
  canonicalHost(host) === dockerHub ? 'https://index.docker.io/v1/' : canonicalHost(host)

/** What follows the first slash decides as little as a colon does: only a dot, a port or `localhost` make it a host. */
function splitHost(name: string): { host: string; path: string } {
  const slash = name.indexOf('/')
  const first = slash === -1 ? '' : name.slice(0, slash)
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase()
  return isHost ? { host: canonicalHost(first), path: name.slice(slash + 1) } : { host: dockerHub, path: name }
}

/** @throws ImageError that says what is wrong with it. */
export function parseReference(text: string): ImageReference {
  const refuse = (why: string): never => {
    throw new ImageError(
      `${JSON.stringify(text.slice(0, 300))} is not the name of an image: ${why}`,
      'an image is named [HOST[:PORT]/]NAME[:TAG] or [HOST[:PORT]/]NAME@sha256:DIGEST',
    )
  }
  if (text === '') refuse('it is empty')
  if (/^[a-z]+:\/\//i.test(text)) refuse('it begins with a scheme; leave that out')
  const at = text.indexOf('@')
  const digest = at === -1 ? null : text.slice(at + 1)
  if (digest !== null && !isDigest(digest)) refuse('what follows the @ is not a sha256 digest')
  const named = at === -1 ? text : text.slice(0, at)
  // A colon before the last slash belongs to a port.
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1)
  const tag = colon === -1 ? null : named.slice(colon + 1)
  if (tag !== null && !tagPattern.test(tag))
    refuse('a tag has letters, digits, ".", "_" and "-", at most 128 of them, and begins with none of the last two')
  const { host, path } = splitHost(colon === -1 ? named : named.slice(0, colon))
  const port = hostPattern.exec(host)
  if (!port) refuse(`${JSON.stringify(host)} is not a host name`)
  if (port?.[1] !== undefined && (Number(port[1]) < 1 || Number(port[1]) > 65_535))
    refuse(`there is no port ${port[1]}`)
  const repository = host === dockerHub && !path.includes('/') ? `library/${path}` : path
  if (path === '') refuse('it names no repository')
  if (repository !== repository.toLowerCase()) refuse('it must be lowercase')
  if (!repositoryPattern.test(repository))
    refuse('a name has lowercase letters and digits, with single "." or "_", or "-", between them')
  if (host.length + 1 + repository.length > longestName) refuse(`it is longer than ${longestName} characters`)
  return { host, repository, tag: tag ?? (digest === null ? 'latest' : null), digest }
}

/** `host/repository`, which tags and digests are appended to. */
export const nameOf = ({ host, repository }: Pick<ImageReference, 'host' | 'repository'>): string =>
  `${host}/${repository}`

/** In full: what was meant by a short name. */
export function formatReference(reference: ImageReference): string {
  const { tag, digest } = reference
  return `${nameOf(reference)}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`
}
