// Who has an account?
import type { User } from '@deis/types'
import type { Core } from './core.ts'
import { type PageRequest, type Slice, sliceArgs } from './page.ts'
import { toUser } from './rows.ts'

export async function usersPage(core: Core, page: PageRequest): Promise<Slice<User>> {
  const [count, rows] = await Promise.all([
    core.db.user.count(),
    core.db.user.findMany({ orderBy: { username: 'asc' }, ...sliceArgs(page) }),
  ])
  return { count, results: rows.map(toUser) }
}
