// Which config may be set, and what does setting it give (docs/contract/api.md §2.5)?
import { configKeyMessage, DeisError, invalidField, invalidProcessType, isProcessType } from '@deis/types'
import { healthcheckValue, withLegacyHealthcheck } from './healthcheck-rules.ts'
import { parseJson } from './json.ts'
import { unstorable } from './storable.ts'

export type Probes = Record<string, Record<string, unknown>>
export type ConfigMaps = {
  readonly values: Readonly<Record<string, string>>
  readonly memory: Readonly<Record<string, string>>
  readonly cpu: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly registry: Readonly<Record<string, string>>
  readonly healthcheck: Readonly<Record<string, Probes>>
}
export type MapName = keyof ConfigMaps
const mapNames = ['values', 'memory', 'cpu', 'tags', 'registry', 'healthcheck'] as const

export const emptyConfig: ConfigMaps = { values: {}, memory: {}, cpu: {}, tags: {}, registry: {}, healthcheck: {} }

const keyPattern = /^[a-z_][a-z0-9_]*$/i
const memoryPattern = /^(?:(?:0|\d+(?:B|K|M|G|KB|MB|GB))\/)?\d+(?:B|K|M|G|KB|MB|GB)$/i
const cpuPattern = /^[+-]?(?:\d+(?:\.\d+)?|\.\d+)m?(?:\/[+-]?(?:\d+(?:\.\d+)?|\.\d+)m?)?$/
const tagPattern = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/i
const dnsPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i
/** No single value, and no file of a build's ENV_DIR, needs to be larger. */
const maxValueBytes = 128 * 1024
const maxConfigBytes = 1024 * 1024
/** Of each map, in one request and in all: each key appears in the release's summary, and is a variable of every process. */
const maxKeys = 1000
/** No limit of memory or CPU, and no tag, is written with more. */
const maxWordLength = 100

/** Every value reaches a container as text; anything but a scalar is written as JSON. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return typeof value === 'number' ? String(value) : JSON.stringify(value)
}

function checkValue(key: string, value: string): void {
  const refuse = (message: string): never => {
    throw invalidField('values', message)
  }
  if (value.includes('\0')) refuse(`${key} contains a NUL character, which an environment variable cannot hold`)
  if (Buffer.byteLength(value) > maxValueBytes) refuse(`${key} is larger than ${maxValueBytes / 1024} KiB`)
  if (key === 'PORT') {
    if (!/^\d+$/.test(value)) refuse('PORT can only be a numeric value')
    if (Number(value) < 1 || Number(value) > 65_535) refuse('PORT needs to be between 1 and 65535')
  } else if (key === 'HEALTHCHECK_URL') {
    const url = URL.canParse(value, 'http://path.invalid') ? new URL(value, 'http://path.invalid') : null
    if (!url || value.trim() === '' || (url.pathname === '/' && !value.includes('/')))
      refuse('HEALTHCHECK_URL is missing a URI path (such as /healthz). Without it no health check can be done')
    if (url?.host !== 'path.invalid' || url.search !== '' || url.hash !== '' || /^[a-z]+:/i.test(value))
      refuse(
        'HEALTHCHECK_URL can only be a URI path (such as /healthz) that does not contain other things such as query params',
      )
  } else if (key.startsWith('HEALTHCHECK_') && !/^\d+$/.test(value)) refuse(`${key} can only be a numeric value`)
}

function checkTag(key: string, value: string | null): void {
  const refuse = (message: string): never => {
    throw invalidField('tags', message)
  }
  const parts = key.split('/')
  const name = parts.pop() ?? ''
  if (parts.length > 1) refuse('Tag key prefixes must be DNS subdomains.')
  const [prefix] = parts
  if (prefix !== undefined) {
    if (prefix.length > 253) refuse('Tag key prefixes must 253 characters or less.')
    if (!dnsPattern.test(prefix)) refuse('Tag key prefixes must be DNS subdomains.')
  }
  if (!tagPattern.test(name)) refuse('Tag keys must be alphanumeric or "-_.", and 1-63 characters.')
  if (value !== null && value !== '' && !tagPattern.test(value))
    refuse('Tag values must be alphanumeric or "-_.", and 1-63 characters.')
}

const limits = {
  memory: {
    pattern: memoryPattern,
    message: 'Memory limit format: <number><unit> or <number><unit>/<number><unit>, where unit = B, K, M or G',
  },
  cpu: { pattern: cpuPattern, message: 'CPU limit format: <value> or <value>/<value>, where value must be a numeric' },
} as const

/** The key as it is stored. */
function checkKey(map: MapName, key: string): string {
  if ((map === 'values' || map === 'registry') && !keyPattern.test(key)) throw invalidField(map, configKeyMessage)
  if ((map === 'memory' || map === 'cpu') && !isProcessType(key)) throw invalidField(map, invalidProcessType)
  return map === 'registry' ? key.toLowerCase() : key
}

