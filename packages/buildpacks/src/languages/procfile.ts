// How is an app built that only has a Procfile?
import type { Buildpack } from './buildpack.ts'

/** Nothing is compiled; the commands of the Procfile find what the machine has. */
export const procfile: Buildpack = {
  name: 'Procfile',
  looksFor: 'Procfile',
  tool: null,
  detect: (files) => files.has('Procfile'),
  compile: async () => ({}),
  release: async () => ({}),
}
