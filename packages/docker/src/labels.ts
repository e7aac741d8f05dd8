// Which labels do containers, networks and volumes of the platform have? Everything is found again by them.

export const platformLabel = 'io.deis.platform'
export const appLabel = 'io.deis.app'
export const typeLabel = 'io.deis.type'
export const releaseLabel = 'io.deis.release'
/** `pod`, `run`, `build`, `cache` or `image`. */
export const kindLabel = 'io.deis.kind'
export const buildLabel = 'io.deis.build'
/** Where a container takes requests; absent: nowhere. */
export const portLabel = 'io.deis.port'
/** The readiness probe, as JSON. */
export const readinessLabel = 'io.deis.readiness'
export const graceLabel = 'io.deis.grace'

export const ofPlatform = (platform: string): string => `${platformLabel}=${platform}`
export const ofApp = (app: string): string => `${appLabel}=${app}`
