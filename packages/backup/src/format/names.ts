// How is a backup named, and when was it made by its name?

const pattern = /^deis-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.tar\.gz(\.age)?$/

/** Names sort by time. */
export function backupName(at: Date, encrypted: boolean): string {
  const stamp = at.toISOString().replace(/[-:]|\.\d+/g, '')
  return `deis-${stamp}.tar.gz${encrypted ? '.age' : ''}`
}

/** Null: it is not the name of a backup. */
export function timeOfName(name: string): Date | null {
  const [, year, month, day, hour, minute, second] = pattern.exec(name) ?? []
  if (year === undefined) return null
  const at = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(at.getTime()) ? null : at
}

/** What is known of a backup stands beside it. */
export const recordName = (name: string): string => `${name}.json`
