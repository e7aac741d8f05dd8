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

type Asked = PageRequest & { readonly before?: string }

/** `app`: its changes only; null: those of the whole platform. */
export async function eventsPage(core: Core, app: AppRow | null, asked: Asked): Promise<Slice<Event>> {
  const { before } = asked
  const where = {
    ...(app === null ? {} : { appUuid: app.uuid }),
    ...(before !== undefined && /^\d{1,9}$/.test(before) ? { id: { lt: Number(before) } } : {}),
  }
  return readSlice(
    asked,
    (part) => core.db.event.findMany({ where, orderBy: { id: 'desc' }, ...part }),
    () => core.db.event.count({ where }),
    toEvent,
  )
}

/** Old ones, and those beyond the number that is kept. */
export async function deleteOldEvents(core: Core): Promise<void> {
  const { days, most } = core.config.events
  await core.db.event.deleteMany({ where: { at: { lt: new Date(Date.now() - days * 24 * 3600 * 1000) } } })
  const [old] = await core.db.event.findMany({ orderBy: { id: 'desc' }, skip: most, take: 1, select: { id: true } })
  if (old) await core.db.event.deleteMany({ where: { id: { lte: old.id } } })
}
