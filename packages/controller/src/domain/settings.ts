// Which settings does an app have that make no release?
import { type AppSettings, DeisError } from '@deis/types'
import type { Core } from './core.ts'
import { type AppRow, toSettings } from './rows.ts'

export async function currentSettings(core: Core, app: AppRow): Promise<AppSettings> {
  const row = await core.db.settings.findFirst({ where: { appUuid: app.uuid }, orderBy: { createdAt: 'desc' } })
  if (!row) throw new DeisError('internal', `app ${app.id} has no settings`)
  return toSettings(app.id, row)
}
