// What are a build's Job, its labels and its image called (docs/contract/build-and-route.md §1.10)?
import { createHash } from 'node:crypto'

export const buildLabel = 'deis.io/build'

export type Kind = 'slugbuild' | 'dockerbuild' | 'cnbbuild'

export const cachePrefix = 'cnb-'

const hexOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)

/** At most 63 characters; the same for the same build. */
export function jobName(kind: Kind, { app, sha, id }: { app: string; sha: string; id: string }): string {
  const short = app.slice(0, kind === 'slugbuild' ? 35 : 33)
  return `${kind}-${short}-${sha.slice(0, 8)}-${hexOf(id)}`
}

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

/** The repository for layers that are kept between builds; it has a slash, so no app has this name. */
export const cacheRepositoryOf = (target: Target, app: string): string => `${repositoryOf(target, app)}/cache`

/** The image in which the layers of one builder of Cloud Native Buildpacks are kept. */
export const cacheImageOf = (target: Target, app: string, builder: string): string =>
  `${cacheRepositoryOf(target, app)}:${cachePrefix}${hexOf(builder)}`
