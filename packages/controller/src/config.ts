// Which settings did the operator choose, and are they valid? The only reader of the environment.
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { metricsProblems, type SettingNames, settings, type TextSetting } from '@deis/types/environment'
import type { MetricsSettings } from '@deis/lib/metrics-listener'
import type { DockerSettings } from '@deis/docker'
import type { ClusterSettings } from '@deis/kubernetes'
import { type Env, readCluster, type Reader } from './config-cluster.ts'
import { type AcmeSettings, readAcme } from './config-acme.ts'
import { type BuilderImages, readBuilders } from './config-builders.ts'
import { type BackupSettings, readBackup } from './config-backup.ts'
import { readDrains } from './config-drains.ts'
import { ownRegistry, readDocker } from './config-docker.ts'
import { readHost } from '@deis/git/submodules/address'
import { networkProblems } from './config-networks.ts'

export type Config = Readonly<{
  dataDir: string
  databaseUrl: string
  apiHost: string
  apiPort: number
  gitHost: string
  gitPort: number
  /** The address that clients get; null: the name by which they reached the API, with the git port. */
  gitUrl: string | null
  /** 0 while unknown: the router reports it. */
  routerPort: number
  /** Where clients reach it, when something in front of it listens elsewhere; null: where it listens itself. */
  routerPublicPort: number | null
  platformDomain: string
  /** Where routers send requests for `deis.<platform domain>`: the API itself; null: nowhere, or as `publicApi` says. */
  apiUpstream: string | null
  /** Null: certificates are not got from a CA. */
  acme: AcmeSettings | null
  /** The router of this machine serves `deis.<platform domain>`. */
  publicApi: boolean
  scheduler: 'process' | 'docker' | 'kubernetes'
  /** Only shows what is stored: nothing runs, nothing outside is reached. */
  quarantine: boolean
  /** What sends requests to apps: our own routers, or the Ingress controller of a cluster. */
  routing: ClusterSettings['routing']
  /** Where images that the platform built are; null: nowhere. */
  ownRegistry: Pick<ClusterSettings['registry'], 'host' | 'organization'> | null
  /** Addresses and networks of proxies whose X-Forwarded-For counts. */
  trustedProxies: readonly string[]
  /** How many the API keeps open; those of trusted proxies do not count by address. */
  connections: Readonly<{ perAddress: number; total: number }>
  /** What the first account is registered with; null: not needed. */
  registrationToken: string | null
  registrationMode: 'enabled' | 'disabled' | 'admin_only'
  reservedNames: readonly string[]
  secretKey: string | undefined
  builderKey: string | undefined
  routerKey: string | undefined
  deployTimeoutSeconds: number
  graceSeconds: number
  deployBatches: number
  /** Of one type of an app. */
  maxProcesses: number
  historyLimit: number | null
  pullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  buildTimeoutSeconds: number
  runTimeoutSeconds: number
  sessionTimeoutSeconds: number
  drainSeconds: number
  pushEndSeconds: number
  procfileMissingRemove: boolean
  rejectIfProcfileMissing: boolean
  anyBranch: boolean
  /** Releases of an app whose builds are kept. */
  keptReleases: number
  /** Hosts from which submodules are fetched, and whose certificates count there (null: the system's). */
  submodules: Readonly<{ hosts: readonly string[]; caFile: string | null }>
  maxPackBytes: number
  /** Of the tree that is pushed. */
  source: Readonly<{ entries: number; bytes: number }>
  maxSlugBytes: number
  /** Of the parts of an image in the archive of an app, compressed. */
  maxImageBytes: number
  portFirst: number
  portLast: number
  /** The user that the router of this machine runs as; null: that of the controller. */
  routerUser: string | null
  /** Images of Cloud Native Buildpacks that build apps. */
  cnb: BuilderImages
  docker: DockerSettings
  cluster: ClusterSettings
  /** Who is notified of every release (docs/contract/api.md §3.15). */
  deployHooks: Readonly<{ urls: readonly string[]; secret: string | null }>
  /** Where numbers are shown; null: nowhere. */
  metrics: MetricsSettings | null
  backup: BackupSettings
  /** How long, and at most how many, recorded changes are kept. */
  events: Readonly<{ days: number; most: number }>
  /** Which networks log drains may be in besides public ones, and which certificates count (null: the system's). */
  drains: Readonly<{ networks: readonly string[]; ca: string | null }>
  logLevel: string
  path: string
  /** Passed on to builds: where packages come from and how the network is reached. */
  buildEnv: Readonly<Record<string, string>>
  locale: Readonly<Record<string, string>>
  home: string
}>

