// What happens to an app whose stored counts are not JSON, so that its whole row cannot be read?
import type { Core } from '../core.ts'

type Texts = { readonly structure: string; readonly removed: string | null }

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const asJson = (text: string): string => (isJson(text) ? text : JSON.stringify(text))

/**
 * Such a text becomes a JSON text of itself: nothing of it is lost, the app is shown, read and destroyed as always, and what
 * needs the counts says how to set them again (structure.ts). Returns whether there was such a text; PostgreSQL never has one.
 */
export async function makeReadable(core: Pick<Core, 'db' | 'log'>, app: string): Promise<boolean> {
  const [stored] = await core.db.$queryRaw<Texts[]>`
    SELECT CAST("structure" AS TEXT) AS "structure", CAST("removed" AS TEXT) AS "removed" FROM "App" WHERE "id" = ${app}`
  if (!stored) return false
  const { structure, removed } = stored
  if (isJson(structure) && isJson(removed ?? 'null')) return false
  core.log.error({ app, structure: structure.slice(0, 200) }, 'the stored process counts of an app are not JSON')
  await core.db.$executeRaw`
    UPDATE "App" SET "structure" = ${asJson(structure)}, "removed" = ${removed === null ? null : asJson(removed)}
    WHERE "id" = ${app} AND CAST("structure" AS TEXT) = ${structure}`
  return true
}
