// Which version of Node.js does a range of versions ask for?
import semver from 'semver'

/** What may stand in `engines.node`; npm itself takes no longer ones. */
const longest = 256

const lines: Readonly<Record<string, number>> = {
  argon: 4,
  boron: 6,
  carbon: 8,
  dubnium: 10,
  erbium: 12,
  fermium: 14,
  gallium: 16,
  hydrogen: 18,
  iron: 20,
  jod: 22,
  krypton: 24,
}

// The registry does not know which versions have long-term support, so the schedule of Node.js decides (nodejs/Release). Up to
// 26 the even majors get it, in October of 2013 plus half their number; from 27 on every major, in October of 2000 plus its number.
function isSupported(major: number, now: Date): boolean {
  const year = major >= 27 ? 2000 + major : 2013 + major / 2
  return Number.isInteger(year) && now >= new Date(Date.UTC(year, 10, 1))
}

/**
 * A range that npm's semver understands; null: nothing does. Besides ranges it takes the words of version managers:
 * `lts/*`, `lts/jod`, `node`, `latest`.
 */
export function rangeOf(text: string, known: readonly string[], now: Date): string | null {
  const word = text.trim().toLowerCase()
  if (word.length > longest) return null
  if (['node', 'latest', 'current', 'stable'].includes(word)) return '*'
  const [, name] = /^lts(?:\/(\*|[a-z]+))?$/.exec(word) ?? []
  if (name === undefined && word !== 'lts') return semver.validRange(text)
  if (name !== undefined && name !== '*') return lines[name] === undefined ? null : `${lines[name]}.x`
  const released = known.filter((version) => semver.prerelease(version) === null)
  const majors = released.map((version) => semver.major(version)).filter((major) => isSupported(major, now))
  return majors.length === 0 ? null : `${Math.max(...majors)}.x`
}

/** Whether that word is about what there is, so that the machine's own version alone says nothing. */
export const asksForNewest = (text: string): boolean => /^\s*lts(\/\*)?\s*$/i.test(text)

export const fits = (version: string, range: string): boolean => semver.satisfies(version, range)

export const newestIn = (versions: readonly string[], range: string): string | null =>
  semver.maxSatisfying([...versions], range)

/** The newest of each of the last majors, newest first: what there is, for people. */
export function newestOfEach(versions: readonly string[]): string[] {
  const sorted = semver.rsort(versions.filter((version) => semver.prerelease(version) === null))
  const found = new Map<number, string>()
  for (const version of sorted) if (!found.has(semver.major(version))) found.set(semver.major(version), version)
  return [...found.values()].slice(0, 8)
}
