// What was the outcome of a change whose client got no answer? The client asks by the request id, or repeats the request, which is carried out only once.
import { DeisError, notFound, type RequestRecord, requestIdHeader, time } from '@deis/types'
import { isUniqueViolation } from '../../store/errors.ts'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { bounds } from '../apps/bounds.ts'
import type { Caller, Core } from '../core.ts'
import { endOf, type Outcome } from './request-ends.ts'
import { type Named, sealedAnswer } from './request-mark.ts'

const keptMs = 24 * 3600 * 1000
const longestPath = 2_000

const pattern = /^[\w-]{8,64}$/

/** Whether it is a valid request id. */
export function isRequestId(id: unknown): id is string {
  return typeof id === 'string' && pattern.test(id)
}

const keyOf = ({ userId, id }: Pick<Named, 'userId' | 'id'>): string => `${userId}/${id}`

async function isWorkedOn(core: Core, row: Row.Request): Promise<boolean> {
  if (row.instance === core.peers.instance) return core.here.requests.has(keyOf(row))
  return core.peers.alive(row.instance)
}

/** An answer that was too long to be stored is rebuilt from what is stored. */
async function kept(core: Core, row: Row.Request): Promise<Outcome | null> {
  const { status, answer } = row
  if (status === null) return null
  if (answer !== null) return { state: 'ended', status, answer: core.vault.open('answer', answer) }
  const again = status < 400 ? await endOf(core, row) : null
  return again?.state === 'ended' ? again : { state: 'ended', status, answer: '' }
}

type Known = { readonly row: Row.Request; readonly outcome: Outcome }

async function look(core: Core, seen: Row.Request): Promise<Known> {
  const before = await kept(core, seen)
  if (before) return { row: seen, outcome: before }
  const isRunning = await isWorkedOn(core, seen)
  // It may have been answered between the two looks, or the change stored.
  const row = await core.db.request.findUnique({ where: { userId_id: { userId: seen.userId, id: seen.id } } })
  if (!row) throw notFound('Request')
  const after = await kept(core, row)
  if (after) return { row, outcome: after }
  const goesOn = isRunning || row.instance !== seen.instance
  return { row, outcome: goesOn ? { state: 'running' } : await endOf(core, row) }
}

/** Keeps those of the last day, and the newest of each user. */
export async function deleteOldRequests(core: Core, userId?: number): Promise<void> {
  await core.db.request.deleteMany({ where: { createdAt: { lt: new Date(Date.now() - keptMs) } } })
  if (userId === undefined) return
  const [old] = await core.db.request.findMany({
    where: { userId },
    orderBy: { createdAt: 'desc' },
    skip: bounds.requestsOfUser,
    take: 1,
    select: { createdAt: true },
  })
  if (old) await core.db.request.deleteMany({ where: { userId, createdAt: { lte: old.createdAt } } })
}

/** Tidied with every so many requests, so that there are never many more than are kept. */
const tidyEvery = 50

async function tidy(core: Core, userId: number): Promise<void> {
  const counts = core.here.requestsBegun
  const count = (counts.get(userId) ?? 0) + 1
  counts.set(userId, count)
  if (count % tidyEvery === 1) await deleteOldRequests(core, userId)
}

export type Asked = {
  readonly route: string
  readonly path: string
  /** As it was read. */
  readonly body: unknown
  readonly appUuid: string | null
}

/** Keyed, for a body may be a short secret. */
function hashOf({ vault }: Core, { route, path, body }: Asked): string {
  return vault.digest('request', JSON.stringify([route, path, body ?? null]))
}

function isSame(row: Row.Request, { route, path }: Asked, hash: string): boolean {
  return row.hash === null ? row.route === route && row.path === path.slice(0, longestPath) : row.hash === hash
}

async function takeAgain(core: Core, row: Row.Request): Promise<boolean> {
  const { userId, id, instance } = row
  const { count } = await core.db.request.updateMany({
    where: { userId, id, instance, updatedAt: row.updatedAt, stored: false, status: null },
    data: { instance: core.peers.instance, updatedAt: new Date(Math.max(Date.now(), row.updatedAt.getTime() + 1)) },
  })
  return count === 1
}

/**
 * Records that a change begins; end it with `endRequest` or `leaveRequest`.
 * @returns null; or the answer that the same request had before.
 * @throws 400 when the id is another request's; 409 and 503 when nothing may be done again yet, or ever.
 */
export async function beginRequest(
  core: Core,
  named: Named,
  asked: Asked,
): Promise<Extract<Outcome, { state: 'ended' }> | null> {
  const now = new Date()
  const hash = hashOf(core, asked)
  const { route, path, appUuid } = asked
  const key = keyOf(named)
  const work = core.here.requests
  const isMine = !work.has(key)
  work.add(key)
  try {
    await core.db.request.create({
      data: {
        ...named,
        route,
        path: path.slice(0, longestPath),
        hash,
        appUuid,
        stored: false,
        createdAt: now,
        updatedAt: now,
      },
    })
    await tidy(core, named.userId)
    return null
  } catch (error) {
    if (isMine) work.delete(key)
    if (!isUniqueViolation(error)) throw error
  }
  const { userId, id } = named
  const found = await core.db.request.findUnique({ where: { userId_id: { userId, id } } })
  if (!found || !isSame(found, asked, hash))
    throw new DeisError('invalid', `${requestIdHeader} "${id}" was already used for another request.`)
  const { row, outcome } = await look(core, found)
  if (outcome.state === 'ended') return outcome
  if (outcome.state === 'unclear')
    throw new DeisError(
      'conflict',
      'The controller that began this request stopped, and it is not known whether the change was made. Check before you repeat it.',
    )
  if (outcome.state === 'interrupted' && !work.has(key)) {
    work.add(key)
    if (await takeAgain(core, row)) return null
    work.delete(key)
  }
  throw new DeisError('unavailable', 'This request is already being carried out.', { retryAfter: 1 })
}

/** Keeps what was answered; of what another controller has taken over, nothing. */
export async function endRequest(core: Core, named: Named, status: number, body: string): Promise<void> {
  try {
    await core.db.request.updateMany({
      where: { ...named },
      data: { status, answer: sealedAnswer(core, body), updatedAt: new Date() },
    })
  } finally {
    leaveRequest(core, named)
  }
}

/** Nothing is decided here: the next start, or another controller, continues. */
export function leaveRequest(core: Core, named: Named): void {
  core.here.requests.delete(keyOf(named))
}

/** For the user who sent it, and for admins. @throws 404 */
export async function requestNamed(core: Core, caller: Caller, id: string): Promise<RequestRecord> {
  if (core.shutdown.aborted) throw new DeisError('unavailable', 'The controller is stopping. Ask again in a moment.')
  const own = isRequestId(id) ? { id, userId: caller.id } : null
  const any = own && caller.isSuperuser ? { id } : null
  const found =
    (own && (await core.db.request.findFirst({ where: own }))) ??
    (any && (await core.db.request.findFirst({ where: any })))
  if (!found) throw notFound('Request')
  const { row, outcome } = await look(core, found)
  return {
    id,
    method: row.route.split(' ')[0] ?? '',
    path: row.path,
    created: time(row.createdAt),
    state: outcome.state,
    release: row.version === null ? null : `v${row.version}`,
    status: outcome.state === 'ended' ? outcome.status : null,
    answer: outcome.state === 'ended' ? outcome.answer : null,
  }
}
