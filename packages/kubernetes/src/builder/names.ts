// What are a build's Job, its labels and its image called (docs/contract/build-and-route.md §1.10)?
import { createHash } from 'node:crypto'
import { cacheRepositoryOf, type Target } from '@deis/container/image-names'

export const buildLabel = 'deis.io/build'

export type Kind = 'slugbuild' | 'dockerbuild' | 'cnbbuild'

export const cachePrefix = 'cnb-'

const hexOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)

/** At most 63 characters; the same for the same build. */
export function jobName(kind: Kind, { app, sha, id }: { app: string; sha: string; id: string }): string {
  const short = app.slice(0, kind === 'slugbuild' ? 35 : 33)
  return `${kind}-${short}-${sha.slice(0, 8)}-${hexOf(id)}`
}

/** The image in which the layers of one builder of Cloud Native Buildpacks are kept. */
export const cacheImageOf = (target: Target, app: string, builder: string): string =>
  `${cacheRepositoryOf(target, app)}:${cachePrefix}${hexOf(builder)}`
