// Which settings does the environment contain?
import { readFileSync } from 'node:fs'
import type { MetricsSettings } from '@deis/lib/metrics-listener'
import { messageOf } from '@deis/types'
import {
  type ChoiceSetting,
  type IntegerSetting,
  type ListSetting,
  metricsProblems,
  type OptionalIntegerSetting,
  type SettingNames,
  settings,
  type TextSetting,
} from '@deis/types/environment'
import { networksOf } from './table/networks.ts'

export type Config = {
  readonly port: number
  /** Where clients reach it, when something in settings of it listens elsewhere; null: where it listens itself. */
  readonly publicPort: number | null
  /** Undefined: all addresses, including IPv6 if available. */
  readonly host: string | undefined
  /** Where it accepts TLS connections; null: nowhere. */
  readonly tlsPort: number | null
  /** Where clients find TLS, of the router or of a proxy before it; null: where it listens itself, else 443. */
  readonly tlsPublicPort: number | null
  /** Addresses and networks of proxies whose X-Forwarded headers count. */
  readonly trustedProxies: readonly string[]
  readonly controllerUrl: string
  readonly key: string
  /** Null: the table is not saved. */
  readonly tableFile: string | null
  readonly drainSeconds: number
  /** How long it accepts connections after it was asked to end, until load balancers use another router. */
  readonly lingerSeconds: number
  /** Null: no health checks. */
  readonly healthPort: number | null
  /** Null: nothing is counted. */
  readonly metrics: MetricsSettings | null
  /** How many apps have series of their own. */
  readonly metricsApps: number
  readonly accessLog: boolean
  /** Whether text responses are compressed for clients that accept it. */
  readonly compression: boolean
  /** How many processes serve; null: as the machine has cores. */
  readonly workers: number | null
}

type Env = Readonly<Record<string, string | undefined>>

/** Everything that is wrong with the environment, at once. */
export class BadConfig extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

function wholeNumber(env: Env, name: SettingNames<IntegerSetting>, problems: string[]): number {
  const { default: usual, minimum, maximum } = settings[name]
  const text = env[name] || String(usual)
  if (/^\d{1,9}$/.test(text) && Number(text) >= minimum && Number(text) <= maximum) return Number(text)
  problems.push(`${name} is ${JSON.stringify(text)}; it must be a whole number from ${minimum} to ${maximum}`)
  return usual
}

function optionalNumber(
  env: Env,
  name: SettingNames<OptionalIntegerSetting>,
  problems: string[],
  kind = 'a port',
): number | null {
  const { minimum, maximum } = settings[name]
  const text = env[name]
  if (!text) return null
  if (/^\d{1,5}$/.test(text) && Number(text) >= minimum && Number(text) <= maximum) return Number(text)
  problems.push(`${name} is ${JSON.stringify(text)}; it must be ${kind} from ${minimum} to ${maximum}`)
  return null
}

function webAddress(env: Env, name: SettingNames<TextSetting>, problems: string[]): string {
  const text = env[name] || settings[name].default
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    problems.push(`${name} is ${JSON.stringify(text)}; it must be an http:// or https:// address`)
  return text
}

function keyOf(env: Env, problems: string[]): string {
  const { DEIS_ROUTER_KEY: given, DEIS_ROUTER_KEY_FILE: file } = env
  let key = given ?? ''
  if (given && file) problems.push('DEIS_ROUTER_KEY and DEIS_ROUTER_KEY_FILE are both set, use one of them')
  else if (!given && !file)
    problems.push(
      'neither DEIS_ROUTER_KEY nor DEIS_ROUTER_KEY_FILE is set: set one to the key that the controller expects from routers',
    )
  else if (file) {
    try {
      key = readFileSync(file, 'utf8').trim()
      if (key === '') problems.push(`DEIS_ROUTER_KEY_FILE: ${file} is empty`)
    } catch (error) {
      problems.push(`DEIS_ROUTER_KEY_FILE cannot be read: ${messageOf(error)}`)
    }
  }
  if (/[^\x21-\x7e]/.test(key)) problems.push('the router key has characters that are not allowed in a header')
  return key
}

function networkList(env: Env, name: SettingNames<ListSetting>, problems: string[]): string[] {
  const entries = (env[name] ?? '').split(',').flatMap((entry) => entry.trim() || [])
  for (const invalid of networksOf(entries).invalid)
    problems.push(
      `${name} has ${JSON.stringify(invalid)}; it must be addresses and networks such as 10.0.0.0/8, with commas`,
    )
  return entries
}

function onOff(env: Env, name: SettingNames<ChoiceSetting<'0' | '1'>>, problems: string[]): boolean {
  const text = env[name] || settings[name].default
  if (text !== '0' && text !== '1') problems.push(`${name} is ${JSON.stringify(text)}; it must be 0 or 1`)
  return text === '1'
}

function metricsOf(env: Env, problems: string[]): MetricsSettings | null {
  const port = optionalNumber(env, 'DEIS_ROUTER_METRICS_PORT', problems)
  if (port === null) return null
  const host = env.DEIS_METRICS_HOST || settings.DEIS_METRICS_HOST.default
  const token = env.DEIS_METRICS_TOKEN?.trim() || null
  problems.push(...metricsProblems(host, token))
  return { port, host, token }
}

/** An empty variable counts as not set. @throws BadConfig */
export function readConfig(env: Env): Config {
  const problems: string[] = []
  const config: Config = {
    port: wholeNumber(env, 'DEIS_ROUTER_PORT', problems),
    publicPort: optionalNumber(env, 'DEIS_ROUTER_PUBLIC_PORT', problems),
    host: env.DEIS_ROUTER_HOST || undefined,
    tlsPort: wholeNumber(env, 'DEIS_ROUTER_TLS_PORT', problems) || null,
    tlsPublicPort: optionalNumber(env, 'DEIS_ROUTER_TLS_PUBLIC_PORT', problems),
    trustedProxies: networkList(env, 'DEIS_ROUTER_TRUSTED_PROXIES', problems),
    controllerUrl: webAddress(env, 'DEIS_CONTROLLER_URL', problems),
    key: keyOf(env, problems),
    tableFile: env.DEIS_ROUTER_TABLE || null,
    drainSeconds: wholeNumber(env, 'DEIS_DRAIN_SECONDS', problems),
    lingerSeconds: wholeNumber(env, 'DEIS_ROUTER_LINGER_SECONDS', problems),
    healthPort: optionalNumber(env, 'DEIS_ROUTER_HEALTH_PORT', problems),
    metrics: metricsOf(env, problems),
    metricsApps: wholeNumber(env, 'DEIS_ROUTER_METRICS_APPS', problems),
    accessLog: onOff(env, 'DEIS_ROUTER_ACCESS_LOG', problems),
    compression: onOff(env, 'DEIS_ROUTER_COMPRESSION', problems),
    workers: optionalNumber(env, 'DEIS_ROUTER_WORKERS', problems, 'a whole number'),
  }
  if (problems.length > 0) throw new BadConfig(problems)
  return config
}
