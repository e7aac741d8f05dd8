// How is a change, or an attempt at one, recorded: who, what, from where, with which result?
//
// A change that is stored is recorded in its own transaction, so that there is neither one without an entry nor an entry
// without one. What was refused, and what the database does not store, is recorded when it ends. An entry is never changed, as
// triggers of the database make sure: when what was stored is undone, another one says so.
import { randomUUID } from 'node:crypto'
import type { Db, Tx } from '../../store/open.ts'
import type { Core } from '../core.ts'
import { bounds } from '../apps/bounds.ts'

export type Deed = {
  /** Of its entry. */
  readonly uuid: string
  actor: { readonly id: number; readonly name: string } | null
  readonly action: string
  readonly address: string | null
  readonly agent: string | null
  readonly requestId: string | null
  /** What it is about. */
  target: string | null
  /** Known when the request has been read. */
  details: Readonly<Record<string, unknown>>
  app: { readonly uuid: string; readonly id: string } | null
  /** It is in the database, unless a transaction was undone. */
  isNoted: boolean
}

export type Result = 'ok' | 'denied' | 'failed'

export function newDeed(deed: Omit<Deed, 'uuid' | 'details' | 'app' | 'isNoted'>): Deed {
  return { ...deed, uuid: randomUUID(), details: {}, app: null, isNoted: false }
}

function rowOf({ uuid, actor, action, target, address, agent, requestId, details, app }: Deed) {
  return {
    uuid,
    at: new Date(),
    actorId: actor?.id ?? null,
    actor: actor?.name ?? null,
    appUuid: app?.uuid ?? null,
    app: app?.id ?? null,
    action,
    target,
    details: details as object,
    address,
    agent,
    requestId,
  }
}

/** Each entry at most once, also when a transaction that wrote it was undone and is tried again. */
async function add(db: Db | Tx, deed: Deed, result: Result, status: number | null): Promise<void> {
  const { uuid } = deed
  const row = { ...rowOf(deed), result, status }
  const first = deed.isNoted ? await db.event.findUnique({ where: { uuid }, select: { id: true, result: true } }) : null
  if (first === null) await db.event.create({ data: row })
  else if (result !== 'ok' && first.result === 'ok') {
    const undone = `${uuid}/undone`
    const details = { ...deed.details, undoes: first.id }
    if ((await db.event.count({ where: { uuid: undone } })) === 0)
      await db.event.create({ data: { ...row, uuid: undone, details } })
  }
  deed.isNoted = true
}

/** Call it in the transaction that stores (`isStored`) or undoes the change. */
export async function noteDeed(tx: Tx, deed: Deed | undefined, isStored: boolean): Promise<void> {
  if (deed) await add(tx, deed, isStored ? 'ok' : 'failed', null)
}

export function resultOf(status: number): Result {
  if (status < 400) return 'ok'
  return status === 401 || status === 403 ? 'denied' : 'failed'
}

/** Refused changes of one user, which cost nothing to ask for, must not push everything else out. */
const refusedPerMinute = 60
const minuteMs = 60_000

export type Refusals = Map<number, { since: number; count: number }>

function isOneTooMany(refusals: Refusals, userId: number, now: number): boolean {
  const found = refusals.get(userId)
  if (found === undefined || now - found.since >= minuteMs) {
    if (refusals.size > bounds.countedRefusals) refusals.clear()
    refusals.set(userId, { since: now, count: 1 })
    return false
  }
  return ++found.count > refusedPerMinute
}

/** The change has ended. `status`: of the answer; null: there is none in HTTP. */
export async function endDeed(core: Core, deed: Deed, result: Result, status: number | null): Promise<void> {
  if (result === 'ok' && deed.isNoted) return
  if (result !== 'ok' && !deed.isNoted && deed.actor !== null)
    if (isOneTooMany(core.here.refusals, deed.actor.id, Date.now())) return
  await add(core.db, deed, result, status)
}
