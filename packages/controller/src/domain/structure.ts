// How many processes of which type does a build start with, and what does a scale request change (contract/api.md §2.3, §3.7)?
import { DeisError, type Structure } from '@deis/types'

export type BuildKind = 'dockerfile' | 'buildpack' | 'image'
type Procfile = Readonly<Record<string, string>>

export function buildKind(build: { readonly dockerfile: string; readonly sha: string }): BuildKind {
  if (build.dockerfile !== '') return 'dockerfile'
  return build.sha === '' ? 'image' : 'buildpack'
}

/** Only `web` and `cmd` start by themselves. */
export function defaultStructure(build: {
  readonly dockerfile: string
  readonly sha: string
  readonly procfile: Procfile
}): Structure {
  if ('web' in build.procfile) return { web: 1 }
  if (buildKind(build) !== 'buildpack') return { cmd: 1 }
  return Object.keys(build.procfile).length > 0 ? {} : { web: 1 }
}

type BuildShape = { readonly dockerfile: string; readonly sha: string; readonly procfile: Procfile }

/** The structure to run a new build with, given the one before it. */
export function structureFor(
  current: Structure,
  build: BuildShape,
  previous: BuildShape | null,
  removeMissing: boolean,
): Structure {
  let next: Structure = { ...current }
  const now = Object.keys(build.procfile)
  const before = Object.keys(previous?.procfile ?? {})
  // Types that the old Procfile declared and the new one does not are scaled to 0.
  if (before.length > 0 && (removeMissing || now.length > 0))
    for (const type of before) if (!now.includes(type) && type in next) next[type] = 0
  if (Object.keys(next).length === 0) return defaultStructure(build)
  if (previous && buildKind(previous) !== buildKind(build)) {
    for (const type of ['cmd', 'web']) if (type in next) next[type] = 0
    next = { ...next, ...defaultStructure(build) }
  }
  return next
}

function count(raw: unknown): number {
  const refuse = (why: string): never => {
    throw new DeisError('invalid', `Invalid scaling format: ${why}`)
  }
  if (typeof raw === 'boolean') return raw ? 1 : 0
  const value =
    typeof raw === 'number'
      ? Math.trunc(raw)
      : typeof raw === 'string' && /^\s*[+-]?\d+\s*$/.test(raw)
        ? Number(raw)
        : Number.NaN
  if (!Number.isSafeInteger(value)) refuse(`invalid literal for int() with base 10: '${String(raw)}'`)
  if (value < 0) refuse("['Must be greater than or equal to zero']")
  return value
}

/** The counts a request asks for, checked against the types the app has; `cmd` always exists. */
export function scaleRequest(body: Readonly<Record<string, unknown>>, types: readonly string[]): Structure {
  const wanted: Structure = {}
  for (const [type, raw] of Object.entries(body)) wanted[type] = count(raw)
  for (const type of Object.keys(wanted))
    if (type !== 'cmd' && !types.includes(type))
      throw new DeisError('not_found', `Container type ${type} does not exist in application`)
  return wanted
}
