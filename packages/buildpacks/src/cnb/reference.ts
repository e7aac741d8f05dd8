// Which registry is an image of, and what is it called with its digest?

/** What is before the first slash, where that is a registry and not a part of the name. */
function namedHost(image: string): string | null {
  const first = image.slice(0, Math.max(image.indexOf('/'), 0))
  return /[.:]/.test(first) || first === 'localhost' ? first : null
}

/** As in references: `docker.io` unless the name says another one. */
export function hostOf(image: string): string {
  const host = namedHost(image)
  return host === null || /^(index|registry-1)\.docker\.io$/.test(host) ? 'docker.io' : host.toLowerCase()
}

/** Without its registry. */
function pathOf(image: string): string {
  const path = namedHost(image) === null ? image : image.slice(image.indexOf('/') + 1)
  return hostOf(image) === 'docker.io' && !path.includes('/') ? `library/${path}` : path
}

/** Without tag and digest. */
export function withoutTag(image: string): string {
  const named = image.split('@', 1)[0] ?? ''
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1)
  return colon === -1 ? named : named.slice(0, colon)
}

export const pinned = (image: string, digest: string): string => `${withoutTag(image)}@${digest}`

/** Where a mirror of its registry has the image; mirrors are `host[/prefix]` by registry host. */
export function mirrored(image: string, mirrors: Readonly<Record<string, string>>): string {
  const host = hostOf(image)
  const mirror = Object.hasOwn(mirrors, host) ? mirrors[host] : undefined
  if (mirror === undefined) return image
  return `${mirror.replace(/(?<!\/)\/+$/, '')}/${pathOf(image)}`
}

/** One spelling for each name of an image. */
export function fullName(image: string): string {
  const path = pathOf(image)
  return `${hostOf(image)}/${path}${/[@:]/.test(path) ? '' : ':latest'}`
}
