// Who has an account here (docs/contract/api.md §2.2)?
import { User } from './auth.ts'
import { Page, PageQuery, route } from './route.ts'

export const listUsers = route({
  method: 'GET',
  path: '/v2/users/',
  access: 'admin',
  summary: 'Every account.',
  query: PageQuery,
  status: 200,
  response: Page(User),
})
