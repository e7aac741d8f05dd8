// Are the records of an archive whole, and what do they say? Each value is checked as the API checks it.
import { createReadStream } from 'node:fs'
import { Check, Errors } from 'typebox/value'
import { isGoodRef } from '@deis/ports/git-ref'
import { DeisError, isProcessType, messageOf, time } from '@deis/types'
import { linesOf } from '@deis/types/lines'
import { bounds } from '../apps/bounds.ts'
import { type ConfigMaps, emptyConfig, mergeConfig, refuseWithoutPort } from '../apps/config-rules.ts'
import { parseJson } from '../apps/json.ts'
import { checkProcfile } from '../builds/builds.ts'
import { unstorable } from '../apps/storable.ts'
import {
  type AppRecord,
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

type Values = Readonly<Record<string, unknown>>
const isMap = (value: unknown): value is Values => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Requests that come from HEALTHCHECK_URL, each as `change` gives it. What is malformed stays so, and is refused as such. */
function changeHttpGet<T extends Values>(healthcheck: T, change: (kind: string, httpGet: Values) => Values): T {
  const own = healthcheck['web/cmd']
  if (!isMap(own)) return healthcheck
  const probes = Object.entries(own).map(([kind, probe]) => [
    kind,
    isMap(probe) && isMap(probe.httpGet) ? { ...probe, httpGet: change(kind, probe.httpGet) } : probe,
  ])
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
  // Probes that came from HEALTHCHECK_URL ask where the app listens: they are stored without a port.
  const portless = new Set<string>()
  const withPorts = changeHttpGet(healthcheck, (kind, httpGet) => {
    if (Object.hasOwn(httpGet, 'port')) return httpGet
    portless.add(kind)
    return { port: 1, ...httpGet }
  })
  const merged = mergeConfig(emptyConfig, { ...given, healthcheck: withPorts })
  refuseWithoutPort(merged)
  const stored = changeHttpGet(merged.healthcheck, (kind, httpGet) =>
    portless.has(kind) ? Object.fromEntries(Object.entries(httpGet).filter(([key]) => key !== 'port')) : httpGet,
  )
  return { ...merged, healthcheck: stored }
}

/** The moment of a record; one in the future becomes now. @throws Error */
function createdOf({ kind, created }: { readonly kind: string; readonly created: string }): string {
  const moment = new Date(created)
  // Dates such as 31 February would become others.
  if (Number.isNaN(moment.getTime()) || time(moment) !== created || moment.getTime() < 0)
    throw new Error(`${kind}/created ${JSON.stringify(created)} is not a date`)
  const now = new Date()
  return moment > now ? time(now) : created
}

/** These are shown in lists, logs and terminals. @throws Error */
function checkPlain(kind: string, texts: Readonly<Record<string, string>>): void {
  for (const [key, text] of Object.entries(texts))
    if (/\p{Cc}/u.test(text)) throw new Error(`${kind}/${key} contains control characters`)
}

function checkApp({ structure, removed, deployBranch, domains }: AppRecord): void {
  const unknown = Object.keys({ ...structure, ...removed }).find((type) => !isProcessType(type))
  if (unknown !== undefined) throw new Error(`${JSON.stringify(unknown)} is not a process type`)
  if (deployBranch !== null && !isGoodRef(`refs/heads/${deployBranch}`))
    throw new Error(`${JSON.stringify(deployBranch)} is not a name for a branch`)
  if (domains.length > bounds.domainsOfApp) throw new Error(`it has more than ${bounds.domainsOfApp} domains`)
}

function checkRelease(release: ReleaseRecord, before: ReleaseRecord | undefined, found: Found): void {
  if (before && release.version !== before.version + 1)
    throw new Error(`v${release.version} does not follow v${before.version}`)
  if (release.config >= found.configs.length) throw new Error(`v${release.version} names a config that is not there`)
  if (release.build !== null && release.build >= found.builds.length)
    throw new Error(`v${release.version} names a build that is not there`)
}

type Found = {
  readonly certificates: Map<string, CertRecord>
  readonly configs: ConfigRecord[]
  readonly builds: BuildRecord[]
  readonly releases: ReleaseRecord[]
}

/** Before one more of them is kept. @throws Error */
function refuseMore(count: number, most: number, what: string): void {
  if (count >= most) throw new Error(`it has more than ${most} ${what}`)
}

function add(found: Found, record: ReturnType<typeof readRecord>): void {
  const one: unknown = record
  switch (record.kind) {
    case 'app':
      throw new Error('the app is in it twice')
    case 'certificate': {
      const certificate = one as CertRecord
      if (found.certificates.has(certificate.name))
        throw new Error(`the certificate "${certificate.name}" is in it twice`)
      refuseMore(found.certificates.size, bounds.certificatesOfUser, 'certificates')
      found.certificates.set(certificate.name, certificate)
      return
    }
    case 'config': {
      const config = one as ConfigRecord
      if (config.index !== found.configs.length) throw new Error('its configs are not in their order')
      refuseMore(found.configs.length, limits.releases, 'configs')
      checkPlain('config', { owner: config.owner })
      configOf(config)
      found.configs.push({ ...config, created: createdOf(config) })
      return
    }
    case 'build': {
      const build = one as BuildRecord
      if (build.index !== found.builds.length) throw new Error('its builds are not in their order')
      refuseMore(found.builds.length, limits.releases, 'builds')
      checkPlain('build', { owner: build.owner, image: build.image, ref: build.ref })
      checkProcfile(build.procfile)
      found.builds.push({ ...build, created: createdOf(build) })
      return
    }
    case 'release': {
      const release = one as ReleaseRecord
      checkRelease(release, found.releases.at(-1), found)
      refuseMore(found.releases.length, limits.releases, 'releases')
      checkPlain('release', { owner: release.owner, summary: release.summary })
      found.releases.push({ ...release, created: createdOf(release) })
    }
  }
}

/** An export has none of them: they would only take space. @throws DeisError invalid */
function refuseUnused({ configs, builds, releases }: Found): void {
  const usedConfigs = new Set(releases.map(({ config }) => config))
  const usedBuilds = new Set(releases.map(({ build }) => build))
  const config = configs.find(({ index }) => !usedConfigs.has(index))
  if (config) throw invalidArchive(`no release in it has its config ${config.index}`)
  const build = builds.find(({ index }) => !usedBuilds.has(index))
  if (build) throw invalidArchive(`no release in it has its build ${build.index}`)
}

/** @throws DeisError invalid, which names the line */
async function collectRecords(lines: AsyncIterable<string>): Promise<AppRecords> {
  const found: Found = { certificates: new Map(), configs: [], builds: [], releases: [] }
  let app: AppRecords['app'] | null = null
  let number = 0
  for await (const line of lines) {
    number++
    try {
      const record = readRecord(line)
      if (number === 1) {
        if (record.kind !== 'app') throw new Error('the app is not its first record')
        app = record as unknown as AppRecords['app']
        checkApp(app)
      } else add(found, record)
    } catch (error) {
      throw invalidArchive(`line ${number} of its records is refused: ${messageOf(error)}`, error)
    }
  }
  if (app === null || !found.releases.some(({ state }) => state === 'deployed'))
    throw invalidArchive('it has no release that could be run')
  refuseUnused(found)
  return { app, ...found, certificates: [...found.certificates.values()] }
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
