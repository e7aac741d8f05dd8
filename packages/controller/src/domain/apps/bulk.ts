// How is something done for many apps in statements of bounded size, without one app delaying the others?
import { setImmediate as turn } from 'node:timers/promises'
import type { Core } from '../core.ts'

/** How many rows one statement reads; larger ones keep requests waiting on SQLite. */
export const atOnce = 200

export type StoredApp = {
  readonly id: string
  readonly uuid: string
  readonly destroying: boolean
  /** JSON text, so that one invalid value does not fail the whole page. */
  readonly structure: string
  /** The newest release that did not fail, if it has a build. */
  readonly good: number | null
  readonly pending: boolean
}

type Row = Record<'id' | 'uuid' | 'structure', string> & Record<'destroying' | 'good' | 'pending', unknown>

const toApp = ({ destroying, good, pending, ...row }: Row): StoredApp => ({
  ...row,
  destroying: Boolean(Number(destroying)),
  good: good === null ? null : Number(good),
  pending: Number(pending) > 0,
})

/** Everything by its id, in pages; other work gets a turn between two. */
async function* pages<T extends { readonly id: string }>(
  read: (after: string) => Promise<readonly T[]>,
): AsyncGenerator<readonly T[]> {
  for (let after = ''; ;) {
    const rows = await read(after)
    if (rows.length > 0) yield rows
    if (rows.length < atOnce) return
    after = rows.at(-1)?.id ?? after
    await turn()
  }
}

export function appIds({ db }: Pick<Core, 'db'>): AsyncGenerator<readonly { readonly id: string }[]> {
  return pages(
    (after) =>
      db.$queryRaw<{ id: string }[]>`SELECT "id" FROM "App" WHERE "id" > ${after} ORDER BY "id" LIMIT ${atOnce}`,
  )
}

export function appPages({ db }: Pick<Core, 'db'>): AsyncGenerator<readonly StoredApp[]> {
  return pages(async (after) => {
    const rows = await db.$queryRaw<Row[]>`
      SELECT a."id", a."uuid", a."destroying", CAST(a."structure" AS TEXT) AS "structure",
        (SELECT r."version" FROM "Release" r WHERE r."appUuid" = a."uuid" AND r."buildUuid" IS NOT NULL
          AND r."version" = (SELECT MAX(n."version") FROM "Release" n WHERE n."appUuid" = a."uuid" AND n."state" = 'deployed')
        ) AS "good",
        (SELECT COUNT(*) FROM "Release" p WHERE p."appUuid" = a."uuid" AND p."state" = 'pending') AS "pending"
      FROM "App" a WHERE a."id" > ${after} ORDER BY a."id" LIMIT ${atOnce}`
    return rows.map(toApp)
  })
}

/** Does it for all at once; when that fails for one of them, in halves until it is found. */
export async function inBulk(
  core: Core,
  ids: readonly string[],
  work: (ids: readonly string[]) => Promise<void>,
  failed: (app: string, error: unknown) => void,
): Promise<void> {
  for (let from = 0; from < ids.length; from += atOnce) {
    await inHalves(core, ids.slice(from, from + atOnce), work, failed)
    await turn()
  }
}

async function inHalves(
  core: Core,
  ids: readonly string[],
  work: (ids: readonly string[]) => Promise<void>,
  failed: (app: string, error: unknown) => void,
): Promise<void> {
  try {
    await work(ids)
  } catch (error) {
    // Rethrows when the database itself cannot be reached.
    await core.db.$queryRaw`SELECT 1`
    const [only] = ids
    if (ids.length === 1 && only !== undefined) return failed(only, error)
    const half = Math.ceil(ids.length / 2)
    await inHalves(core, ids.slice(0, half), work, failed)
    await inHalves(core, ids.slice(half), work, failed)
  }
}
