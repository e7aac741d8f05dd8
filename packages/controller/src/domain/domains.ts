// Under which names is an app reached?
import type { Domain } from '@deis/types'
import type { Core } from './core.ts'
import { type PageRequest, type Slice, sliceArgs } from './page.ts'
import { type AppRow, toDomain } from './rows.ts'

export async function domainsPage(core: Core, app: AppRow, page: PageRequest): Promise<Slice<Domain>> {
  const where = { appUuid: app.uuid }
  const [count, rows] = await Promise.all([
    core.db.domain.count({ where }),
    core.db.domain.findMany({ where, orderBy: { domain: 'asc' }, ...sliceArgs(page) }),
  ])
  return { count, results: rows.map((row) => toDomain(app.id, row)) }
}
