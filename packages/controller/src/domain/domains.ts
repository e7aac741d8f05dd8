// Under which names is an app reached?
import type { Domain } from '@deis/types'
import type { Core } from './core.ts'
import { type PageRequest, type Slice, readSlice } from './page.ts'
import { type AppRow, toDomain } from './rows.ts'

export async function domainsPage(core: Core, app: AppRow, page: PageRequest): Promise<Slice<Domain>> {
  const where = { appUuid: app.uuid }
  return readSlice(
    page,
    (part) => core.db.domain.findMany({ where, orderBy: { domain: 'asc' }, ...part }),
    () => core.db.domain.count({ where }),
    (row) => toDomain(app.id, row),
  )
}
