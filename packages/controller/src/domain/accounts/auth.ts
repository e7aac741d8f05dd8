// How are accounts created, used and removed: registration, login, passwords, tokens (docs/contract/api.md §1.3, §2.2, §3.11)?
import { DeisError, forbidden, invalidField, notFound, registrationTokenMessages, type User } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { hashToken, newToken, sameSecret } from '../../store/crypto.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import type { Tx } from '../../store/open.ts'
import type { Caller, Core } from '../core.ts'
import { noteDeed } from '../events/deed.ts'
import type { Change } from '../requests/request-mark.ts'
import { clientHash } from './known-clients.ts'
import { toUser } from '../apps/rows.ts'
import { refuseTakenName } from './usernames.ts'

/** Each login makes a token; beyond this number the oldest are deleted. */
const tokensPerUser = 20

const emailPattern = /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$|^[^\s@]+@localhost$/

/** `client`: from where, as `clientHash` writes it. */
export async function issueToken(tx: Tx, userId: number, client: string | null): Promise<string> {
  const token = newToken()
  await tx.token.create({ data: { hash: hashToken(token), userId, client, createdAt: new Date() } })
  const old = await tx.token.findMany({
    where: { userId },
    orderBy: { createdAt: 'desc' },
    skip: tokensPerUser,
    select: { hash: true },
  })
  if (old.length > 0) await tx.token.deleteMany({ where: { hash: { in: old.map(({ hash }) => hash) } } })
  return token
}

export type Registration = {
  username: string
  password: string
  email?: string
  first_name?: string
  last_name?: string
  /** The registration token, for the first account of a platform that others reach. */
  token?: string
}

/** Not a valid app name. The first account is created by one registration at a time, on all controllers. */
const firstAccount = '(first account)'

async function admitRegistration(
  tx: Pick<Tx, 'user'>,
  config: Core['config'],
  caller: Caller | null,
  token = '',
): Promise<boolean> {
  const isFirst = (await tx.user.count()) === 0
  if (isFirst && config.registrationToken !== null && !sameSecret(token.trim(), config.registrationToken))
    throw invalidField('token', token === '' ? registrationTokenMessages.needed : registrationTokenMessages.wrong)
  if (!isFirst && config.registrationMode === 'admin_only' && !caller?.isSuperuser)
    if ((await tx.user.count({ where: { isSuperuser: true } })) > 0) throw forbidden()
  return isFirst
}

export async function registerUser(
  core: Core,
  caller: Caller | null,
  body: Registration,
  change?: Change,
): Promise<User> {
  const mode = core.config.registrationMode
  if (mode === 'disabled') throw forbidden('Registration is disabled')
  const email = (body.email ?? '').trim()
  if (email !== '' && !emailPattern.test(email)) throw invalidField('email', 'Enter a valid email address.')
  if (body.password.trim() === '') throw invalidField('password', 'This field may not be blank.')
  const username = body.username.trim()
  // Before the work that a password makes, and again when it is done: another one may have been first in the meantime.
  const mayBeFirst = await admitRegistration(core.db, core.config, caller, body.token)
  const password = await core.passwords.hash(body.password)
  const make = () =>
    core.db.$transaction(async (tx) => {
      // Only a platform without any account makes its first one admin: removing all admins and registering again gains nothing.
      const isSuperuser = await admitRegistration(tx, core.config, caller, body.token)
      await refuseTakenName(core, tx, username)
      const now = new Date()
      const row = await tx.user.create({
        data: {
          username,
          email,
          password,
          firstName: body.first_name ?? '',
          lastName: body.last_name ?? '',
          isSuperuser,
          isActive: true,
          lastLogin: now,
          dateJoined: now,
        },
      })
      if (change?.deed) change.deed.actor ??= { id: row.id, name: row.username }
      await noteDeed(tx, change?.deed, true)
      return row
    })
  try {
    const row = await (mayBeFirst ? core.queue.run(firstAccount, make) : make())
    core.log.info({ user: username, admin: row.isSuperuser }, 'user registered')
    return toUser(row)
  } catch (error) {
    if (isUniqueViolation(error)) throw invalidField('username', 'A user with that username already exists.')
    throw error
  }
}

function wrongPassword(): DeisError {
  const message = 'Unable to log in with provided credentials.'
  return new DeisError('invalid', message, { fields: { non_field_errors: [message] } })
}

/** @throws what a login with a wrong password gets */
export async function userWithPassword(core: Core, username: string, password: string): Promise<Row.User> {
  const user = await core.db.user.findUnique({ where: { username: username.trim() } })
  const good = await (user ? core.passwords.verify(password, user.password) : core.passwords.pretend(password))
  if (!user || !good || !user.isActive) throw wrongPassword()
  return user
}

/**
 * Verifying takes a while: in the transaction that lets somebody in, the password must still be the one that was verified. The
 * account is locked until it ends. @throws what a wrong password gets
 */
