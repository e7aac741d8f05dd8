// What is stored about how apps are reached?
import type { Core } from '../core.ts'

export type StoredEdge = {
  readonly id: string
  readonly routable: boolean
  readonly maintenance: boolean
  /** Null: never said. */
  readonly httpsEnforced: boolean | null
  /** Seconds; null: not said to browsers. */
  readonly hsts: number | null
  readonly whitelist: readonly string[]
  /** Number of the release that was deployed last; null: none was. */
  readonly release: number | null
  readonly domains: readonly Named[]
}

/** A domain, and its certificate: its user's, else the one that the platform has got. */
type Named = { readonly domain: string; readonly certificate: string | null; readonly key: string | null }

type Row = {
  readonly id: string
  readonly whitelist: string | null
  readonly hsts: unknown
  readonly release: unknown
} & Record<'routable' | 'maintenance' | 'httpsEnforced', unknown>

/** Databases have a boolean, or a number for it. */
const isTrue = (stored: unknown): boolean => Boolean(Number(stored))

/**
 * Of some apps in the order of their ids, as the database has it. Two statements for all: at a start that is every app there is.
 * An app that is being destroyed is not among them, whatever is stored of it.
 * @throws SyntaxError
 */
export async function readStoredEdges(
  { db }: Pick<Core, 'db'>,
  ids: readonly string[],
): Promise<Map<string, StoredEdge>> {
  const [first, last] = [ids[0], ids.at(-1)]
  if (first === undefined || last === undefined) return new Map()
  const [apps, names] = await Promise.all([
    db.$queryRaw<Row[]>`
      SELECT a."id", s."routable", s."maintenance", CAST(s."whitelist" AS TEXT) AS "whitelist",
        t."httpsEnforced", t."hsts",
        (SELECT r."version" FROM "Release" r
          WHERE r."appUuid" = a."uuid" AND r."state" = 'deployed' AND r."buildUuid" IS NOT NULL
          ORDER BY r."version" DESC LIMIT 1) AS "release"
      FROM "App" a
      LEFT JOIN "Settings" s ON s."uuid" =
        (SELECT x."uuid" FROM "Settings" x WHERE x."appUuid" = a."uuid" ORDER BY x."createdAt" DESC LIMIT 1)
      LEFT JOIN "Tls" t ON t."uuid" =
        (SELECT x."uuid" FROM "Tls" x WHERE x."appUuid" = a."uuid" ORDER BY x."createdAt" DESC LIMIT 1)
      WHERE a."id" >= ${first} AND a."id" <= ${last} AND a."destroying" = false`,
    db.$queryRaw<(Named & { readonly id: string })[]>`
      SELECT a."id", d."domain", COALESCE(c."certificate", n."certificate") AS "certificate",
        CASE WHEN c."id" IS NULL THEN n."key" ELSE c."key" END AS "key"
      FROM "App" a JOIN "Domain" d ON d."appUuid" = a."uuid" LEFT JOIN "Certificate" c ON c."id" = d."certificateId"
      LEFT JOIN "AcmeName" n ON n."domainId" = d."id" AND (a."autoCerts" IS NULL OR a."autoCerts" = true)
      WHERE a."id" >= ${first} AND a."id" <= ${last}`,
  ])
  const domains = new Map<string, Named[]>()
  for (const { id, ...named } of names) domains.set(id, [...(domains.get(id) ?? []), named])
  const wanted = new Set(ids)
  return new Map(
    apps
      .filter(({ id }) => wanted.has(id))
      .map(({ id, routable, maintenance, httpsEnforced, hsts, whitelist, release }) => [
        id,
        {
          id,
          routable: routable === null || isTrue(routable),
          maintenance: isTrue(maintenance),
          httpsEnforced: httpsEnforced === null ? null : isTrue(httpsEnforced),
          hsts: hsts === null ? null : Number(hsts),
          release: release === null ? null : Number(release),
          whitelist: JSON.parse(whitelist ?? '[]') as string[],
          domains: domains.get(id) ?? [],
        },
      ]),
  )
}
