// Which apps does a snapshot of the database have, and which slugs do they need?
import type { Query } from '../database/query.ts'

export type StoredApp = {
  readonly uuid: string
  readonly id: string
  readonly releases: number
  readonly version: number | null
  readonly artifact: string | null
}

/** Ids by uuid. */
export async function appIds(query: Query): Promise<Map<string, string>> {
  const rows = await query('SELECT "uuid", "id" FROM "App" ORDER BY "id"')
  return new Map(rows.map((row) => [String(row['uuid']), String(row['id'])]))
}

const numberOrNull = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value))

export async function storedApps(query: Query): Promise<StoredApp[]> {
  const rows = await query(`
    SELECT a."uuid", a."id", r."version", COALESCE(b."reference", b."image") AS "artifact",
      (SELECT COUNT(*) FROM "Release" c WHERE c."appUuid" = a."uuid") AS "releases"
    FROM "App" a
    LEFT JOIN "Release" r ON r."appUuid" = a."uuid" AND r."version" =
      (SELECT MAX(n."version") FROM "Release" n WHERE n."appUuid" = a."uuid" AND n."state" <> 'failed')
    LEFT JOIN "Build" b ON b."uuid" = r."buildUuid"
    ORDER BY a."id"`)
  return rows.map((row) => ({
    uuid: String(row['uuid']),
    id: String(row['id']),
    releases: Number(row['releases']),
    version: numberOrNull(row['version']),
    artifact: typeof row['artifact'] === 'string' && row['artifact'] !== '' ? row['artifact'] : null,
  }))
}

const slugDigest = /^sha256:([0-9a-f]{64})$/

/** The name of the file; null: it is an image. */
export function slugName(artifact: string): string | null {
  const hex = slugDigest.exec(artifact)?.[1]
  return hex === undefined ? null : `${hex}.tgz`
}

/** As many as the controller keeps for rollbacks (controller/src/domain/builds/tidy.ts). */
const ofRollbacks = 20

/**
 * What releases run, slugs or images, that run or may run again: `current` is the newest that was deployed and what comes
 * after it, which may be deployed just now.
 */
export async function neededArtifacts(query: Query, which: 'current' | 'all'): Promise<Set<string>> {
  const [state, newer] = which === 'current' ? [`= 'deployed'`, 1] : [`<> 'failed'`, ofRollbacks]
  const rows = await query(
    `SELECT DISTINCT COALESCE(b."reference", b."image") AS "artifact" FROM "Release" r
     JOIN "Build" b ON b."uuid" = r."buildUuid"
     WHERE r."state" <> 'failed' AND (
       SELECT COUNT(*) FROM "Release" n WHERE n."appUuid" = r."appUuid" AND n."version" > r."version"
         AND n."state" ${state} AND n."buildUuid" IS NOT NULL) < ?`,
    [newer],
  )
  return new Set(rows.map((row) => String(row['artifact'])))
}

export async function neededSlugs(query: Query, which: 'current' | 'all'): Promise<Set<string>> {
  return new Set([...(await neededArtifacts(query, which))].flatMap((artifact) => slugName(artifact) ?? []))
}
