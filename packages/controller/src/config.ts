// What did the operator set, and is it sound? The only reader of the environment.
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { type ClusterConfig, type Env, readCluster } from './config-cluster.ts'
import { readHost } from './git/submodules/address.ts'
import { isNetwork } from './os/networks.ts'

export type Config = Readonly<{
  dataDir: string
  databaseUrl: string
  apiHost: string
  apiPort: number
  gitPort: number
  /** What clients are told; null: the name by which they reached the API, and our port. */
  gitUrl: string | null
  /** 0 while unknown: the router reports it. */
  routerPort: number
  /** Where clients reach it, when something in front of it listens elsewhere; null: where it listens itself. */
  routerPublicPort: number | null
  platformDomain: string
  /** Where routers send requests for `deis.<platform domain>`: the API itself; null: nowhere. */
  apiUpstream: string | null
  scheduler: 'process' | 'kubernetes'
  /** Addresses and networks of proxies whose X-Forwarded-For counts. */
  trustedProxies: readonly string[]
  /** Open to the API at once, trusted proxies not counted by address. */
  connections: Readonly<{ perAddress: number; total: number }>
  /** What the first account is registered with; null: anybody may be first. */
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
  procfileMissingRemove: boolean
  rejectIfProcfileMissing: boolean
  anyBranch: boolean
  /** Hosts from which submodules are fetched, and whose certificates count there (null: the system's). */
  submodules: Readonly<{ hosts: readonly string[]; caFile: string | null }>
  maxPackBytes: number
  /** Of the tree that is pushed. */
  source: Readonly<{ entries: number; bytes: number }>
  maxSlugBytes: number
  portFirst: number
  portLast: number
  cluster: ClusterConfig
  /** Who hears of every release (contract/api.md §3.15). */
  deployHooks: Readonly<{ urls: readonly string[]; secret: string | null }>
  logLevel: string
  path: string
  /** Passed on to builds: where packages come from and how the network is reached. */
  buildEnv: Readonly<Record<string, string>>
  locale: Readonly<Record<string, string>>
  home: string
}>

/** Where nobody listens but this machine. */
export const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1'])
const buildVariables =
  /^(npm_config_.+|NPM_CONFIG_.+|PIP_.+|GOPROXY|GOFLAGS|GONOSUMDB|GOSUMDB|BUNDLE_.+|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS)$/
// npm sets these for the scripts it runs; a build must not take them for the user's wishes.
const npmInternal =
  /^npm_config_(local_prefix|prefix|global_prefix|noproxy|user_agent|node_gyp|init_module|userconfig|globalconfig|npm_version|cache|yes)$/i

function submoduleHosts(items: readonly string[], problems: string[]): string[] {
  if (items.length === 1 && items[0]?.toLowerCase() === 'off') return []
  return items.flatMap((item) => {
    const host = readHost(item)
    if (host !== null) return [host]
    problems.push(`DEIS_GIT_SUBMODULES must be off, * or hosts (host or host:port); ${JSON.stringify(item)} is none`)
    return []
  })
}

