// Which app settings may be set, and what does setting them give (docs/contract/api.md §2.9)?
import {
  type AppSettings,
  type AutoscaleRule,
  DeisError,
  type FieldErrors,
  invalidField,
  invalidProcessType,
  isProcessType,
} from '@deis/types'
import { bounds } from './bounds.ts'
import { tooMany } from './structure.ts'
import { isNetwork } from '@deis/lib/networks'

export type SettingsValues = Pick<AppSettings, 'whitelist' | 'autoscale' | 'label'> & {
  readonly maintenance: boolean
  readonly routable: boolean
  readonly builder: string | null
  readonly buildpacks: string[]
}

/** A request whose every value is of the right shape; absent: unchanged. */
export type SettingsPatch = {
  maintenance?: boolean
  routable?: boolean
  whitelist?: string[]
  autoscale?: Record<string, AutoscaleRule | null>
  label?: Record<string, unknown>
  /** Null: that of the platform. */
  builder?: string | null
  buildpacks?: string[]
}

const yes = new Set<unknown>([true, 1, 't', 'T', 'true', 'True', 'TRUE', '1'])
const no = new Set<unknown>([false, 0, 'f', 'F', 'false', 'False', 'FALSE', '0'])
const none = new Set<unknown>([null, undefined, '', 'n', 'N', 'null', 'Null', 'NULL'])

/** A boolean as clients write it; undefined when it is none. */
export function readBoolean(raw: unknown): boolean | null | undefined {
  const value = typeof raw === 'string' ? raw.trim() : raw
  if (yes.has(value)) return true
  if (no.has(value)) return false
  return none.has(value) ? null : undefined
}

export const invalidBoolean = (raw: unknown): string =>
  `"${typeof raw === 'string' ? raw : JSON.stringify(raw)}" is not a valid boolean.`

export const invalidAddress = (text: string): string => `The address ${text} is not valid`

/** Without doubles, in the order they came. */
export function cleanAddresses(raw: readonly string[]): string[] {
  return [...new Set(raw.map((one) => one.trim()))]
}

/** What backends count in. */
const maxInteger = 2 ** 31 - 1
const maxLabelBytes = 64 * 1024

function ruleProblem(rule: unknown): string | null {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return 'it is not an object'
  const values = rule as Record<string, unknown>
  const whole = (value: unknown): boolean => Number.isInteger(value) && Math.abs(Number(value)) <= maxInteger
  const wrong = (['min', 'max', 'cpu_percent'] as const).find((key) => !whole(values[key]))
  if (wrong === undefined) return null
  return wrong in values ? `${wrong} is not a whole number` : `'${wrong}' is a required property`
}

function readAutoscale(raw: Record<string, unknown>, refuse: (message: string) => void): SettingsPatch['autoscale'] {
  const rules: Record<string, AutoscaleRule | null> = {}
  for (const [type, rule] of Object.entries(raw)) {
    const problem = rule === null ? null : ruleProblem(rule)
    if (!isProcessType(type)) refuse(invalidProcessType)
    else if (problem !== null) refuse(`could not validate ${JSON.stringify(rule)}: ${problem}`)
    else if (rule === null) rules[type] = null
    else {
      const { min, max, cpu_percent } = rule as AutoscaleRule
      rules[type] = { min, max, cpu_percent }
    }
  }
  return rules
}

/** @throws every failing field at once. */
export function readSettings(body: Readonly<Record<string, unknown>>): SettingsPatch {
  const fields: FieldErrors = {}
  const patch: SettingsPatch = {}
  for (const name of ['maintenance', 'routable'] as const) {
    const value = readBoolean(body[name])
    if (value === undefined) fields[name] = [invalidBoolean(body[name])]
    else if (value !== null) patch[name] = value
  }
  if (body.whitelist !== undefined) {
    patch.whitelist = cleanAddresses(body.whitelist as string[])
    const bad = patch.whitelist.filter((one) => !isNetwork(one))
    if (bad.length > 0) fields.whitelist = bad.map(invalidAddress)
  }
  if (body.autoscale !== undefined) {
    const rules = readAutoscale(body.autoscale as Record<string, unknown>, (message) => {
      fields.autoscale = [message]
    })
    if (rules) patch.autoscale = rules
  }
  if (body.builder !== undefined) patch.builder = (body.builder as string | null)?.trim() ?? null
  if (body.buildpacks !== undefined) patch.buildpacks = (body.buildpacks as string[]).map((id) => id.trim())
  if (body.label !== undefined) patch.label = body.label as Record<string, unknown>
  if (Object.keys(fields).length > 0) throw new DeisError('invalid', Object.values(fields).flat().join(' '), { fields })
  for (const rule of Object.values(patch.autoscale ?? {})) checkLimits(rule)
  return patch
}

function checkLimits(rule: AutoscaleRule | null): void {
  if (rule === null) return
  if (rule.min < 1) throw new DeisError('invalid', 'min replicas needs to be 1 or higher')
  if (rule.max < rule.min) throw new DeisError('invalid', 'max replicas can not be smaller than min replicas')
  if (rule.cpu_percent < 1) throw new DeisError('invalid', 'cpu_percent needs to be 1 or higher')
}

function mergeMap<T>(
  name: string,
  base: Readonly<Record<string, T>>,
  patch: Readonly<Record<string, T | null>> = {},
): Record<string, T> {
  // A Map, because keys such as __proto__ mean something else to a plain object.
  const next = new Map(Object.entries(base))
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null) next.set(key, value)
    else if (!next.delete(key)) throw new DeisError('unprocessable', `${key} does not exist under ${name}`)
  }
  return Object.fromEntries(next)
}

export function mergeSettings(base: SettingsValues, patch: SettingsPatch, maxProcesses: number): SettingsValues {
  for (const [type, rule] of Object.entries(patch.autoscale ?? {}))
    if (rule && rule.max > maxProcesses) throw new DeisError('invalid', tooMany(type, rule.max, maxProcesses))
  const label = mergeMap('label', base.label, patch.label)
  if (Buffer.byteLength(JSON.stringify(label)) > maxLabelBytes)
    throw invalidField('label', `Labels can have at most ${maxLabelBytes / 1024} KiB in total.`)
  const autoscale = mergeMap('autoscale', base.autoscale, patch.autoscale)
  if (Object.keys(autoscale).length > bounds.typesOfAutoscale)
    throw invalidField('autoscale', `At most ${bounds.typesOfAutoscale} process types can be scaled automatically.`)
  return {
    maintenance: patch.maintenance ?? base.maintenance,
    routable: patch.routable ?? base.routable,
    whitelist: patch.whitelist ?? base.whitelist,
    autoscale,
    label,
    builder: patch.builder === undefined ? base.builder : patch.builder,
    buildpacks: patch.buildpacks ?? base.buildpacks,
  }
}

/** Text that is equal for equal values, however databases order keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  )
}

/** Names of the settings that differ. */
export function settingsChanges(before: SettingsValues, after: SettingsValues): (keyof SettingsValues)[] {
  const names = ['maintenance', 'routable', 'whitelist', 'autoscale', 'label', 'builder', 'buildpacks'] as const
  return names.filter((name) => canonical(before[name]) !== canonical(after[name]))
}
