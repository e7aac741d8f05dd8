// How is an app transferred to another owner (docs/contract/api.md §3.12)?
import { DeisError, forbidden, notFound } from '@deis/types'
import type { Caller, Core } from '../core.ts'
import { oneNameAtATime } from './names.ts'
import { foreignName, heldName } from './name-space.ts'
import { marked } from '../requests/request-mark.ts'
import type { AppRow } from './rows.ts'

/** Names that lead to the same address, or cover each other, belong to one owner. */
async function refuseSplitNames(core: Core, app: AppRow, next: { id: number; username: string }): Promise<void> {
  const domains = await core.db.domain.findMany({ where: { appUuid: app.uuid }, select: { domain: true } })
  const names = domains.map(({ domain }) => domain)
  const holder = { ownerId: next.id, uuid: app.uuid }
  const why = (await foreignName(core, holder, names)) ?? (await heldName(core, holder, app.id))
  if (why !== null)
    throw new DeisError(
      'conflict',
      `"${app.id}" cannot be transferred to "${next.username}": ${why}. Remove that domain first.`,
    )
}

export async function transferApp(
  core: Core,
  caller: Caller,
  app: AppRow,
  username: string | undefined,
): Promise<void> {
  if (username === undefined) return
  if (app.ownerId !== caller.id && !caller.isSuperuser) throw forbidden()
  const next = await core.db.user.findUnique({ where: { username } })
  if (!next) throw notFound('User')
  const owned = { where: { appUuid: app.uuid, owner: app.owner.username }, data: { owner: next.username } }
  await oneNameAtATime(core, async () => {
    await refuseSplitNames(core, app, next)
    await marked(core, caller.request, async (tx) => {
      await tx.app.update({ where: { uuid: app.uuid }, data: { ownerId: next.id, updatedAt: new Date() } })
      await tx.config.updateMany(owned)
      await tx.build.updateMany(owned)
      await tx.release.updateMany(owned)
      await tx.domain.updateMany(owned)
      await tx.settings.updateMany(owned)
      await tx.tls.updateMany(owned)
    })
  })
  core.log.info({ app: app.id, from: app.owner.username, to: next.username, by: caller.username }, 'app transferred')
}
