// Is a line of the route feed one of the contract's events?
import type { AppRoute, Challenge, RouteEvent } from '@deis/types'
import { parseAddress } from '../upstream/addresses.ts'

/** A line that is not an event; the message says what is wrong with it. */
export class BadLine extends Error {}

type Json = Record<string, unknown>
type Certificate = NonNullable<AppRoute['certificates']>[number]

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(from: Json, key: string): string {
  const value = from[key]
  if (typeof value !== 'string') throw new BadLine(`${key} is not a string`)
  return value
}

function list(from: Json, key: string): unknown[] {
  const value = from[key]
  if (!Array.isArray(value)) throw new BadLine(`${key} is not a list`)
  return value
}

function texts(from: Json, key: string): string[] {
  return list(from, key).map((value) => {
    if (typeof value !== 'string') throw new BadLine(`${key} contains something that is not a string`)
    return value
  })
}

/** A part that is not understood admits no client, and does not affect other apps. */
function protection(value: Json): Partial<AppRoute> {
  const { maintenance, whitelist, enforceTls, redirectTls, hsts, certificates } = value
  const on = (flag: unknown): boolean => flag !== undefined && flag !== false
  const told = (entry: unknown): string => (typeof entry === 'string' ? entry : JSON.stringify(entry))
  const usable = (one: unknown): one is Certificate =>
    isObject(one) && [one.host, one.certificate, one.key].every((part) => typeof part === 'string')
  return {
    ...(on(maintenance) ? { maintenance: true } : {}),
    ...(whitelist === undefined
      ? {}
      : { whitelist: Array.isArray(whitelist) ? whitelist.map(told) : [JSON.stringify(whitelist)] }),
    ...(on(enforceTls) ? { enforceTls: true } : {}),
    ...(on(redirectTls) ? { redirectTls: true } : {}),
    ...(typeof hsts === 'number' && Number.isSafeInteger(hsts) && hsts >= 0 ? { hsts } : {}),
    ...(Array.isArray(certificates)
      ? { certificates: certificates.filter(usable).map(({ host, certificate, key }) => ({ host, certificate, key })) }
      : {}),
  }
}

function appRoute(value: unknown): AppRoute {
  if (!isObject(value)) throw new BadLine('an app is not an object')
  const route = { app: text(value, 'app'), hosts: texts(value, 'hosts'), upstreams: texts(value, 'upstreams') }
  if (value.shared !== undefined && typeof value.shared !== 'boolean')
    throw new BadLine(`shared of ${route.app} is neither true nor false`)
  const invalid = route.upstreams.find((upstream) => parseAddress(upstream) === null)
  if (invalid !== undefined) throw new BadLine(`upstream ${JSON.stringify(invalid)} of ${route.app} is not host:port`)
  return {
    ...route,
    ...(value.shared === true ? { shared: true } : {}),
    ...(typeof value.release === 'number' && Number.isSafeInteger(value.release) && value.release >= 0
      ? { release: value.release }
      : {}),
    ...(value.platform === true ? { platform: true } : {}),
    ...protection(value),
  }
}

function challengesOf(value: Json): Challenge[] {
  return list(value, 'challenges').map((one) => {
    if (!isObject(one)) throw new BadLine('a challenge is not an object')
    return { host: text(one, 'host'), token: text(one, 'token'), keyAuthorization: text(one, 'keyAuthorization') }
  })
}

/** @throws BadLine */
export function parseEvent(line: string): RouteEvent {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new BadLine('it is not JSON', { cause: error })
  }
  if (!isObject(value)) throw new BadLine('it is not an object')
  const { seq } = value
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 0) throw new BadLine('seq is not a whole number')
  switch (value.type) {
    case 'snapshot':
      return {
        type: 'snapshot',
        epoch: text(value, 'epoch'),
        seq,
        domain: text(value, 'domain'),
        apps: list(value, 'apps').map(appRoute),
        ...(value.challenges === undefined ? {} : { challenges: challengesOf(value) }),
      }
    case 'challenges':
      return { type: 'challenges', seq, challenges: challengesOf(value) }
    case 'app':
      return { type: 'app', seq, app: appRoute(value.app) }
    case 'gone':
      return { type: 'gone', seq, app: text(value, 'app') }
    case 'ping':
      return { type: 'ping', seq }
    default:
      throw new BadLine('its type is unknown')
  }
}
