// Where are the log lines of an app sent, and how is that changed?
import { randomUUID } from 'node:crypto'
import { DeisError, type Drain, invalidField, maxDrains, messageOf, notFound, time } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { type PageRequest, readSlice, type Slice } from '../apps/page.ts'
import type { AppRow } from '../apps/rows.ts'
import type { Caller, Core } from '../core.ts'
import { marked } from '../requests/request-mark.ts'
import { addressFor, Inside, masked, readTarget } from './address.ts'
import { messagesOf } from './message.ts'
import { newBatchId, openSender, type Sender } from './send.ts'

const drainPurpose = 'drain'
const lookupMs = 5_000
const testMs = 30_000

const tokenOf = (uuid: string): string => `d.${uuid}`

export function senderOf({ vault, config }: Core, { uuid, url }: Pick<Row.Drain, 'uuid' | 'url'>): Sender {
  const target = readTarget(vault.open(drainPurpose, url))
  return openSender({ target, token: tokenOf(uuid), ...config.drains })
}

function shown(core: Core, app: string, row: Row.Drain): Drain {
  const { state, error, dropped } = core.here.drains.get(row.uuid)?.state ?? { state: 'idle', error: null, dropped: 0 }
  const url = masked(readTarget(core.vault.open(drainPurpose, row.url)))
  const { uuid, owner } = row
  return { uuid, app, owner, url, token: tokenOf(uuid), state, error, dropped, created: time(row.createdAt) }
}

export async function drainsPage(core: Core, app: AppRow, page: PageRequest): Promise<Slice<Drain>> {
  const where = { appUuid: app.uuid }
  return readSlice(
    page,
    (part) => core.db.drain.findMany({ where, orderBy: [{ createdAt: 'asc' }, { uuid: 'asc' }], ...part }),
    () => core.db.drain.count({ where }),
    (row) => shown(core, app.id, row),
  )
}

/** What is refused at every connect is refused now, too; a name that is not known yet is not. */
async function refuseInside(core: Core, host: string): Promise<void> {
  try {
    await addressFor(host, core.config.drains.networks, AbortSignal.timeout(lookupMs))
  } catch (error) {
    if (error instanceof Inside) throw invalidField('url', `${error.message}.`)
  }
}

function refuseInQuarantine({ config }: Core): void {
  if (config.quarantine) throw new DeisError('unavailable', 'This controller is in quarantine: it reaches nobody.')
}

export async function addDrain(core: Core, caller: Caller, app: AppRow, raw: string): Promise<Drain> {
  refuseInQuarantine(core)
  const target = readTarget(raw)
  await refuseInside(core, target.host)
  const { uuid: appUuid } = app
  const data = {
    uuid: randomUUID(),
    appUuid,
    owner: caller.username,
    url: core.vault.seal(drainPurpose, raw.trim()),
    createdAt: new Date(),
  }
  const row = await marked(
    core,
    caller.request,
    async (tx) => {
      // Writers queue on this row, so that the number is that of all of them.
      await tx.app.updateMany({ where: { uuid: appUuid }, data: { updatedAt: new Date() } })
      if ((await tx.drain.count({ where: { appUuid } })) >= maxDrains)
        throw new DeisError(
          'conflict',
          `"${app.id}" has ${maxDrains} drains, the maximum. Remove one with deis drains:remove.`,
        )
      return tx.drain.create({ data })
    },
    (made) => ({ answer: shown(core, app.id, made) }),
  )
  core.logs.write(app.id, 'INFO', `${caller.username} added the drain ${masked(target)}`)
  core.here.drainsChanged()
  return shown(core, app.id, row)
}

async function drainNamed(core: Core, app: AppRow, uuid: string): Promise<Row.Drain> {
  const row = await core.db.drain.findFirst({ where: { uuid, appUuid: app.uuid } })
  if (!row) throw notFound('Drain')
  return row
}

export async function removeDrain(core: Core, caller: Caller, app: AppRow, uuid: string): Promise<void> {
  const row = await drainNamed(core, app, uuid)
  await marked(core, caller.request, (tx) => tx.drain.deleteMany({ where: { uuid: row.uuid } }))
  core.logs.write(app.id, 'INFO', `${caller.username} removed the drain ${shown(core, app.id, row).url}`)
  core.here.drainsChanged()
}

/** Over a connection of its own, so that it says what is wrong now. */
export async function testDrain(core: Core, app: AppRow, uuid: string): Promise<{ line: string }> {
  refuseInQuarantine(core)
  const row = await drainNamed(core, app, uuid)
  const { kind } = readTarget(core.vault.open(drainPurpose, row.url))
  const text = `a test of the drain ${row.uuid}`
  const [message = ''] = messagesOf(
    { time: new Date(), source: null, text },
    app.id,
    kind === 'https' ? 'logplex' : 'syslog',
  )
  const sender = senderOf(core, row)
  try {
    await sender.send([message], newBatchId(), AbortSignal.any([AbortSignal.timeout(testMs), core.shutdown]))
  } catch (error) {
    throw new DeisError('unprocessable', `The drain does not work: ${messageOf(error)}`, { cause: error })
  } finally {
    sender.close()
  }
  return { line: message }
}
