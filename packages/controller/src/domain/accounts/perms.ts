// Who may use an app besides its owner, and who is admin (docs/contract/api.md §2.2, §2.11)?
import { type Admin, type Collaborators, DeisError, forbidden, invalidField, notFound } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { bounds } from '../apps/bounds.ts'
import type { Caller, Core } from '../core.ts'
import { type PageRequest, type Slice, readSlice } from '../apps/page.ts'
import { marked } from '../requests/request-mark.ts'
import type { AppRow } from '../apps/rows.ts'

async function userNamed(core: Core, username: string): Promise<Row.User> {
  const user = await core.db.user.findUnique({ where: { username: username.trim() } })
  if (!user) throw notFound('User')
  return user
}

export async function collaborators(core: Core, app: AppRow): Promise<Collaborators> {
  const grants = await core.db.grant.findMany({
    where: { appUuid: app.uuid },
    select: { user: { select: { username: true } } },
    orderBy: { user: { username: 'asc' } },
  })
  return { users: grants.map(({ user }) => user.username) }
}

export async function addCollaborator(core: Core, caller: Caller, app: AppRow, username: string): Promise<void> {
  const user = await userNamed(core, username)
  const appUuid_userId = { appUuid: app.uuid, userId: user.id }
  const others = await core.db.grant.count({ where: { appUuid: app.uuid, userId: { not: user.id } } })
  if (others >= bounds.collaboratorsOfApp)
    throw invalidField(
      'username',
      `"${app.id}" has ${others} collaborators, the maximum. Remove one with deis perms:delete.`,
    )
  await marked(core, caller.request, (tx) =>
    tx.grant.upsert({ where: { appUuid_userId }, create: appUuid_userId, update: {} }),
  )
  core.logs.write(app.id, 'INFO', `User ${user.username} was granted access to ${app.id}`)
}

export async function removeCollaborator(core: Core, caller: Caller, app: AppRow, username: string): Promise<void> {
  const user = await userNamed(core, username)
  if (user.id !== caller.id && app.ownerId !== caller.id && !caller.isSuperuser) throw forbidden()
  await marked(core, caller.request, async (tx) => {
    const { count } = await tx.grant.deleteMany({ where: { appUuid: app.uuid, userId: user.id } })
    if (count === 0) throw forbidden()
  })
  core.logs.write(app.id, 'INFO', `User ${user.username} was revoked access to ${app.id}`)
}

export async function adminsPage(core: Core, page: PageRequest): Promise<Slice<Admin>> {
  const where = { isSuperuser: true, isActive: true }
  return readSlice(
    page,
    (part) => core.db.user.findMany({ where, orderBy: { username: 'asc' }, ...part }),
    () => core.db.user.count({ where }),
    ({ username }) => ({ username, is_superuser: true }),
  )
}

export async function addAdmin(core: Core, caller: Caller, username: string): Promise<void> {
  const user = await userNamed(core, username)
  await marked(core, caller.request, (tx) => tx.user.update({ where: { id: user.id }, data: { isSuperuser: true } }))
  core.log.info({ user: user.username, by: caller.username }, 'admin rights granted')
}

/** The last admin stays: without one, no admin could be added again. */
export async function removeAdmin(core: Core, caller: Caller, username: string): Promise<void> {
  const user = await userNamed(core, username)
  if (!user.isSuperuser) return
  // One statement on SQLite, where writers queue; PostgreSQL locks the admins' rows first.
  await marked(core, caller.request, async (tx) => {
    await tx.user.updateMany({ where: { isSuperuser: true }, data: { isSuperuser: true } })
    if ((await tx.user.count({ where: { isSuperuser: true, isActive: true, id: { not: user.id } } })) === 0)
      throw new DeisError(
        'conflict',
        `"${user.username}" is the last admin. Make another user an admin first, with deis perms:create --admin.`,
      )
    await tx.user.update({ where: { id: user.id }, data: { isSuperuser: false } })
  })
  core.log.info({ user: user.username, by: caller.username }, 'admin rights revoked')
}
