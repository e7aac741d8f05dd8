// From which clients did an account log in lately?
import { createHash } from 'node:crypto'
import type { Core } from '../core.ts'

const rememberedMs = 30 * 24 * 3_600_000

/** Of fixed size, and different for each account: the hash reveals neither the client nor which accounts share one. */
export function clientHash(userId: number, client: string): string {
  return createHash('sha256').update(`${userId} ${client}`).digest('base64url').slice(0, 24)
}

/** Whether one of the account's tokens was issued there; with a new password and with `auth:regenerate` all go but the one where that was asked for. */
export async function isKnownClient(core: Pick<Core, 'db'>, username: string, client: string): Promise<boolean> {
  const user = await core.db.user.findUnique({ where: { username: username.trim() }, select: { id: true } })
  if (user === null) return false
  const since = new Date(Date.now() - rememberedMs)
  const where = { userId: user.id, client: clientHash(user.id, client), createdAt: { gt: since } }
  return (await core.db.token.count({ where })) > 0
}
