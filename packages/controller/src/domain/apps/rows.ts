// How do stored rows become what the API shows?
import {
  type App,
  type AppSettings,
  type Build,
  type Certificate,
  type Config,
  type Domain,
  type Key,
  type Release,
  time,
  type Tls,
  type User,
} from '@deis/types'
import type { Vault } from '../../store/crypto.ts'
import type { CnbFacts } from '@deis/ports/builder'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { type ConfigMaps, type Probes } from './config-rules.ts'
import { structureOf } from './structure.ts'
import type { SettingsValues } from './settings-rules.ts'

export type AppRow = Row.App & { readonly owner: { readonly username: string } }
/** What makes an app's row an `AppRow`. */
export const withOwner = { owner: { select: { username: true } } } as const

const times = (row: { createdAt: Date; updatedAt: Date }): { created: string; updated: string } => ({
  created: time(row.createdAt),
  updated: time(row.updatedAt),
})

const sorted = <T>(map: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(map).toSorted(([left], [right]) => (left < right ? -1 : 1)))

export function procfileOf(row: { readonly procfile: unknown }): Record<string, string> {
  return (row.procfile ?? {}) as Record<string, string>
}

export function cnbOf(row: { readonly cnb: unknown }): CnbFacts | null {
  return row.cnb as CnbFacts | null
}

/** Opens the sealed maps of a config. */
export function configMaps(vault: Vault, row: Row.Config): ConfigMaps {
  return {
    values: JSON.parse(vault.open('config', row.values)) as Record<string, string>,
    registry: JSON.parse(vault.open('registry', row.registry)) as Record<string, string>,
    memory: row.memory as Record<string, string>,
    cpu: row.cpu as Record<string, string>,
    tags: row.tags as Record<string, string>,
    healthcheck: row.healthcheck as Record<string, Probes>,
  }
}

export function toUser(row: Row.User): User {
  return {
    username: row.username,
    email: row.email,
    first_name: row.firstName,
    last_name: row.lastName,
    is_superuser: row.isSuperuser,
    is_staff: row.isSuperuser,
    is_active: row.isActive,
    groups: [],
    user_permissions: [],
    last_login: row.lastLogin ? time(row.lastLogin) : null,
    date_joined: time(row.dateJoined),
  }
}

export function toApp(
  row: Pick<AppRow, 'uuid' | 'id' | 'createdAt' | 'updatedAt'> & {
    readonly structure: unknown
    readonly owner: { readonly username: string }
  },
): App {
  return { uuid: row.uuid, id: row.id, owner: row.owner.username, structure: structureOf(row), ...times(row) }
}

export function toKey(row: Row.Key, owner: string): Key {
  return { uuid: row.uuid, owner, id: row.name, public: row.public, fingerprint: row.md5, ...times(row) }
}

export function toConfig(vault: Vault, app: string, row: Row.Config): Config {
  const maps = configMaps(vault, row)
  return {
    uuid: row.uuid,
    owner: row.owner,
    app,
    values: sorted(maps.values),
    memory: sorted(maps.memory),
    cpu: sorted(maps.cpu),
    tags: sorted(maps.tags),
    registry: sorted(maps.registry),
    healthcheck: sorted(maps.healthcheck),
    ...times(row),
  }
}

/** The first release of a build, as far as it was read. */
export type BuildWithRelease = Row.Build & {
  readonly releases?: readonly (Pick<Row.Release, 'version' | 'state'> & { readonly exception?: string | null })[]
}

export function toBuild(app: string, row: BuildWithRelease): Build {
  const release = row.releases?.[0]
  const cnb = cnbOf(row)
  return {
    uuid: row.uuid,
    owner: row.owner,
    app,
    image: row.image,
    sha: row.sha.slice(0, 8),
    procfile: procfileOf(row),
    dockerfile: row.dockerfile,
    status: row.status,
    source: row.source,
    ...(cnb
      ? {
          cnb: {
            builder: cnb.builder,
            run_image: cnb.runImage,
            run_reference: cnb.runReference,
            buildpacks: cnb.buildpacks.map(({ id, version }) => ({ id, version })),
          },
        }
      : {}),
    ...(release
      ? {
          release: {
            version: release.version,
            state: release.state,
            ...(release.exception ? { exception: release.exception } : {}),
          },
        }
      : {}),
    ...times(row),
  }
}

export function toRelease(app: string, row: Row.Release): Release {
  return {
    uuid: row.uuid,
    app,
    owner: row.owner,
    version: row.version,
    summary: row.summary,
    failed: row.state === 'failed',
    exception: row.exception,
    config: row.configUuid,
    build: row.buildUuid,
    ...times(row),
  }
}

export function toDomain(app: string, row: Row.Domain): Domain {
  return { app, owner: row.owner, domain: row.domain, ...times(row) }
}

export function settingsValues(row: Row.Settings): SettingsValues {
  return {
    maintenance: row.maintenance,
    routable: row.routable,
    whitelist: row.whitelist as string[],
    autoscale: row.autoscale as AppSettings['autoscale'],
    label: row.label as AppSettings['label'],
    builder: row.builder,
    buildpacks: (row.buildpacks ?? []) as string[],
  }
}

export function toSettings(app: string, row: Row.Settings): AppSettings {
  return { uuid: row.uuid, app, owner: row.owner, ...settingsValues(row), ...times(row) }
}

export function toTls(app: string, row: Row.Tls): Tls {
  return { uuid: row.uuid, app, owner: row.owner, https_enforced: row.httpsEnforced, hsts: row.hsts, ...times(row) }
}

export type CertRow = Row.Certificate & {
  readonly owner: { readonly username: string }
  readonly domains: readonly { readonly domain: string }[]
}

/** What private keys are sealed for. */
export const certPurpose = 'certificate'

/** Neither the certificate's text nor its key. */
export function toCertificate(row: CertRow): Certificate {
  return {
    id: row.id,
    owner: row.owner.username,
    name: row.name,
    common_name: row.commonName,
    san: row.san as string[],
    domains: row.domains.map(({ domain }) => domain),
    fingerprint: row.fingerprint,
    expires: time(row.expires),
    starts: time(row.starts),
    issuer: row.issuer,
    subject: row.subject,
    ...times(row),
  }
}
