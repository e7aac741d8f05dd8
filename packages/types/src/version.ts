// Which versions does a controller announce (docs/contract/api.md §1.1)?
import manifest from '../package.json' with { type: 'json' }

/** Compared as strings by the original client: must stay `2.3`. */
export const apiVersion = '2.3'
/** The version of Deis Workflow's controller whose API this is. */
export const platformVersion = '2.3.0'
/** Of this product: clients and controllers of one build have the same. */
export const productVersion = manifest.version
export const apiVersionHeader = 'DEIS_API_VERSION'
export const platformVersionHeader = 'DEIS_PLATFORM_VERSION'
export const productVersionHeader = 'Deis-Version'
