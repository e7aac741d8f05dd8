// Who sends a request, and what may they do with an app (docs/contract/api.md §1.3, §1.12)?
import { DeisError, forbidden, notFound } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { hashToken } from '../../store/crypto.ts'
import type { Permission } from '@deis/ports/push'
import type { Caller, Core } from '../core.ts'
import { type AppRow, withOwner } from '../apps/rows.ts'
import { makeReadable } from '../apps/unreadable.ts'

export function asCaller(row: Pick<Row.User, 'id' | 'username' | 'isSuperuser'>): Caller {
  return { id: row.id, username: row.username, isSuperuser: row.isSuperuser }
}

/**
 * Every request starts here, so it is one statement, without Prisma's engine.
 * @throws the contract's 401 texts.
 */
export async function authenticate(core: Core, token: string): Promise<Caller> {
  const [user] = await core.read<{ id: number; username: string; isSuperuser: unknown; isActive: unknown }>`
    SELECT u."id", u."username", u."isSuperuser", u."isActive"
    FROM "Token" t JOIN "User" u ON u."id" = t."userId" WHERE t."hash" = ${hashToken(token)}`
  if (!user) throw new DeisError('unauthenticated', 'Invalid token.')
  if (!user.isActive) throw new DeisError('unauthenticated', 'User inactive or deleted.')
  return { id: user.id, username: user.username, isSuperuser: Boolean(user.isSuperuser) }
}

export type Role = 'admin' | 'owner' | 'collaborator' | null

/** Which apps a user may see: to be part of a query. */
export function visibleTo({ id, isSuperuser }: Caller) {
  return isSuperuser ? {} : { OR: [{ ownerId: id }, { grants: { some: { userId: id } } }] }
}

/** The app and the user's role in it; null for an app that does not exist or is being destroyed. */
export async function appAccess(core: Core, caller: Caller, id: string): Promise<{ app: AppRow; role: Role } | null> {
  const read = () =>
    core.db.app.findUnique({
      where: { id },
      include: { ...withOwner, grants: { where: { userId: caller.id } } },
    })
  const app = await read().catch(async (error: unknown) => {
    if (!(await makeReadable(core, id))) throw error
    return read()
  })
  if (!app || app.destroying) return null
  const role = caller.isSuperuser
    ? 'admin'
    : app.ownerId === caller.id
      ? 'owner'
      : app.grants.length > 0
        ? 'collaborator'
        : null
  return { app, role }
}

/** @throws 404 before 403, as the contract orders them. */
export async function authorize(core: Core, caller: Caller, id: string, access: 'app' | 'app-owner'): Promise<AppRow> {
  const found = await appAccess(core, caller, id)
  if (!found) throw notFound('App')
  if (!found.role) throw forbidden()
  if (access === 'app-owner' && found.role === 'collaborator') throw forbidden()
  return found.app
}

/** Who may use an app may push to it. */
export async function mayPush(core: Core, username: string, id: string): Promise<Permission> {
  const user = await core.db.user.findUnique({ where: { username } })
  const found = user?.isActive ? await appAccess(core, asCaller(user), id) : null
  if (!found) return 'no app'
  if (found.role && core.here.renaming.has(found.app.uuid)) return 'busy'
  return found.role ? 'ok' : 'forbidden'
}

/** Asks every `everyMs`, and calls `ended` when the user is no longer allowed. Returns the function that stops it. */
export function recheckPermission(
  isAllowed: () => Promise<boolean>,
  everyMs: number,
  ended: () => void,
  failed: (error: unknown) => void,
): () => void {
  const timer = setInterval(() => {
    isAllowed().then((allowed) => allowed || ended(), failed)
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
