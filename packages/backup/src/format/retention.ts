// Which backups are no longer needed?

export type Kept = {
  readonly last: number
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
}

type Backup = { readonly name: string; readonly at: Date; readonly proven: boolean }

const dayMs = 24 * 3600 * 1000
/** Two that are made in one second have names one after the other. */
const slackMs = 60_000

/** The clock was set back since it was made: what is newer is not what the names say. */
export const isAhead = (at: Date, now: Date): boolean => at.getTime() - now.getTime() > slackMs

const periods: { readonly [Period in Exclude<keyof Kept, 'last'>]: (at: Date) => string } = {
  daily: (at) => at.toISOString().slice(0, 10),
  // Weeks begin on Monday; 1970-01-01 was a Thursday.
  weekly: (at) => String(Math.floor((at.getTime() / dayMs + 3) / 7)),
  monthly: (at) => at.toISOString().slice(0, 7),
}

/**
 * Only proven backups count, and without one nothing is deleted. The newest proven one stays whatever the numbers are, and so
 * does what is newer: it may be all that shows why it could not be proven. Those from a time that is yet to come stay until it
 * has come, and take nobody's place: otherwise one that is made now would be deleted at once.
 */
export function expired(backups: readonly Backup[], keep: Kept, now: Date): string[] {
  const past = backups.filter(({ at }) => !isAhead(at, now))
  const newestFirst = past.toSorted((a, b) => b.at.getTime() - a.at.getTime() || (a.name < b.name ? 1 : -1))
  const proven = newestFirst.filter((one) => one.proven)
  const newest = proven[0]
  if (newest === undefined) return []
  const kept = new Set([newest, ...proven.slice(0, keep.last)])
  for (const [name, period] of Object.entries(periods) as [keyof typeof periods, (at: Date) => string][]) {
    const seen = new Set<string>()
    for (const one of proven) {
      if (seen.has(period(one.at))) continue
      if (seen.size >= keep[name]) break
      seen.add(period(one.at))
      kept.add(one)
    }
  }
  return newestFirst.slice(newestFirst.indexOf(newest)).flatMap((one) => (kept.has(one) ? [] : [one.name]))
}
