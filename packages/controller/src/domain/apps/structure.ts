// How many processes of which type does an app ask for: as stored, with a new build, after a scale request (docs/contract/api.md §2.3, §3.7)?
import { DeisError, type Structure } from '@deis/types'

export type BuildKind = 'dockerfile' | 'buildpack' | 'cnb' | 'image'
type Procfile = Readonly<Record<string, string>>
export type BuildShape = {
  readonly dockerfile: string
  readonly sha: string
  readonly procfile: Procfile
  /** Null unless Cloud Native Buildpacks built it. */
  readonly cnb: unknown
}

/** What an app is to run, and what it ran of types that its build does not have. */
export type Counts = { readonly structure: Structure; readonly removed: Structure }

/** Types come and go with every push; their counts are not kept for ever. */
export const maxKept = 200
/** More are counted, not listed. */
const listed = 20

export function buildKind(build: Omit<BuildShape, 'procfile'>): BuildKind {
  if (build.cnb !== null) return 'cnb'
  if (build.dockerfile !== '') return 'dockerfile'
  return build.sha === '' ? 'image' : 'buildpack'
}

/** Whichever buildpacks: such apps have the types that they declare, and listen on the platform's port. */
export function isBuildpackApp(build: Omit<BuildShape, 'procfile'>): boolean {
  const kind = buildKind(build)
  return kind === 'buildpack' || kind === 'cnb'
}

/** Whether counts of one build mean the same in the other. */
const alike = (one: BuildShape, other: BuildShape): boolean =>
  buildKind(one) === buildKind(other) || (isBuildpackApp(one) && isBuildpackApp(other))

const startingTypes = ['cmd', 'web']

/** Only `web` and `cmd` start by themselves. */
export function defaultStructure(build: BuildShape): Structure {
  if (Object.hasOwn(build.procfile, 'web')) return { web: 1 }
  if (!isBuildpackApp(build)) return { cmd: 1 }
  return Object.keys(build.procfile).length > 0 ? {} : { web: 1 }
}

/** Types of which processes can run: an image always has its own entry point, as `cmd`. */
export function typesOf(build: BuildShape): string[] {
  const declared = Object.keys(build.procfile)
  if (!isBuildpackApp(build)) return [...new Set([...declared, 'cmd'])]
  return declared.length > 0 ? declared : ['web']
}

/** `Its process types: web, worker.` */
export function typesText(build: BuildShape): string {
  const types = typesOf(build).toSorted()
  const more = types.length > listed ? ` and ${types.length - listed} more` : ''
  return `Its process types: ${types.slice(0, listed).join(', ')}${more}.`
}

/** Types that exist, and then the newest others. */
function kept(counts: Structure, types: readonly string[]): Structure {
  const others = Object.keys(counts).filter((type) => !types.includes(type))
  const dropped = new Set(others.filter((type) => counts[type] === 0).slice(0, Math.max(0, others.length - maxKept)))
  return Object.fromEntries(Object.entries(counts).filter(([type]) => !dropped.has(type)))
}

/** The counts to run a new build with, given those of the one before it. A type that comes back has the count that it had. */
export function countsFor(
  current: Counts,
  build: BuildShape,
  previous: BuildShape | null,
  options: { readonly removeMissing: boolean; readonly maxProcesses: number },
): Counts {
  const next = new Map(Object.entries(current.structure))
  const removed = new Map(Object.entries(current.removed))
  const zeroed = new Set<string>()
  const had = previous ? typesOf(previous) : []
  const scaleToZero = (type: string): void => {
    const count = next.get(type)
    if (count === undefined || zeroed.has(type)) return
    zeroed.add(type)
    if (had.includes(type)) removed.set(type, count)
    next.set(type, 0)
  }
  const declared = Object.keys(build.procfile)
  const former = Object.keys(previous?.procfile ?? {})
  // Types that the old Procfile declared and the new one does not are scaled to 0.
  if (former.length > 0 && (options.removeMissing || declared.length > 0))
    for (const type of former) if (!declared.includes(type)) scaleToZero(type)
  const initial = Object.entries(defaultStructure(build))
  if (next.size === 0) return { structure: Object.fromEntries(initial), removed: current.removed }
  if (previous && !alike(previous, build)) {
    for (const type of startingTypes) scaleToZero(type)
    for (const [type, count] of initial) next.set(type, count)
  }
  const types = typesOf(build)
  if (previous)
    for (const type of types.filter((one) => !had.includes(one))) {
      const before = removed.get(type)
      const now = next.get(type)
      // Without either, a count of 0 was not asked for, so types that start by themselves start again.
      const otherwise = now === 0 && startingTypes.includes(type) ? 1 : undefined
      const count = now ? before || now : (before ?? otherwise)
      if (count !== undefined) next.set(type, Math.min(count, options.maxProcesses))
    }
  return {
    structure: kept(Object.fromEntries(next), types),
    removed: Object.fromEntries([...removed].slice(-maxKept)),
  }
}

