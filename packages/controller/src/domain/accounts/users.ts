// Which accounts exist?
import type { User } from '@deis/types'
import type { Core } from '../core.ts'
import { type PageRequest, type Slice, readSlice } from '../apps/page.ts'
import { toUser } from '../apps/rows.ts'

export async function usersPage(core: Core, page: PageRequest): Promise<Slice<User>> {
  return readSlice(
    page,
    (part) => core.db.user.findMany({ orderBy: { username: 'asc' }, ...part }),
    () => core.db.user.count(),
    toUser,
  )
}