/** Addresses that only this machine can reach. */
const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1'])

type ApiSettings = Pick<Config, 'apiHost' | 'publicApi' | 'apiUpstream'>

/** Whether routers serve the API. */
export function isRouted({ publicApi, apiUpstream }: Omit<ApiSettings, 'apiHost'>): boolean {
  return publicApi || apiUpstream !== null
}

/** Whether only this machine reaches the API. */
export function isLocal(config: ApiSettings): boolean {
  return loopback.has(config.apiHost) && !isRouted(config)
}

const buildVariables =
  /^(npm_config_.+|NPM_CONFIG_.+|PIP_.+|GOPROXY|GOFLAGS|GONOSUMDB|GOSUMDB|BUNDLE_.+|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS)$/
// npm sets these for the scripts it runs; a build must not take them for the user's settings.
const npmInternal =
  /^npm_config_(local_prefix|prefix|global_prefix|noproxy|user_agent|node_gyp|init_module|userconfig|globalconfig|npm_version|cache|yes)$/i

function submoduleHosts(items: readonly string[], problems: string[]): string[] {
  if (items.length === 1 && items[0]?.toLowerCase() === 'off') return []
  return items.flatMap((item) => {
    const host = readHost(item)
    if (host !== null) return [host]
    problems.push(
      `DEIS_GIT_SUBMODULES must be off, * or a list of hosts (host or host:port); ${JSON.stringify(item)} is not a host`,
    )
    return []
  })
}

type Range = { readonly minimum: number; readonly maximum: number }

