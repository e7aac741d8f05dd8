// How many processes of each type does an app's row ask for, and can it be brought to that?
import { DeisError, type Structure } from '@deis/types'

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