function checkText(map: Exclude<MapName, 'healthcheck'>, key: string, raw: unknown): string | null {
  const value = raw === null ? null : asText(raw)
  if (map === 'tags') checkTag(key, value)
  if (value === null) return null
  if ((map === 'memory' || map === 'cpu') && value.length > maxWordLength) throw invalidField(map, limits[map].message)
  if (map === 'values') checkValue(key, value)
  if (map === 'memory' || map === 'cpu') {
    if (!limits[map].pattern.test(value)) throw invalidField(map, limits[map].message)
  }
  return value
}

/** A map of a request: an object, or an object as JSON text. */
function asMap(map: MapName, raw: unknown): Record<string, unknown> {
  let value = raw
  if (typeof value === 'string') {
    try {
      value = parseJson(value)
    } catch {
      // Reported with the field's name.
      throw invalidField(map, 'Value must be valid JSON.')
    }
    const problem = map === 'values' ? null : unstorable(value)
    if (problem !== null) throw invalidField(map, problem)
  }
  if (value === null) throw invalidField(map, 'This field may not be null.')
  if (typeof value !== 'object' || Array.isArray(value))
    throw invalidField(
      map,
      `Expected a dictionary of items but got type "${Array.isArray(value) ? 'list' : typeof value}".`,
    )
  return value as Record<string, unknown>
}

export type ConfigPatch = Partial<Record<MapName, unknown>>

function mergeMap<T>(
  map: MapName,
  base: Readonly<Record<string, T>>,
  patch: Record<string, unknown>,
  value: (key: string, raw: unknown) => T | null,
): Record<string, T> {
  const entries = Object.entries(patch)
  if (entries.length > maxKeys) throw invalidField(map, `Ensure this field has no more than ${maxKeys} keys.`)
  const checked = entries.map(([key, raw]) => {
    const stored = checkKey(map, key)
    return [stored, value(stored, raw)] as const
  })
  // A Map, because keys such as __proto__ mean something else to a plain object.
  const next = new Map(Object.entries(base))
  for (const [key, result] of checked) {
    if (result !== null) next.set(key, result)
    else if (!next.delete(key)) throw new DeisError('unprocessable', `${key} does not exist under ${map}`)
  }
  if (next.size > Math.max(maxKeys, Object.keys(base).length))
    throw invalidField(map, `An app can have at most ${maxKeys} keys here.`)
  return Object.fromEntries(next)
}

/** The config after a request, every map merged onto the one before; all failing fields are reported at once. */
export function mergeConfig(base: ConfigMaps, patch: ConfigPatch): ConfigMaps {
  const fields: Record<string, string[]> = {}
  const merged: { -readonly [K in MapName]: ConfigMaps[K] } = { ...base }
  let missing: DeisError | null = null
  for (const map of mapNames) {
    if (patch[map] === undefined) continue
    try {
      const wanted = asMap(map, patch[map])
      if (map === 'healthcheck')
        merged.healthcheck = mergeMap(map, base.healthcheck, wanted, (type, raw) =>
          healthcheckValue(base.healthcheck[type], type, raw),
        )
      else merged[map] = mergeMap(map, base[map], wanted, (key, raw) => checkText(map, key, raw))
    } catch (error) {
      if (!(error instanceof DeisError)) throw error
      if (error.fields) Object.assign(fields, error.fields)
      else missing ??= error
    }
  }
  if (Object.keys(fields).length > 0) throw new DeisError('invalid', Object.values(fields).flat().join(' '), { fields })
  if (missing) throw missing
  const next = withLegacyHealthcheck(merged)
  if (Buffer.byteLength(JSON.stringify(next)) > maxConfigBytes)
    throw new DeisError('invalid', `The whole config is larger than ${maxConfigBytes / 1024} KiB.`)
  return next
}

/** An image from a private registry cannot be asked for its port. Asked after what a backend cannot do at all. */
export function refuseWithoutPort({ registry, values }: Pick<ConfigMaps, 'registry' | 'values'>): void {
  if (Object.keys(registry).length > 0 && values['PORT'] === undefined)
    throw new DeisError('invalid', 'PORT needs to be set in the config when using a private registry')
}
