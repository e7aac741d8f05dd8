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

export const buildRecord = {
  kind: 'build',
  index: 0,
  owner: 'ann',
  created,
  source: 'git',
  image: '',
  reference: null,
  sha: 'a'.repeat(40),
  ref: 'refs/heads/main',
  procfile: { web: 'node .' },
  dockerfile: '',
  port: null,
  cnb: null,
}
