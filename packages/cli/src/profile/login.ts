// How does a user log in?
import { DeisError, login } from '@deis/types'
import { isHostOfOriginalClient, originOf, storedController } from '../parse/address.ts'
import { ask, askHidden } from '../terminal/ask.ts'
import { call, checkConnection, type Connection } from '../http/client.ts'
import type { Context } from './context.ts'
import { note, print } from '../terminal/output.ts'
import { findProfile, type Profile, saveProfile } from './settings.ts'

export type Credentials = { readonly username: string; readonly password: string }

/** A controller that has answered. */
export async function connect(context: Context, typed: string, sslVerify: boolean): Promise<Connection> {
  const connection = { controller: storedController(typed), sslVerify }
  await checkConnection(context.wire, connection)
  return connection
}

export async function credentials(
  context: Context,
  { username, password }: { username?: string; password?: string },
): Promise<Credentials> {
  return {
    username: username ?? (await ask(context.io, 'username: ', '--username')),
    password: password ?? (await askHidden(context.io, 'password: ', '--password')),
  }
}

/** Asks twice, because the password is not shown. */
export async function newPassword(context: Context, message: string, flag: string): Promise<string> {
  const password = await askHidden(context.io, `${message}: `, flag)
  if (password === (await askHidden(context.io, `${message} (confirm): `, flag))) return password
  throw new DeisError('usage', 'The two passwords differ, so nothing was changed.')
}

/** The existing profile; null if it is invalid, because it will be replaced. */
async function formerProfile(context: Context): Promise<Profile | null> {
  return findProfile(context.profileFile()).catch(() => null)
}

/** The token of the profile if it is for this controller: admins register other users with their own token. */
export async function tokenFor(context: Context, controller: string): Promise<string | undefined> {
  const former = await formerProfile(context)
  if (!former?.controller) return undefined
  return new URL(originOf(former.controller)).host === new URL(originOf(controller)).host ? former.token : undefined
}

/** Exchanges the password for a token, and writes the profile. */
export async function logIn(context: Context, connection: Connection, given: Credentials): Promise<Profile> {
  const { controller, sslVerify } = connection
  const { username, password } = given
  const { token } = await call(context.wire, { controller, sslVerify }, login, { body: { username, password } })
  return keepLogin(context, connection, { username, token })
}

/** Writes the profile. */
export async function keepLogin(
  context: Context,
  { controller, sslVerify }: Connection,
  { username, token }: { readonly username: string; readonly token: string },
): Promise<Profile> {
  const former = await formerProfile(context)
  const profile = {
    username,
    ssl_verify: sslVerify,
    controller,
    token,
    response_limit: former?.response_limit ?? 0,
    others: former?.others ?? {},
  }
  const file = context.profileFile()
  await saveProfile(file, profile)
  print(context.io, `Logged in as ${profile.username}`)
  print(context.io, `Client configuration written to ${file.shown}`)
  if (!isHostOfOriginalClient(controller))
    note(context.io, `Note: the original Deis client refuses ${controller}, because the host has no dot.`)
  return profile
}
