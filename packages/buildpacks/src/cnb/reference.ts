// Which registry is an image of, and what is it called with its digest?

/** As in references: `docker.io` unless the name says another one. */
export function hostOf(image: string): string {
  const slash = image.indexOf('/')
  const first = slash === -1 ? '' : image.slice(0, slash)
  if (!/[.:]/.test(first) && first !== 'localhost') return 'docker.io'
  return /^(index|registry-1)\.docker\.io$/.test(first) ? 'docker.io' : first.toLowerCase()
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
  const named = image.slice(image.indexOf('/') + 1)
  const isNamed = hostOf(image) !== 'docker.io' || /[.:]/.test(image.slice(0, Math.max(0, image.indexOf('/'))))
  const path = isNamed ? named : image
  const full = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path
  return `${mirror.replace(/(?<!\/)\/+$/, '')}/${full}`
}

/** One spelling for each name of an image. */
export function fullName(image: string): string {
  const host = hostOf(image)
  const isNamed = host !== 'docker.io' || /^[^/]*[.:][^/]*\//.test(image)
  const path = isNamed ? image.slice(image.indexOf('/') + 1) : image
  const full = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path
  return `${host}/${full}${/[@:]/.test(full) ? '' : ':latest'}`
}