function count(raw: unknown): number {
  const refuse = (why: string): never => {
    throw new DeisError('invalid', `Invalid scaling format: ${why}`)
  }
  if (typeof raw === 'boolean') return raw ? 1 : 0
  const value =
    typeof raw === 'number'
      ? Math.trunc(raw)
      : typeof raw === 'string' && raw.length <= 32 && /^\s*[+-]?\d+\s*$/.test(raw)
        ? Number(raw)
        : Number.NaN
  if (!Number.isSafeInteger(value)) refuse(`invalid literal for int() with base 10: '${String(raw).slice(0, 80)}'`)
  if (value < 0) refuse("['Must be greater than or equal to zero']")
  return value
}

/** The counts a request asks for, checked against the types the app has; `cmd` always exists. */
export function scaleRequest(
  body: Readonly<Record<string, unknown>>,
  build: BuildShape,
  maxProcesses: number,
): Structure {
  const wanted = Object.entries(body).map(([type, raw]) => [type, count(raw)] as const)
  for (const [type, number] of wanted) {
    if (type !== 'cmd' && !Object.hasOwn(build.procfile, type))
      throw new DeisError(
        'not_found',
        `Container type ${type.slice(0, 80)} does not exist in application. ${typesText(build)}`,
      )
    if (number > maxProcesses) throw new DeisError('invalid', tooMany(type, number, maxProcesses))
  }
  return Object.fromEntries(wanted)
}

export function tooMany(type: string, count: number, maxProcesses: number): string {
  return `${type}=${count} is more than the ${maxProcesses} processes that this platform allows per type (DEIS_MAX_PROCESSES), so nothing was changed.`
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Stored counts by type, without whatever is not one. */
export function countsOf(stored: unknown): Structure {
  const counts = Object.entries(isMap(stored) ? stored : {}).filter(([, value]) => isCount(value))
  return Object.fromEntries(counts.toSorted(([left], [right]) => (left < right ? -1 : 1))) as Structure
}

export function structureOf(row: { readonly structure: unknown }): Structure {
  return countsOf(row.structure)
}

/** Why an app cannot be brought to its stored counts; null when it can. */
export function structureProblem(stored: unknown, maxProcesses: number): string | null {
  if (!isMap(stored)) return 'its stored process counts cannot be read: set them again with deis scale'
  for (const [type, value] of Object.entries(stored)) {
    if (!isCount(value)) return `its stored count of ${type} processes cannot be read: set it with deis scale ${type}=1`
    if (value > maxProcesses)
      return `its stored count of ${type} processes, ${value}, is more than DEIS_MAX_PROCESSES=${maxProcesses} allows: set it with deis scale ${type}=1`
  }
  return null
}

/** What is to run. @throws DeisError invalid */
export function desiredStructure(row: { readonly structure: unknown }, maxProcesses: number): Structure {
  const problem = structureProblem(row.structure, maxProcesses)
  if (problem !== null) throw new DeisError('invalid', `The app cannot be started: ${problem}`)
  return structureOf(row)
}
