// How is a name kept for an app that is being made, so that a kill leaves nothing of it?
import { randomUUID } from 'node:crypto'
import { DeisError } from '@deis/types'
import type { Core } from '../core.ts'
import { isDomain } from './names.ts'

/** A row that is being destroyed: whoever is killed leaves what the next start deletes, with everything of that name. */
export type Reserved = { readonly uuid: string; readonly id: string }

/** Other controllers finish what has not been touched for longer. */
const touchMs = 2_000

/**
 * Call it where one name is changed at a time, and `keepReserved` with what it returns. @throws DeisError conflict when it was
 * taken
 */
export async function reserveName(
  core: Core,
  id: string,
  {
    ownerId,
    uuid = randomUUID(),
    own,
  }: { ownerId: number; uuid?: string; /** The app that may have the name as a domain. */ own?: string },
): Promise<Reserved> {
  if ((await core.db.app.count({ where: { id } })) > 0 || (await isDomain(core, id, own)))
    throw new DeisError('conflict', `The name "${id}" was taken in the meantime, and nothing was changed.`)
  const now = new Date()
  // Before its row is seen.
  core.here.reserved.add(uuid)
  try {
    await core.db.app.create({
      data: { uuid, id, ownerId, structure: {}, destroying: true, createdAt: now, updatedAt: now },
    })
  } catch (error) {
    core.here.reserved.delete(uuid)
    throw error
  }
  return { uuid, id }
}

/** Until the returned function is called, no controller takes the app for one that was left. */
export function keepReserved(core: Core, { uuid }: Pick<Reserved, 'uuid'>): () => void {
  const timer = setInterval(() => {
    core.db.app
      .updateMany({ where: { uuid, destroying: true }, data: { updatedAt: new Date() } })
      .catch((error: unknown) => core.log.warn({ err: error }, 'a reserved name could not be kept'))
  }, touchMs)
  timer.unref()
  return () => {
    clearInterval(timer)
    core.here.reserved.delete(uuid)
  }
}

/** Untouched for this long: its controller may have died. */
export const unfinishedMs = 10_000

/** What an app that is being destroyed is called now; null: it is not, or it is a name that is reserved, here or elsewhere. */
export async function leftOver({ db, here, peers }: Core, uuid: string): Promise<Reserved | null> {
  const row = await db.app.findUnique({ where: { uuid }, select: { id: true, destroying: true, updatedAt: true } })
  if (!row?.destroying || here.reserved.has(uuid)) return null
  if (peers.shared && Date.now() - row.updatedAt.getTime() < unfinishedMs) return null
  return { uuid, id: row.id }
}