/** @throws with every problem at once. */
export function readConfig(env: Env, cwd: string): Config {
  const problems: string[] = []
  const read = (name: string, otherwise: string): string => env[name] || otherwise
  const text: Reader['text'] = (name) => read(name, settings[name].default)
  const whole = (name: string, raw: string, { minimum, maximum }: Range): number => {
    const value = Number(raw)
    if (!/^\d+$/.test(raw) || value < minimum || value > maximum)
      problems.push(`${name} must be a whole number from ${minimum} to ${maximum}, not ${JSON.stringify(raw)}`)
    return value
  }
  const number: Reader['number'] = (name) => whole(name, read(name, String(settings[name].default)), settings[name])
  const optionalNumber: Reader['optionalNumber'] = (name) => {
    const raw = read(name, '')
    return raw === '' ? null : whole(name, raw, settings[name])
  }
  const choice: Reader['choice'] = (name, otherwise = settings[name].default) => {
    const { enum: allowed } = settings[name]
    const raw = read(name, otherwise)
    const found = allowed.find((one) => one === raw)
    if (found === undefined) problems.push(`${name} must be one of ${allowed.join(', ')}, not ${JSON.stringify(raw)}`)
    return found ?? otherwise
  }
  const flag: Reader['flag'] = (name) => {
    const raw = read(name, String(settings[name].default)).toLowerCase()
    if (/^(y|yes|t|true|on|1)$/.test(raw)) return true
    if (!/^(n|no|f|false|off|0)$/.test(raw)) problems.push(`${name} must be true or false, not ${JSON.stringify(raw)}`)
    return false
  }
  const address = (name: SettingNames<TextSetting>, pattern: RegExp, shape: string): string | null => {
    const value = text(name).replace(/\/$/, '')
    if (value !== '' && !pattern.test(value)) problems.push(`${name} must be ${shape}, not ${JSON.stringify(value)}`)
    return value || null
  }
  const list: Reader['list'] = (name) =>
    env[name] === undefined
      ? [...settings[name].default]
      : env[name]
          .split(',')
          .map((item) => item.trim())
          .filter(Boolean)
  const dataDir = resolve(cwd, text('DEIS_DATA_DIR'))
  const apiHost = text('DEIS_API_HOST')
  const databaseUrl = text('DATABASE_URL') || `file:${join(dataDir, 'state', 'deis.db')}`
  if (!/^(file:|postgres(ql)?:\/\/)/.test(databaseUrl))
    problems.push('DATABASE_URL must start with file: or postgres://')
  if (databaseUrl.startsWith('file:') && !isAbsolute(databaseUrl.slice(5)))
    problems.push('DATABASE_URL must name an absolute path after file:')
  const platformDomain = text('DEIS_PLATFORM_DOMAIN').toLowerCase()
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(platformDomain))
    problems.push(`DEIS_PLATFORM_DOMAIN must be a domain name, not ${JSON.stringify(platformDomain)}`)
  const pick = (wanted: RegExp): Record<string, string> =>
    Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] => wanted.test(entry[0]) && entry[1] !== undefined),
    )
  const reader = { text, number, optionalNumber, choice, flag, list, problems }
  const cnb = readBuilders(reader)
  const cluster = { ...readCluster(reader), cnb }
  const docker = readDocker(reader, cluster, cnb, env)
  const scheduler = choice('DEIS_SCHEDULER')
  const publicApi = flag('DEIS_PUBLIC_API')
  const quarantine = flag('DEIS_QUARANTINE')
  if (quarantine && !loopback.has(apiHost))
    problems.push('DEIS_API_HOST must be localhost with DEIS_QUARANTINE, so that only this machine reaches it')
  const apiUpstream = address('DEIS_API_UPSTREAM', /^[^\s/:]+:\d{1,5}$/, 'host:port')
  const metricsPort = optionalNumber('DEIS_METRICS_PORT')
  const config: Config = {
    dataDir,
    databaseUrl,
    apiHost,
    apiPort: number('DEIS_API_PORT'),
    gitHost: (quarantine ? '' : text('DEIS_GIT_HOST')) || apiHost,
    gitPort: number('DEIS_GIT_PORT'),
    gitUrl: address('DEIS_GIT_URL', /^ssh:\/\/[^/\s]+$/, 'an address such as ssh://git@git.example.com:2222'),
    apiUpstream: quarantine ? null : apiUpstream,
    publicApi: publicApi && !quarantine,
    acme: quarantine
      ? null
      : readAcme(flag('DEIS_ACME'), scheduler === 'kubernetes' && cluster.routing === 'ingress', reader),
    routerPort: number('DEIS_ROUTER_PORT'),
    routerPublicPort: optionalNumber('DEIS_ROUTER_PUBLIC_PORT'),
    platformDomain,
    scheduler,
    quarantine,
    routing: scheduler === 'kubernetes' ? cluster.routing : 'router',
    ownRegistry: ownRegistry(scheduler, cluster, docker),
    registrationMode: choice(
      'REGISTRATION_MODE',
      isLocal({ apiHost, publicApi, apiUpstream }) ? 'enabled' : 'admin_only',
    ),
    trustedProxies: list('DEIS_TRUSTED_PROXIES'),
    connections: { perAddress: number('DEIS_MAX_CONNECTIONS_PER_ADDRESS'), total: number('DEIS_MAX_CONNECTIONS') },
    registrationToken: text('DEIS_REGISTRATION_TOKEN').trim() || null,
    reservedNames: list('RESERVED_NAMES'),
    secretKey: env.DEIS_SECRET_KEY,
    builderKey: env.DEIS_BUILDER_KEY,
    routerKey: env.DEIS_ROUTER_KEY,
    deployTimeoutSeconds: number('DEIS_DEPLOY_TIMEOUT'),
    graceSeconds: number('KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS'),
    deployBatches: number('DEIS_DEPLOY_BATCHES'),
    maxProcesses: number('DEIS_MAX_PROCESSES'),
    historyLimit: optionalNumber('KUBERNETES_DEPLOYMENTS_REVISION_HISTORY_LIMIT'),
    pullPolicy: choice('IMAGE_PULL_POLICY'),
    buildTimeoutSeconds: number('DEIS_BUILD_TIMEOUT'),
    runTimeoutSeconds: number('DEIS_RUN_TIMEOUT'),
    sessionTimeoutSeconds: number('DEIS_SESSION_TIMEOUT'),
    drainSeconds: number('DEIS_DRAIN_SECONDS'),
    pushEndSeconds: number('DEIS_PUSH_END_SECONDS'),
    procfileMissingRemove: flag('DEIS_DEPLOY_PROCFILE_MISSING_REMOVE'),
    rejectIfProcfileMissing: flag('DEIS_DEPLOY_REJECT_IF_PROCFILE_MISSING'),
    anyBranch: flag('DEIS_ANY_BRANCH'),
    keptReleases: number('DEIS_KEPT_RELEASES'),
    submodules: { hosts: submoduleHosts(list('DEIS_GIT_SUBMODULES'), problems), caFile: env.GIT_SSL_CAINFO || null },
    maxPackBytes: number('DEIS_MAX_PUSH_MB') * 1024 * 1024,
    source: {
      entries: number('DEIS_MAX_SOURCE_FILES'),
      bytes: number('DEIS_MAX_SOURCE_MB') * 1024 * 1024,
    },
    maxSlugBytes: number('DEIS_MAX_SLUG_MB') * 1024 * 1024,
    maxImageBytes: number('DEIS_MAX_IMAGE_MB') * 1024 * 1024,
    portFirst: number('DEIS_PORT_FIRST'),
    portLast: number('DEIS_PORT_LAST'),
    routerUser: address('DEIS_ROUTER_USER', /^(?:[a-z_][a-z0-9_-]{0,31}|\d{1,9})$/, 'a user or its number'),
    cnb,
    docker,
    cluster,
    deployHooks: {
      urls: quarantine ? [] : list('DEIS_DEPLOY_HOOK_URLS'),
      secret: text('DEIS_DEPLOY_HOOK_SECRET_KEY') || null,
    },
    metrics:
      metricsPort === null || quarantine
        ? null
        : { port: metricsPort, host: text('DEIS_METRICS_HOST'), token: text('DEIS_METRICS_TOKEN').trim() || null },
    backup: readBackup(env, reader, flag),
    events: { days: number('DEIS_EVENTS_DAYS'), most: number('DEIS_EVENTS_MAX') },
    drains: readDrains(reader),
    logLevel: choice('DEIS_LOG_LEVEL', env.DEIS_DEBUG ? 'debug' : 'info'),
    path: text('PATH'),
    buildEnv: Object.fromEntries(Object.entries(pick(buildVariables)).filter(([name]) => !npmInternal.test(name))),
    locale: pick(/^(LANG|LC_ALL|TZ)$/),
    home: homedir(),
  }
  if (config.metrics !== null) problems.push(...metricsProblems(config.metrics.host, config.metrics.token))
  if (config.portFirst > config.portLast) problems.push('DEIS_PORT_FIRST must not be greater than DEIS_PORT_LAST')
  if (config.secretKey !== undefined && !/^[0-9a-f]{64}$/i.test(config.secretKey))
    problems.push('DEIS_SECRET_KEY must be 64 hex characters')
  for (const name of ['DEIS_BUILDER_KEY', 'DEIS_ROUTER_KEY'])
    if (env[name] !== undefined && (env[name]?.length ?? 0) < 16)
      problems.push(`${name} must have at least 16 characters`)
  if (config.registrationToken !== null && config.registrationToken.length < 16)
    problems.push('DEIS_REGISTRATION_TOKEN must have at least 16 characters')
  problems.push(...networkProblems('DEIS_TRUSTED_PROXIES', config.trustedProxies))
  for (const url of config.deployHooks.urls)
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
      problems.push(
        `DEIS_DEPLOY_HOOK_URLS must be a list of http:// or https:// URLs; ${JSON.stringify(url)} is not one`,
      )
  if (problems.length > 0) throw new Error(`invalid settings:\n${problems.map((one) => `  - ${one}`).join('\n')}`)
  return Object.freeze(config)
}