export async function holdPassword(tx: Tx, { id, password }: Pick<Row.User, 'id' | 'password'>): Promise<void> {
  const { count } = await tx.user.updateMany({ where: { id, password, isActive: true }, data: { password } })
  if (count === 0) throw wrongPassword()
}

/** `client`: from where, as failed logins are counted. */
export async function logIn(
  core: Core,
  { username, password }: { readonly username: string; readonly password: string },
  client: string,
  change?: Change,
): Promise<string> {
  const user = await userWithPassword(core, username, password)
  if (change?.deed) change.deed.actor = { id: user.id, name: user.username }
  return core.db.$transaction(async (tx) => {
    await holdPassword(tx, user)
    await noteDeed(tx, change?.deed, true)
    return issueToken(tx, user.id, clientHash(user.id, client))
  })
}

async function userNamed(core: Core, username: string): Promise<Row.User> {
  const found = await core.db.user.findUnique({ where: { username } })
  if (!found) throw notFound('User')
  return found
}

/** The account that an action is about: the caller's own, or any for admins. */
async function target(core: Core, caller: Caller, username: string | undefined): Promise<Row.User> {
  if (username === undefined || username === caller.username) return userNamed(core, caller.username)
  if (!caller.isSuperuser) throw forbidden()
  return userNamed(core, username)
}

export async function whoAmI(core: Core, caller: Caller): Promise<User> {
  return toUser(await userNamed(core, caller.username))
}

export type PasswordChange = { username?: string; password?: string; new_password?: string }

/** Ends every other session of the account: a changed password must lock out everyone who knew the old one. */
export async function changePassword(
  core: Core,
  caller: Caller,
  kept: { readonly token: string; readonly client: string },
  body: PasswordChange,
): Promise<void> {
  if (!body.new_password?.trim()) throw new DeisError('invalid', 'new_password is a required field')
  if (body.new_password.length > 128)
    throw invalidField('new_password', 'Ensure this field has no more than 128 characters.')
  const user = await target(core, caller, body.username)
  if (!caller.isSuperuser) {
    if (!body.password) throw new DeisError('invalid', 'password is a required field')
    if (!(await core.passwords.verify(body.password, user.password)))
      throw new DeisError('unauthenticated', 'Current password does not match')
  }
  const password = await core.passwords.hash(body.new_password)
  await core.db.$transaction(async (tx) => {
    if (!caller.isSuperuser) await holdPassword(tx, user)
    await tx.user.update({ where: { id: user.id }, data: { password } })
    await tx.token.deleteMany({ where: { userId: user.id, hash: { not: hashToken(kept.token) } } })
    await tx.deviceLogin.deleteMany({ where: { userId: user.id } })
    // From there the new password comes. Of an administrator, who changes another's, nothing is left here.
    await tx.token.updateMany({
      where: { userId: user.id },
      data: { client: clientHash(user.id, kept.client), createdAt: new Date() },
    })
    await noteDeed(tx, caller.request?.deed, true)
  })
}

/** Replaces all tokens of one account; null: of every account, whose owners then sign in again. */
export async function regenerateToken(
  core: Core,
  caller: Caller,
  client: string,
  body: { username?: string; all?: unknown },
): Promise<string | null> {
  if (body.all !== undefined) {
    if (!caller.isSuperuser) throw forbidden()
    await core.db.$transaction(async (tx) => {
      await tx.token.deleteMany()
      await tx.deviceLogin.deleteMany({ where: { userId: { not: null } } })
      await noteDeed(tx, caller.request?.deed, true)
    })
    return null
  }
  if (body.username !== undefined && !caller.isSuperuser) throw forbidden()
  const user = await target(core, caller, body.username)
  return core.db.$transaction(async (tx) => {
    await tx.token.deleteMany({ where: { userId: user.id } })
    await tx.deviceLogin.deleteMany({ where: { userId: user.id } })
    await noteDeed(tx, caller.request?.deed, true)
    return issueToken(tx, user.id, user.id === caller.id ? clientHash(user.id, client) : null)
  })
}

export async function cancelUser(core: Core, caller: Caller, username: string | undefined): Promise<void> {
  const user = await target(core, caller, username)
  await core.db.$transaction(async (tx) => {
    if ((await tx.app.count({ where: { ownerId: user.id } })) > 0)
      throw new DeisError('conflict', `${user.username} still has applications assigned. Delete or transfer ownership`)
    if ((await tx.certificate.count({ where: { ownerId: user.id } })) > 0)
      throw new DeisError(
        'conflict',
        `"${user.username}" still owns certificates. Remove them first with deis certs:remove.`,
      )
    await tx.user.delete({ where: { id: user.id } })
    await noteDeed(tx, caller.request?.deed, true)
  })
  core.log.info({ user: user.username, by: caller.username }, 'user removed')
}
