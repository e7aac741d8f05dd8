// Which API and which platform version do we announce (docs/contract/api.md §1.1)?

/** Compared as strings by the original client: must stay `2.3`. */
export const apiVersion = '2.3'
export const platformVersion = '2.3.0'
export const apiVersionHeader = 'DEIS_API_VERSION'
export const platformVersionHeader = 'DEIS_PLATFORM_VERSION'
