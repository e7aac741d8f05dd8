// Which recorded changes are shown, and how long are they kept?
import { type Event, time } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { type PageRequest, readSlice, type Slice } from '../apps/page.ts'
import type { AppRow } from '../apps/rows.ts'
import type { Core } from '../core.ts'

function toEvent(row: Row.Event): Event {
  const { id, at, actor, app, action, target, details, address, agent, requestId, result, status } = row
  return {
    id,
    time: time(at),
    actor,
    app,
    action,
    target,
    details: details as Record<string, unknown>,
    address,
    agent,
    request: requestId,
    result: result as Event['result'],
    status,
  }
}

type Asked = PageRequest & { readonly before?: string; readonly after?: string }

const idOf = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null

/** No transaction takes that long (store/open.ts), and no clocks of controllers differ by the rest. */
const settledMs = 60_000

/**
 * The first id that may still be preceded by another one: controllers on one database get ids in another order than that in which
 * their transactions end. Null: there is none.
 */
async function unsettled({ db, peers }: Core, ms: number): Promise<number | null> {
  if (!peers.shared) return null
  const young = { at: { gt: new Date(Date.now() - ms) } }
  return (await db.event.findFirst({ where: young, orderBy: { id: 'asc' }, select: { id: true } }))?.id ?? null
}

/** `app`: its changes only; null: those of the whole platform. With `after` the oldest first, so that who goes on misses none. */
export async function eventsPage(core: Core, app: AppRow | null, asked: Asked, ms = settledMs): Promise<Slice<Event>> {
  const [before, after] = [idOf(asked.before), idOf(asked.after)]
  const end = after === null ? before : await unsettled(core, ms)
  const where = {
    ...(app === null ? {} : { appUuid: app.uuid }),
    id: { ...(end === null ? {} : { lt: end }), ...(after === null ? {} : { gt: after }) },
  }
  return readSlice(
    asked,
    (part) => core.db.event.findMany({ where, orderBy: { id: after === null ? 'desc' : 'asc' }, ...part }),
    () => core.db.event.count({ where }),
    toEvent,
  )
}

/** Old ones, and those beyond the number that is kept: always those that were written first. */
export async function deleteOldEvents(core: Core): Promise<void> {
  const { days, most } = core.config.events
  const kept = { at: { gte: new Date(Date.now() - days * 24 * 3600 * 1000) } }
  const first = await core.db.event.findFirst({ where: kept, orderBy: { id: 'asc' }, select: { id: true } })
  await core.db.event.deleteMany({ where: first === null ? {} : { id: { lt: first.id } } })
  const [old] = await core.db.event.findMany({ orderBy: { id: 'desc' }, skip: most, take: 1, select: { id: true } })
  if (old) await core.db.event.deleteMany({ where: { id: { lte: old.id } } })
}
