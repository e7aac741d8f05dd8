// Which names can an owner not use, because they belong to another user or lead to another user's app?
import type { Core } from '../core.ts'
import { labelOf, spellings, wildcardsOver } from '../edge/domain-rules.ts'

/** The owner whose other names do not conflict, and the app, whose own names do not either. */
export type Holder = { readonly ownerId: number; readonly uuid: string }

/** Why an app of that owner cannot have these names; null: it can. Call it where one name is changed at a time. */
export async function foreignName(
  { db, config }: Pick<Core, 'db' | 'config'>,
  { ownerId, uuid }: Holder,
  names: readonly string[],
): Promise<string | null> {
  const byLabel = new Map(names.map((name) => [labelOf(name, config.platformDomain), name]))
  const labels = [...byLabel.keys()].filter((label) => label !== undefined)
  // An app's name stays its owner's, also while the app is not reached by it.
  const kept = await db.app.findFirst({ where: { id: { in: labels }, ownerId: { not: ownerId }, uuid: { not: uuid } } })
  if (kept) return `the domain "${byLabel.get(kept.id)}" is reserved for the app of that name`
  const foreign = { app: { ownerId: { not: ownerId }, uuid: { not: uuid } } }
  for (const name of names) {
    const above = await db.domain.findFirst({ where: { domain: { in: wildcardsOver(name) }, ...foreign } })
    if (above) return `the domain "${name}" is under "${above.domain}", which belongs to another user`
    if (!name.startsWith('*.')) continue
    const below = await db.domain.findFirst({ where: { domain: { endsWith: name.slice(1) }, ...foreign } })
    if (below) return `"${name}" would cover a domain that belongs to another user`
  }
  return null
}

/** Why only the owner of the domain that equals an app's name can own the app; null: any owner can. */
export async function heldName(
  { db, config }: Pick<Core, 'db' | 'config'>,
  { ownerId, uuid }: Holder,
  id: string,
): Promise<string | null> {
  const held = await db.domain.findFirst({
    where: {
      domain: { in: spellings(id, config.platformDomain) },
      app: { ownerId: { not: ownerId }, uuid: { not: uuid } },
    },
    select: { domain: true, app: { select: { id: true } } },
  })
  return held ? `"${held.domain}" is a domain of "${held.app.id}", which belongs to another user` : null
}
