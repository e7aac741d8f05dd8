// Which records does an app consist of? They are read from the database, the newest releases first.
import { DeisError, time } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { countsOf } from '../apps/structure.ts'
import { type AppRow, certPurpose, cnbOf, configMaps, procfileOf, settingsValues } from '../apps/rows.ts'
import type { Core } from '../core.ts'
import type { FullRelease } from '../releases/release.ts'
import {
  type AppRecord,
  type AppRecords,
  type BuildRecord,
  type CertRecord,
  type ConfigRecord,
  limits,
  type ReleaseRecord,
} from './format.ts'

const atOnce = 100

async function appRecord(core: Core, app: AppRow): Promise<{ record: AppRecord; certificates: CertRecord[] }> {
  const newest = { where: { appUuid: app.uuid }, orderBy: { createdAt: 'desc' } } as const
  const [row, tls, domains, grants] = await Promise.all([
    core.db.settings.findFirst(newest),
    core.db.tls.findFirst(newest),
    core.db.domain.findMany({ where: { appUuid: app.uuid }, include: { certificate: true }, orderBy: { id: 'asc' } }),
    core.db.grant.findMany({ where: { appUuid: app.uuid }, include: { user: { select: { username: true } } } }),
  ])
  if (!row) throw new DeisError('internal', `app ${app.id} has no settings`)
  const { maintenance, routable, whitelist, autoscale, label, builder, buildpacks } = settingsValues(row)
  const certificates = new Map<string, CertRecord>()
  for (const { certificate } of domains)
    if (certificate)
      certificates.set(certificate.name, {
        kind: 'certificate',
        name: certificate.name,
        certificate: certificate.certificate,
        key: core.vault.open(certPurpose, certificate.key),
      })
  const record: AppRecord = {
    kind: 'app',
    structure: countsOf(app.structure),
    removed: countsOf(app.removed),
    deployBranch: app.deployBranch,
    maintenance,
    routable,
    whitelist,
    autoscale,
    label,
    builder,
    buildpacks,
    httpsEnforced: tls?.httpsEnforced ?? null,
    hsts: tls?.hsts ?? null,
    collaborators: grants.map(({ user }) => user.username),
    domains: domains.map(({ domain, certificate }) => ({ domain, certificate: certificate?.name ?? null })),
  }
  return { record, certificates: [...certificates.values()] }
}

function configRecord(core: Core, row: Row.Config, index: number): ConfigRecord {
  const { values, registry, memory, cpu, tags, healthcheck } = configMaps(core.vault, row)
  const maps = { values, registry, memory, cpu, tags, healthcheck }
  return { kind: 'config', index, owner: row.owner, created: time(row.createdAt), ...maps }
}

function buildRecord(row: Row.Build, index: number): BuildRecord {
  const cnb = cnbOf(row)
  return {
    kind: 'build',
    index,
    owner: row.owner,
    created: time(row.createdAt),
    // What was given another base image here is an image of this platform as well.
    source: row.source === 'pull' ? 'pull' : 'git',
    image: row.image,
    reference: row.reference,
    sha: row.sha,
    ref: row.ref,
    procfile: procfileOf(row),
    dockerfile: row.dockerfile,
    port: row.port,
    cnb: cnb && { ...cnb, buildpacks: [...cnb.buildpacks], procfileTypes: [...(cnb.procfileTypes ?? [])] },
  }
}

/** A release that is not deployed yet counts as failed: its deploy belongs to this installation. */
function releaseRecord(row: FullRelease, config: number, build: number | null): ReleaseRecord {
  const { version, owner, summary, createdAt, state, exception } = row
  const isDone = state === 'deployed' || state === 'failed'
  return {
    kind: 'release',
    version,
    owner,
    created: time(createdAt),
    summary,
    state: state === 'deployed' ? 'deployed' : 'failed',
    exception: isDone ? exception : 'error: it was not deployed yet when the app was exported',
    config,
    build,
  }
}

/** The newest releases, as many as fit into an archive, oldest first; with what was read of each only once. */
async function newestReleases(core: Core, app: AppRow, mostBytes: number): Promise<FullRelease[]> {
  const found: FullRelease[] = []
  const configs = new Set<string>()
  let bytes = 0
  for (let before = Number.MAX_SAFE_INTEGER; ;) {
    const page = await core.db.release.findMany({
      where: { appUuid: app.uuid, ...(before === Number.MAX_SAFE_INTEGER ? {} : { version: { lt: before } }) },
      orderBy: { version: 'desc' },
      include: { config: true, build: true },
      take: atOnce,
    })
    for (const release of page) {
      const { config, build, summary, exception } = release
      bytes += summary.length * 2 + (exception?.length ?? 0) * 2 + 1_000
      bytes += build ? JSON.stringify(build.procfile).length * 2 + 4_000 : 0
      // Sealed values are a third longer than the text, which escapes may make twice as long.
      if (!configs.has(config.uuid)) bytes += (config.values.length + config.registry.length) * 2 + 10_000
      configs.add(config.uuid)
      if (bytes > mostBytes || found.length === limits.releases) return found.toReversed()
      found.push(release)
    }
    if (page.length < atOnce) return found.toReversed()
    before = page.at(-1)?.version ?? 0
  }
}

/** Call it in the app's queue, so that nothing of it changes meanwhile. */
export async function recordsOf(core: Core, app: AppRow): Promise<AppRecords> {
  const { record, certificates } = await appRecord(core, app)
  const configs = new Map<string, ConfigRecord>()
  const builds = new Map<string, BuildRecord>()
  const releases: ReleaseRecord[] = []
  for (const release of await newestReleases(core, app, limits.recordBytes * 0.75)) {
    const config = configs.get(release.config.uuid) ?? configRecord(core, release.config, configs.size)
    configs.set(release.config.uuid, config)
    const build = release.build && (builds.get(release.build.uuid) ?? buildRecord(release.build, builds.size))
    if (release.build && build) builds.set(release.build.uuid, build)
    releases.push(releaseRecord(release, config.index, build?.index ?? null))
  }
  return { app: record, certificates, configs: [...configs.values()], builds: [...builds.values()], releases }
}

/** One line each, nothing before what it refers to. */
export function* recordLines({ app, certificates, configs, builds, releases }: AppRecords): Generator<string> {
  for (const record of [app, ...certificates, ...configs, ...builds, ...releases]) yield `${JSON.stringify(record)}\n`
}