/** @throws with every problem at once. */
export function readConfig(env: Env, cwd: string): Config {
  const problems: string[] = []
  const text = (name: string, otherwise: string): string =>
    env[name] === undefined || env[name] === '' ? otherwise : env[name]
  const number = (name: string, otherwise: number, min: number, max: number): number => {
    const raw = text(name, String(otherwise))
    const value = Number(raw)
    if (!/^\d+$/.test(raw) || value < min || value > max)
      problems.push(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(raw)}`)
    return value
  }
  const choice = <T extends string>(name: string, allowed: readonly T[], otherwise: T): T => {
    const raw = text(name, otherwise)
    const found = allowed.find((one) => one === raw)
    if (found === undefined) problems.push(`${name} must be one of ${allowed.join(', ')}, not ${JSON.stringify(raw)}`)
    return found ?? otherwise
  }
  const flag = (name: string, otherwise: boolean): boolean => {
    const raw = text(name, String(otherwise)).toLowerCase()
    if (/^(y|yes|t|true|on|1)$/.test(raw)) return true
    if (!/^(n|no|f|false|off|0)$/.test(raw)) problems.push(`${name} must be true or false, not ${JSON.stringify(raw)}`)
    return false
  }
  const address = (name: string, pattern: RegExp, shape: string): string | null => {
    const value = text(name, '').replace(/\/$/, '')
    if (value !== '' && !pattern.test(value)) problems.push(`${name} must be ${shape}, not ${JSON.stringify(value)}`)
    return value || null
  }
  const list = (name: string): string[] =>
    text(name, '')
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean)
  const dataDir = resolve(cwd, text('DEIS_DATA_DIR', '.deis'))
  const apiHost = text('DEIS_API_HOST', 'localhost')
  const databaseUrl = text('DATABASE_URL', `file:${join(dataDir, 'state', 'deis.db')}`)
  if (!/^(file:|postgres(ql)?:\/\/)/.test(databaseUrl))
    problems.push('DATABASE_URL must start with file: or postgres://')
  if (databaseUrl.startsWith('file:') && !isAbsolute(databaseUrl.slice(5)))
    problems.push('DATABASE_URL must name an absolute path after file:')
  const platformDomain = text('DEIS_PLATFORM_DOMAIN', 'localhost').toLowerCase()
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(platformDomain))
    problems.push(`DEIS_PLATFORM_DOMAIN is no domain name: ${JSON.stringify(platformDomain)}`)
  const pick = (wanted: RegExp): Record<string, string> =>
    Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] => wanted.test(entry[0]) && entry[1] !== undefined),
    )
  const cluster = readCluster({ text, number, choice, list, problems })
  const config: Config = {
    dataDir,
    databaseUrl,
    apiHost,
    apiPort: number('DEIS_API_PORT', 8000, 0, 65_535),
    gitPort: number('DEIS_GIT_PORT', 2222, 0, 65_535),
    gitUrl: address('DEIS_GIT_URL', /^ssh:\/\/[^/\s]+$/, 'such as ssh://git@git.example.com:2222'),
    apiUpstream: address('DEIS_API_UPSTREAM', /^[^\s/:]+:\d{1,5}$/, 'host:port'),
    routerPort: number('DEIS_ROUTER_PORT', 8080, 0, 65_535),
    routerPublicPort: env.DEIS_ROUTER_PUBLIC_PORT ? number('DEIS_ROUTER_PUBLIC_PORT', 80, 1, 65_535) : null,
    platformDomain,
    scheduler: choice('DEIS_SCHEDULER', ['process', 'kubernetes'], 'process'),
    registrationMode: choice(
      'REGISTRATION_MODE',
      ['enabled', 'disabled', 'admin_only'],
      loopback.has(apiHost) ? 'enabled' : 'admin_only',
    ),
    trustedProxies: list('DEIS_TRUSTED_PROXIES'),
    connections: {
      perAddress: number('DEIS_MAX_CONNECTIONS_PER_ADDRESS', 500, 10, 1_000_000),
      total: number('DEIS_MAX_CONNECTIONS', 4000, 10, 1_000_000),
    },
    registrationToken: text('DEIS_REGISTRATION_TOKEN', '').trim() || null,
    reservedNames:
      env.RESERVED_NAMES === undefined ? ['deis', 'deis-builder', 'deis-workflow-manager'] : list('RESERVED_NAMES'),
    secretKey: env.DEIS_SECRET_KEY,
    builderKey: env.DEIS_BUILDER_KEY,
    routerKey: env.DEIS_ROUTER_KEY,
    deployTimeoutSeconds: number('DEIS_DEPLOY_TIMEOUT', 120, 1, 86_400),
    graceSeconds: number('KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS', 30, 0, 86_400),
    deployBatches: number('DEIS_DEPLOY_BATCHES', 0, 0, 10_000),
    maxProcesses: number('DEIS_MAX_PROCESSES', 100, 1, 10_000),
    historyLimit: env.KUBERNETES_DEPLOYMENTS_REVISION_HISTORY_LIMIT
      ? number('KUBERNETES_DEPLOYMENTS_REVISION_HISTORY_LIMIT', 10, 0, 10_000)
      : null,
    pullPolicy: choice('IMAGE_PULL_POLICY', ['Always', 'IfNotPresent', 'Never'], 'IfNotPresent'),
    buildTimeoutSeconds: number('DEIS_BUILD_TIMEOUT', 1800, 1, 86_400),
    runTimeoutSeconds: number('DEIS_RUN_TIMEOUT', 3600, 1, 604_800),
    sessionTimeoutSeconds: number('DEIS_SESSION_TIMEOUT', 86_400, 1, 604_800),
    drainSeconds: number('DEIS_DRAIN_SECONDS', 30, 0, 3600),
    procfileMissingRemove: flag('DEIS_DEPLOY_PROCFILE_MISSING_REMOVE', true),
    rejectIfProcfileMissing: flag('DEIS_DEPLOY_REJECT_IF_PROCFILE_MISSING', false),
    anyBranch: flag('DEIS_ANY_BRANCH', false),
    submodules: { hosts: submoduleHosts(list('DEIS_GIT_SUBMODULES'), problems), caFile: env.GIT_SSL_CAINFO || null },
    maxPackBytes: number('DEIS_MAX_PUSH_MB', 2048, 1, 1_000_000) * 1024 * 1024,
    source: {
      entries: number('DEIS_MAX_SOURCE_FILES', 200_000, 1, 10_000_000),
      bytes: number('DEIS_MAX_SOURCE_MB', 2048, 1, 1_000_000) * 1024 * 1024,
    },
    maxSlugBytes: number('DEIS_MAX_SLUG_MB', 2048, 1, 1_000_000) * 1024 * 1024,
    portFirst: number('DEIS_PORT_FIRST', 10_000, 1024, 65_535),
    portLast: number('DEIS_PORT_LAST', 29_999, 1024, 65_535),
    cluster,
    deployHooks: { urls: list('DEIS_DEPLOY_HOOK_URLS'), secret: text('DEIS_DEPLOY_HOOK_SECRET_KEY', '') || null },
    logLevel: choice(
      'DEIS_LOG_LEVEL',
      ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
      env.DEIS_DEBUG ? 'debug' : 'info',
    ),
    path: text('PATH', '/usr/local/bin:/usr/bin:/bin'),
    buildEnv: Object.fromEntries(Object.entries(pick(buildVariables)).filter(([name]) => !npmInternal.test(name))),
    locale: pick(/^(LANG|LC_ALL|TZ)$/),
    home: homedir(),
  }
  if (config.portFirst > config.portLast) problems.push('DEIS_PORT_FIRST must not be above DEIS_PORT_LAST')
  if (config.secretKey !== undefined && !/^[0-9a-f]{64}$/i.test(config.secretKey))
    problems.push('DEIS_SECRET_KEY must be 64 hex characters')
  for (const name of ['DEIS_BUILDER_KEY', 'DEIS_ROUTER_KEY'])
    if (env[name] !== undefined && (env[name]?.length ?? 0) < 16)
      problems.push(`${name} must have at least 16 characters`)
  if (config.registrationToken !== null && config.registrationToken.length < 16)
    problems.push('DEIS_REGISTRATION_TOKEN must have at least 16 characters')
  for (const proxy of config.trustedProxies)
    if (!isNetwork(proxy))
      problems.push(`DEIS_TRUSTED_PROXIES must be addresses and networks; ${JSON.stringify(proxy)} is neither`)
  for (const url of config.deployHooks.urls)
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
      problems.push(`DEIS_DEPLOY_HOOK_URLS must be http:// or https:// addresses; ${JSON.stringify(url)} is none`)
  if (problems.length > 0)
    throw new Error(`the settings cannot be used:\n${problems.map((one) => `  - ${one}`).join('\n')}`)
  return Object.freeze(config)
}
