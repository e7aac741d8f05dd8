// How is a backup named, and when was it made by its name?

const pattern = /^deis-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.tar\.gz(\.age)?$/

/** Names sort by time. */
function backupName(at: Date, encrypted: boolean): string {
  const stamp = at.toISOString().replace(/[-:]|\.\d+/g, '')
  return `deis-${stamp}.tar.gz${encrypted ? '.age' : ''}`
}

/** Of the next second that has none: two may be made in one. */
export function freeName(taken: readonly { readonly name: string }[], at: Date, encrypted: boolean): string {
  const names = new Set(taken.map(({ name }) => name))
  for (let ms = at.getTime(); ; ms += 1000) {
    const name = backupName(new Date(ms), encrypted)
    if (!names.has(name)) return name
  }
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
