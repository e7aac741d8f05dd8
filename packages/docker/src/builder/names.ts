// What are the containers, volumes and networks of builds called, and how are they found again?
import { createHash } from 'node:crypto'

const hexOf = (...words: readonly string[]): string =>
  createHash('sha256').update(words.join('/')).digest('hex').slice(0, 12)

export const buildName = (platform: string, id: string, what: string): string =>
  `deis-build-${hexOf(platform, id)}-${what}`
/** Another builder cannot use what one kept. */
export const cacheName = (platform: string, app: string, builder: string): string =>
  `deis-cache-${hexOf(platform, app, builder)}`
export const registryName = (platform: string): string => `deis-registry-${hexOf(platform)}`

// An app's id has no dot.
const networkPrefix = 'build.'
/** In place of an app, for its network. */
export const buildNetwork = (platform: string, id: string): string => `${networkPrefix}${hexOf(platform, id)}`
export const isBuildNetwork = (app: string): boolean => app.startsWith(networkPrefix)
export const registryNetwork = (platform: string): string => `registry.${hexOf(platform)}`
