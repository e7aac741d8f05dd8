// Are the records of an archive whole, and what do they say? Each value is checked as the API checks it.
import { createReadStream } from 'node:fs'
import { Check, Errors } from 'typebox/value'
import { DeisError, isProcessType, messageOf } from '@deis/types'
import { linesOf } from '@deis/types/lines'
import { type ConfigMaps, emptyConfig, mergeConfig, type Probes } from '../apps/config-rules.ts'
import { parseJson } from '../apps/json.ts'
import { checkProcfile } from '../builds/builds.ts'
import { unstorable } from '../apps/storable.ts'
import {
  type AppRecords,
  type BuildRecord,
  type CertRecord,
  type ConfigRecord,
  limits,
  type ReleaseRecord,
  records as schemas,
} from './format.ts'
import { invalidArchive } from './tar.ts'

type Kind = keyof typeof schemas

/** One line. @throws Error whose message says why it is refused */
function readRecord(line: string): { readonly kind: Kind } & Record<string, unknown> {
  const value = parseJson(line)
  const { kind } = (typeof value === 'object' && value !== null ? value : {}) as { kind?: unknown }
  const schema = typeof kind === 'string' && Object.hasOwn(schemas, kind) ? schemas[kind as Kind] : undefined
  if (!schema) throw new Error(`it has no known kind`)
  if (!Check(schema, value)) {
    const [first] = Errors(schema, value)
    throw new Error(`${kind as string}${first?.instancePath ?? ''} ${first?.message ?? 'is invalid'}`)
  }
  const problem = unstorable(value)
  if (problem !== null) throw new Error(problem)
  return value
}

/** Probes that came from HEALTHCHECK_URL ask where the app listens: they are stored without a port. */
function withPorts(healthcheck: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own = healthcheck['web/cmd']
  if (typeof own !== 'object' || own === null) return healthcheck
  const probes = Object.entries(own as Probes).map(([kind, probe]) => {
    const httpGet = (probe as { httpGet?: object } | null)?.httpGet
    return [kind, httpGet ? { ...probe, httpGet: { port: 1, ...httpGet } } : probe]
  })
  return { ...healthcheck, 'web/cmd': Object.fromEntries(probes) as unknown }
}

/** The maps of a stored config, every value of which could have been set. @throws DeisError */
export function configOf(record: ConfigRecord): ConfigMaps {
  const { values, registry, memory, cpu, tags, healthcheck } = record
  const given = { values, registry, memory, cpu, tags, healthcheck }
  for (const [map, entries] of Object.entries(given))
    for (const [key, value] of Object.entries(entries))
      if (map === 'healthcheck' ? typeof value !== 'object' || value === null : typeof value !== 'string')
        throw new DeisError('invalid', `${map}.${key} is not what a config has there`)
  const merged = mergeConfig(emptyConfig, { ...given, healthcheck: withPorts(healthcheck) })
  return { ...merged, healthcheck: healthcheck as Record<string, Probes> }
}

function checkRelease(release: ReleaseRecord, before: ReleaseRecord | undefined, found: Found): void {
  if (before && release.version !== before.version + 1)
    throw new Error(`v${release.version} does not follow v${before.version}`)
  if (release.config >= found.configs.length) throw new Error(`v${release.version} names a config that is not there`)
  if (release.build !== null && release.build >= found.builds.length)
    throw new Error(`v${release.version} names a build that is not there`)
}

type Found = {
  readonly certificates: CertRecord[]
  readonly configs: ConfigRecord[]
  readonly builds: BuildRecord[]
  readonly releases: ReleaseRecord[]
}

function add(found: Found, record: ReturnType<typeof readRecord>): void {
  const one: unknown = record
  switch (record.kind) {
    case 'app':
      throw new Error('the app is in it twice')
    case 'certificate': {
      const certificate = one as CertRecord
      if (found.certificates.some(({ name }) => name === certificate.name))
        throw new Error(`the certificate "${certificate.name}" is in it twice`)
      found.certificates.push(certificate)
      return
    }
    case 'config': {
      const config = one as ConfigRecord
      if (config.index !== found.configs.length) throw new Error('its configs are not in their order')
      configOf(config)
      found.configs.push(config)
      return
    }
    case 'build': {
      const build = one as BuildRecord
      if (build.index !== found.builds.length) throw new Error('its builds are not in their order')
      checkProcfile(build.procfile)
      found.builds.push(build)
      return
    }
    case 'release': {
      const release = one as ReleaseRecord
      checkRelease(release, found.releases.at(-1), found)
      found.releases.push(release)
    }
  }
}

/** @throws DeisError invalid, which names the line */
async function collectRecords(lines: AsyncIterable<string>): Promise<AppRecords> {
  const found: Found = { certificates: [], configs: [], builds: [], releases: [] }
  let app: AppRecords['app'] | null = null
  let number = 0
  for await (const line of lines) {
    number++
    try {
      const record = readRecord(line)
      if (number === 1) {
        if (record.kind !== 'app') throw new Error('the app is not its first record')
        app = record as unknown as AppRecords['app']
        const unknown = Object.keys(app.structure).find((type) => !isProcessType(type))
        if (unknown !== undefined) throw new Error(`${JSON.stringify(unknown)} is not a process type`)
      } else add(found, record)
    } catch (error) {
      throw invalidArchive(`line ${number} of its records is refused: ${messageOf(error)}`, error)
    }
    if (found.releases.length > limits.releases) throw invalidArchive(`it has more than ${limits.releases} releases`)
  }
  if (app === null || !found.releases.some(({ state }) => state === 'deployed'))
    throw invalidArchive('it has no release that could be run')
  return { app, ...found }
}

async function* recordsOf(file: string): AsyncGenerator<string> {
  try {
    yield* linesOf(createReadStream(file), limits.lineBytes)
  } catch (error) {
    throw invalidArchive(`its records cannot be read: ${messageOf(error)}`, error)
  }
}

/** The file has at most `limits.recordBytes`. @throws DeisError invalid */
export function parseRecords(file: string): Promise<AppRecords> {
  return collectRecords(recordsOf(file))
}

/** What the app runs: the newest release that did not fail. */
export function currentOf({ releases, configs, builds }: AppRecords): {
  readonly release: ReleaseRecord
  readonly config: ConfigRecord
  readonly build: BuildRecord | null
} {
  const release = releases.findLast(({ state }) => state === 'deployed')
  const config = release && configs[release.config]
  if (!release || !config) throw new Error('an archive without a release was accepted')
  return { release, config, build: release.build === null ? null : (builds[release.build] ?? null) }
}
