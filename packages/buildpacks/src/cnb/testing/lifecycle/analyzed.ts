// What do the phases tell each other of the images, by analyzed.toml and labels?
import type { Types } from './files.ts'

export type LayerRecord = Types & { readonly sha: string; readonly data?: Record<string, unknown> }
export type BuildpackRecord = {
  readonly key: string
  readonly version: string
  readonly layers: Record<string, LayerRecord>
}

/** Label `io.buildpacks.lifecycle.metadata`. */
export type LifecycleMetadata = {
  readonly app?: readonly { readonly sha: string }[]
  readonly buildpacks?: readonly BuildpackRecord[]
  readonly config?: { readonly sha: string }
  readonly launcher?: { readonly sha: string }
  readonly 'process-types'?: { readonly sha: string }
  readonly runImage?: object
  readonly stack?: object
}

export type Analyzed = {
  readonly image?: { readonly reference: string }
  readonly 'run-image'?: { readonly reference: string; readonly image: string; readonly target?: object }
  readonly metadata?: LifecycleMetadata
}

export const lifecycleLabel = 'io.buildpacks.lifecycle.metadata'
/** Of a cache, as a label of its image and as a file of its folder. */
export const cacheLabel = 'io.buildpacks.lifecycle.cache.metadata'

export type CacheMetadata = { readonly buildpacks: readonly BuildpackRecord[] }
