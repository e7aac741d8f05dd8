// Which records does a small app have, in the tests of its archive?

export const created = '2026-01-02T03:04:05Z'

/** Every field of the record of an app; each test adds what it is about. */
export const appRecord = {
  kind: 'app',
  structure: {},
  removed: {},
  deployBranch: null,
  maintenance: false,
  routable: true,
  whitelist: [],
  autoscale: {},
  label: {},
  builder: null,
  buildpacks: [],
  httpsEnforced: null,
  collaborators: [],
  domains: [],
}

export const emptyMaps = { values: {}, registry: {}, memory: {}, cpu: {}, tags: {}, healthcheck: {} }
