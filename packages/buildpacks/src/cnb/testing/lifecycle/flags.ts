// Which flags does each phase take, as strictly as Go reads them, and which variables stand for them?
import { Exit } from './exit.ts'

/** `many`: may be repeated; `bare`: has no value. */
type Kind = 'one' | 'many' | 'bare'

const common: Readonly<Record<string, Kind>> = { 'log-level': 'one', 'no-color': 'bare' }
const table: Readonly<Record<string, { readonly flags: Readonly<Record<string, Kind>>; readonly images: boolean }>> = {
  analyzer: {
    images: true,
    flags: {
      analyzed: 'one',
      'cache-image': 'one',
      daemon: 'bare',
      gid: 'one',
      'insecure-registry': 'many',
      'launch-cache': 'one',
      layers: 'one',
      layout: 'bare',
      'layout-dir': 'one',
      'previous-image': 'one',
      run: 'one',
      'run-image': 'one',
      'skip-layers': 'bare',
      tag: 'many',
      uid: 'one',
    },
  },
  detector: {
    images: false,
    flags: Object.fromEntries(
      ['analyzed', 'app', 'build-config', 'buildpacks', 'extensions', 'generated', 'group', 'layers', 'order', 'plan']
        .concat(['platform', 'run'])
        .map((name) => [name, 'one' as const]),
    ),
  },
  restorer: {
    images: false,
    flags: {
      analyzed: 'one',
      'build-image': 'one',
      'cache-dir': 'one',
      'cache-image': 'one',
      daemon: 'bare',
      generated: 'one',
      gid: 'one',
      group: 'one',
      'insecure-registry': 'many',
      layers: 'one',
      layout: 'bare',
      'layout-dir': 'one',
      'skip-layers': 'bare',
      uid: 'one',
    },
  },
  builder: {
    images: false,
    flags: Object.fromEntries(
      ['analyzed', 'app', 'build-config', 'buildpacks', 'group', 'layers', 'plan', 'platform'].map((name) => [
        name,
        'one' as const,
      ]),
    ),
  },
  exporter: {
    images: true,
    flags: {
      analyzed: 'one',
      app: 'one',
      'cache-dir': 'one',
      'cache-image': 'one',
      daemon: 'bare',
      extended: 'one',
      gid: 'one',
      group: 'one',
      'insecure-registry': 'many',
      'launch-cache': 'one',
      launcher: 'one',
      'launcher-sbom': 'one',
      layers: 'one',
      layout: 'bare',
      'layout-dir': 'one',
      parallel: 'bare',
      'process-type': 'one',
      'project-metadata': 'one',
      report: 'one',
      run: 'one',
      'run-image': 'one',
      uid: 'one',
    },
  },
}

const twins: Readonly<Record<string, string>> = {
  analyzed: 'CNB_ANALYZED_PATH',
  app: 'CNB_APP_DIR',
  buildpacks: 'CNB_BUILDPACKS_DIR',
  'cache-dir': 'CNB_CACHE_DIR',
  'cache-image': 'CNB_CACHE_IMAGE',
  gid: 'CNB_GROUP_ID',
  group: 'CNB_GROUP_PATH',
  'insecure-registry': 'CNB_INSECURE_REGISTRIES',
  layers: 'CNB_LAYERS_DIR',
  order: 'CNB_ORDER_PATH',
  plan: 'CNB_PLAN_PATH',
  platform: 'CNB_PLATFORM_DIR',
  'previous-image': 'CNB_PREVIOUS_IMAGE',
  'process-type': 'CNB_PROCESS_TYPE',
  'project-metadata': 'CNB_PROJECT_METADATA_PATH',
  report: 'CNB_REPORT_PATH',
  run: 'CNB_RUN_PATH',
  'run-image': 'CNB_RUN_IMAGE',
  'skip-layers': 'CNB_SKIP_LAYERS',
  uid: 'CNB_USER_ID',
}

export type Flags = {
  /** Of a flag, else its variable; undefined: neither. */
  one(name: string): string | undefined
  many(name: string): readonly string[]
  has(name: string): boolean
  /** The image to make; empty for phases that have none. */
  readonly image: string
}

type Env = Readonly<Record<string, string | undefined>>

/** Flags end at the first word that is none, as Go has it. */
export function readFlags(phase: string, words: readonly string[], env: Env): Flags {
  const { flags, images } = table[phase] ?? { flags: {}, images: false }
  const all = { ...common, ...flags }
  const found = new Map<string, string[]>()
  let at = 0
  for (; at < words.length; at++) {
    const word = words[at] ?? ''
    if (!word.startsWith('-') || word === '-') break
    const [name = '', joined] = word.replace(/^--?/, '').split(/=(.*)/s)
    const kind = Object.hasOwn(all, name) ? all[name] : undefined
    if (kind === undefined) throw new Exit(2, `flag provided but not defined: -${name}`)
    const value = kind === 'bare' ? (joined ?? 'true') : (joined ?? words[++at])
    if (value === undefined) throw new Exit(2, `flag needs an argument: -${name}`)
    found.set(name, kind === 'many' ? [...(found.get(name) ?? []), value] : [value])
  }
  const rest = words.slice(at)
  if (rest.length !== (images ? 1 : 0))
    throw new Exit(3, `failed to parse arguments: received ${rest.length} arguments, but expected ${images ? 1 : 0}`)
  if (phase === 'exporter' && found.has('run-image')) throw new Exit(3, '-run-image is unsupported')
  const twin = (name: string): string | undefined => env[twins[name] ?? ''] || undefined
  return {
    one: (name) => found.get(name)?.[0] ?? twin(name),
    many: (name) => found.get(name) ?? twin(name)?.split(',') ?? [],
    has: (name) => (found.get(name)?.[0] ?? twin(name) ?? 'false') === 'true',
    image: rest[0] ?? '',
  }
}
