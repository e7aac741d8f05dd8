// Which names are kept from an owner by others, since they are theirs or lead to the same place?
import type { Core } from './core.ts'
import { labelOf, spellings, wildcardsOver } from './edge/domain-rules.ts'

/** Whose names may be beside each other: all of one owner's. The app itself does not count. */
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
  if (kept) return `The domain ${byLabel.get(kept.id)} is kept for the app of that name`
  const foreign = { app: { ownerId: { not: ownerId }, uuid: { not: uuid } } }
  for (const name of names) {
    const above = await db.domain.findFirst({ where: { domain: { in: wildcardsOver(name) }, ...foreign } })
    if (above) return `The domain ${name} is under ${above.domain}, which belongs to another user`
    if (!name.startsWith('*.')) continue
    const below = await db.domain.findFirst({ where: { domain: { endsWith: name.slice(1) }, ...foreign } })
    if (below) return `${name} would cover a domain that belongs to another user`
  }
  return null
}

/** Why nobody but the owner of what is reached by an app's name can have the app; null: any owner can. */
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
  return held ? `${held.domain} is a domain of ${held.app.id}, which belongs to another user` : null
}
