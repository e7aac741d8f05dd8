// What does an upgrade have to keep in mind? Rules without IO.

/** Database files that `DATABASE_URL` names; null: it is on a server. */
export function databaseFile(url: string | undefined, dataDir: string): string | null {
  if (url === undefined || url === '') return `${dataDir}/state/deis.db`
  return url.startsWith('file:') ? url.slice('file:'.length) : null
}

/** Migrations that the old release does not know: it may not run on what they have made. */
export function newMigrations(old: readonly string[], next: readonly string[]): string[] {
  return next.filter((name) => /^\d{4}_/.test(name) && !old.includes(name))
}

/** Releases to delete: all but those in use and the newest `keep`, by their time. */
export function outdated(
  releases: readonly { readonly name: string; readonly time: number }[],
  inUse: readonly string[],
  keep: number,
): string[] {
  const newest = releases.toSorted((a, b) => b.time - a.time).slice(0, keep)
  return releases
    .filter((release) => !newest.includes(release) && !inUse.includes(release.name))
    .map(({ name }) => name)
}
