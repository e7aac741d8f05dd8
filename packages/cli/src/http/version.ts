// Which versions do this client and its API have? Without the contract, which takes a while to load.
import manifest from '../../package.json' with { type: 'json' }

export const clientVersion = `v${manifest.version}`
export const apiVersion = '2.3'
