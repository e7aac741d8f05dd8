// Must requests to an app be encrypted, and are browsers told so (docs/contract/api.md §2.9)?
import { randomUUID } from 'node:crypto'
import { type Body, DeisError, invalidField, type setTls, type Tls } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import type { Caller, Core } from '../core.ts'
import { changeEdge, refuseAtIngress } from './edge.ts'
import { marked, unmarked } from '../requests/request-mark.ts'
import { type AppRow, toTls } from '../apps/rows.ts'
import { invalidBoolean, readBoolean } from '../apps/settings-rules.ts'

async function newestRow(core: Core, app: AppRow): Promise<Row.Tls | null> {
  return core.db.tls.findFirst({ where: { appUuid: app.uuid }, orderBy: { createdAt: 'desc' } })
}

export async function currentTls(core: Core, app: AppRow): Promise<Tls> {
  const row = await newestRow(core, app)
  if (row) return toTls(app.id, row)
  // Never set: shown as when the app was created.
  const { uuid, createdAt } = app
  return toTls(app.id, {
    uuid,
    appUuid: uuid,
    owner: app.owner.username,
    httpsEnforced: null,
    hsts: null,
    createdAt,
    updatedAt: createdAt,
  })
}

type Patch = Body<typeof setTls>
/** Absent: unchanged; `hsts` is null instead of 0. */
type Wanted = { readonly httpsEnforced?: boolean | null; readonly hsts?: number | null }

/** Clients that know nothing of HSTS always say whether HTTPS is enforced. */
function readPatch({ https_enforced: raw, hsts }: Patch): Wanted {
  const told = hsts === undefined ? {} : { hsts: hsts === 0 ? null : hsts }
  if (raw === undefined) {
    if (hsts === undefined) throw invalidField('https_enforced', 'This field is required.')
    return told
  }
  const httpsEnforced = readBoolean(raw)
  if (httpsEnforced === undefined) throw invalidField('https_enforced', invalidBoolean(raw))
  return { httpsEnforced, ...told }
}

function changesNothing(newest: Row.Tls | null, { httpsEnforced, hsts }: Wanted): boolean {
  const isSame = httpsEnforced === undefined || (httpsEnforced !== null && newest?.httpsEnforced === httpsEnforced)
  return isSame && (hsts === undefined || hsts === (newest?.hsts ?? null))
}

export async function changeTls(core: Core, caller: Caller, app: AppRow, patch: Patch): Promise<Tls> {
  const wanted = readPatch(patch)
  return changeEdge(core, app.id, async () => {
    const newest = await newestRow(core, app)
    if (changesNothing(newest, wanted)) throw new DeisError('conflict', `${caller.username} changed nothing`)
    if (wanted.httpsEnforced === true) refuseAtIngress(core, 'HTTPS')
    if (typeof wanted.hsts === 'number') refuseAtIngress(core, 'HSTS')
    // The newest row counts, so its time must be later even when the clock goes back.
    const now = new Date(Math.max(Date.now(), (newest?.createdAt.getTime() ?? 0) + 1))
    const data = {
      uuid: randomUUID(),
      appUuid: app.uuid,
      owner: caller.username,
      httpsEnforced: newest?.httpsEnforced ?? null,
      hsts: newest?.hsts ?? null,
      ...wanted,
      createdAt: now,
      updatedAt: now,
    }
    const row = await marked(
      core,
      caller.request,
      (tx) => tx.tls.create({ data }),
      (made) => ({ answer: toTls(app.id, made) }),
    )
    core.logs.write(app.id, 'INFO', `tls ${app.id}-${row.uuid.slice(0, 7)} updated`)
    const undo = (): Promise<void> =>
      unmarked(core, caller.request, (tx) => tx.tls.deleteMany({ where: { uuid: row.uuid } }))
    return { value: toTls(app.id, row), undo }
  })
}
