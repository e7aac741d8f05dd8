// What are an app's images called in a registry (docs/contract/build-and-route.md §1.10)?
import { createHash } from 'node:crypto'

const hexOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)

/** `git-<sha8>-<seconds>-<8 hex>`: the tag shows the age of the image, without reading it. */
export function imageTag({ sha, id }: { sha: string; id: string }, now: Date): string {
  return `git-${sha.slice(0, 8)}-${Math.floor(now.getTime() / 1000)}-${hexOf(id)}`
}

/** When an image of the platform was built; null: it is not the platform's tag. */
export function tagTime(tag: string): Date | null {
  const seconds = /^git-[0-9a-f]{8}-(\d{1,12})-[0-9a-f]{8}$/.exec(tag)?.[1]
  return seconds === undefined ? null : new Date(Number(seconds) * 1000)
}

export type Target = { readonly host: string; readonly organization: string }

export const repositoryOf = ({ host, organization }: Target, app: string): string =>
  [host, ...(organization === '' ? [] : [organization]), app].join('/')

/** The repository for cached layers of Dockerfile builds; it has a slash, so no app has this name. */
export const cacheRepositoryOf = (target: Target, app: string): string => `${repositoryOf(target, app)}/cache`
