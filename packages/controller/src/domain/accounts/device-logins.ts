// How does a client get a token that its user allows in a browser (docs/contract/api.md §2.2)?
import { randomBytes, randomInt } from 'node:crypto'
import { DeisError, type DeviceError } from '@deis/types'
import { hashToken } from '../../store/crypto.ts'
import type { Tx } from '../../store/open.ts'
import type { DeviceLogin } from '../../store/generated/sqlite/client.ts'
import type { Core } from '../core.ts'
import { noteDeed } from '../events/deed.ts'
import type { Change } from '../requests/request-mark.ts'
import { holdPassword, issueToken } from './auth.ts'
import { clientHash } from './known-clients.ts'

export const device = {
  lifetimeSeconds: 600,
  /** Between two questions of a client. */
  intervalSeconds: 5,
  /** Wrong passwords that end it. */
  mostWrong: 5,
  /** Waiting at once, of all clients: those of one address are limited before. */
  most: 10_000,
} as const

/** A client's clock and the network are not exact. */
const slackMs = 1_000

/** No vowels, so no words, and no two letters that look alike. */
const letters = 'BCDFGHJKLMNPQRSTVWXZ'

function newUserCode(): string {
  const code = Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('')
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** As it is shown, however it was typed; null: not a code. */
export function readUserCode(typed: string): string | null {
  if (typed.length > 32) return null
  const bare = typed.toUpperCase().replaceAll(/[\s-]/g, '')
  return /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(bare) ? `${bare.slice(0, 4)}-${bare.slice(4)}` : null
}

/** As it is stored. */
function userCodeOf({ vault }: Pick<Core, 'vault'>, code: string): string {
  return vault.digest('device login', code)
}

function oldest(now: number): Date {
  return new Date(now - device.lifetimeSeconds * 1000)
}

export async function deleteOldDeviceLogins(core: Pick<Core, 'db'>, now = Date.now()): Promise<void> {
  await core.db.deviceLogin.deleteMany({ where: { createdAt: { lte: oldest(now) } } })
}

export async function beginDeviceLogin(
  core: Core,
  { name, address }: { readonly name: string; readonly address: string },
): Promise<{ deviceCode: string; userCode: string }> {
  const now = Date.now()
  await deleteOldDeviceLogins(core, now)
  if ((await core.db.deviceLogin.count()) >= device.most)
    throw new DeisError('throttled', 'Too many logins wait for a browser. Try again in a minute.', { retryAfter: 60 })
  const deviceCode = randomBytes(32).toString('base64url')
  const userCode = newUserCode()
  await core.db.deviceLogin.create({
    data: {
      hash: hashToken(deviceCode),
      userCode: userCodeOf(core, userCode),
      name,
      address,
      state: 'pending',
      wrong: 0,
      createdAt: new Date(now),
    },
  })
  return { deviceCode, userCode }
}

/** The one that waits under a code. */
export async function waitingDevice(core: Core, code: string | null): Promise<DeviceLogin | null> {
  if (code === null) return null
  const userCode = userCodeOf(core, code)
  return core.db.deviceLogin.findFirst({ where: { userCode, state: 'pending', createdAt: { gt: oldest(Date.now()) } } })
}

type Waiting = Pick<DeviceLogin, 'hash'>

/** Whether it still waited. */
async function decide(
  db: Pick<Tx, 'deviceLogin'>,
  { hash }: Waiting,
  state: string,
  userId: number | null,
): Promise<boolean> {
  const where = { hash, state: 'pending', createdAt: { gt: oldest(Date.now()) } }
  return (await db.deviceLogin.updateMany({ where, data: { state, userId } })).count === 1
}

/** `user`: whose password was verified. @throws what a wrong password gets */
export function approveDevice(
  core: Core,
  login: Waiting,
  user: { readonly id: number; readonly password: string },
): Promise<boolean> {
  return core.db.$transaction(async (tx) => {
    await holdPassword(tx, user)
    return decide(tx, login, 'approved', user.id)
  })
}

export function denyDevice({ db }: Pick<Core, 'db'>, login: Waiting): Promise<boolean> {
  return decide(db, login, 'denied', null)
}

/** Counts a wrong password. Returns how many more may follow. */
export async function countWrong(core: Core, login: Waiting): Promise<number> {
  const where = { hash: login.hash, state: 'pending' }
  await core.db.deviceLogin.updateMany({ where, data: { wrong: { increment: 1 } } })
  const now = await core.db.deviceLogin.findUnique({ where: { hash: login.hash } })
  const left = device.mostWrong - (now?.wrong ?? device.mostWrong)
  if (left <= 0) await denyDevice(core, login)
  return Math.max(0, left)
}

/** What a client with this code gets; a token only once. `client`: from where, as failed logins are counted. */
export async function collectDeviceLogin(
  core: Core,
  deviceCode: string,
  client: string,
  change?: Change,
): Promise<{ token: string; username: string } | DeviceError> {
  const hash = hashToken(deviceCode)
  const now = Date.now()
  const login = await core.db.deviceLogin.findUnique({ where: { hash }, include: { user: true } })
  if (login === null || login.createdAt <= oldest(now)) return 'expired_token'
  if (login.state === 'denied') return 'access_denied'
  const early = login.polledAt !== null && now - login.polledAt.getTime() < device.intervalSeconds * 1000 - slackMs
  if (login.state === 'pending' || login.user === null) {
    await core.db.deviceLogin.updateMany({ where: { hash }, data: { polledAt: new Date(now) } })
    return early ? 'slow_down' : 'authorization_pending'
  }
  const { user } = login
  if (!user.isActive) return 'access_denied'
  const token = await core.db.$transaction(async (tx) => {
    const { count } = await tx.deviceLogin.deleteMany({ where: { hash, state: 'approved' } })
    if (count === 0) return null
    if (change?.deed) change.deed.actor = { id: user.id, name: user.username }
    await noteDeed(tx, change?.deed, true)
    return issueToken(tx, user.id, clientHash(user.id, client))
  })
  if (token === null) return 'expired_token'
  core.log.info({ user: user.username }, 'user logged in by browser')
  return { token, username: user.username }
}
