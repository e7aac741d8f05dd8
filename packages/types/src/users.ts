// Which users does a controller have (docs/contract/api.md §2.2)?
import { User } from './auth.ts'
import { Page, PageQuery, route } from './route.ts'

export const listUsers = route({
  method: 'GET',
  path: '/v2/users/',
  access: 'admin',
  summary: 'List all users.',
  query: PageQuery,
  status: 200,
  response: Page(User),
})
