// What do external builders ask for (docs/contract/api.md §2.13)?
import { type Config, DeisError, forbidden, type KeysOfUsers, notFound } from '@deis/types'
import { appAccess, visibleTo } from '../accounts/access.ts'
import { asCaller } from '../accounts/access.ts'
import { deployImage } from './builds.ts'
import { currentConfig } from '../apps/config.ts'
import type { Caller, Core } from '../core.ts'
import type { Change } from '../requests/request-mark.ts'
import type { AppRow } from '../apps/rows.ts'

/** The user and the app of a hook. @throws when the user may not use the app */
async function admitted(core: Core, username: string, id: string): Promise<{ caller: Caller; app: AppRow }> {
  const user = await core.db.user.findUnique({ where: { username: username.trim() } })
  const found = user?.isActive ? await appAccess(core, asCaller(user), id.trim()) : null
  if (!user?.isActive) throw notFound('User')
  if (!found) throw notFound('App')
  if (!found.role) throw forbidden()
  return { caller: asCaller(user), app: found.app }
}

/** Only apps that the user may use: builders accept every app that is listed here (docs/contract/api.md §7 #30). */
export async function ownerOfKey(core: Core, md5: string): Promise<{ username: string; apps: string[] }> {
  const key = await core.db.key.findFirst({ where: { md5: md5.toLowerCase() }, include: { user: true } })
  if (!key?.user.isActive) throw notFound('Key')
  const apps = await core.db.app.findMany({
    where: { destroying: false, ...visibleTo(key.user) },
    select: { id: true },
    orderBy: { id: 'asc' },
  })
  return { username: key.user.username, apps: apps.map(({ id }) => id) }
}

const shown = { orderBy: { createdAt: 'asc' }, select: { public: true, md5: true } } as const
const toEntry = (key: { public: string; md5: string }): KeysOfUsers[string][number] => ({
  key: key.public,
  fingerprint: key.md5,
})

export async function keysOfApp(core: Core, id: string): Promise<KeysOfUsers> {
  const app = await core.db.app.findFirst({
    where: { id, destroying: false },
    select: { grants: { select: { user: { select: { username: true, isActive: true, keys: shown } } } } },
  })
  if (!app) throw notFound('App')
  const users = app.grants.map(({ user }) => user).filter(({ isActive, keys }) => isActive && keys.length > 0)
  return Object.fromEntries(users.map(({ username, keys }) => [username, keys.map(toEntry)]))
}

export async function keysOfUser(core: Core, id: string, username: string): Promise<KeysOfUsers> {
  const { caller } = await admitted(core, username, id)
  const keys = await core.db.key.findMany({ where: { userId: caller.id }, ...shown })
  if (keys.length === 0) throw new DeisError('not_found', 'No Keys match the given query.')
  return { [caller.username]: keys.map(toEntry) }
}

type Received = { receive_user: string; receive_repo: string }

export async function hookConfig(core: Core, body: Received): Promise<Config> {
  const { app } = await admitted(core, body.receive_user, body.receive_repo)
  return currentConfig(core, app)
}

/** Deploys as the user who pushed. */
export async function hookBuild(
  core: Core,
  body: Received & { image: string; sha?: string; procfile?: unknown; dockerfile?: string },
  change?: Change,
): Promise<number> {
  const { caller, app } = await admitted(core, body.receive_user, body.receive_repo)
  if (change?.deed) change.deed.app = app
  const { release } = await deployImage(core, change ? { ...caller, request: change } : caller, app, body)
  return release.version
}
