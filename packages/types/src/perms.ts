// Who may use an app besides its owner, and who is an admin (docs/contract/api.md §2.2, §2.11)?
import { type Static, Type } from 'typebox'
import { AppParams, Empty, Page, PageQuery, route, Word } from './route.ts'

const Named = Type.Object({ username: Type.String({ minLength: 1, maxLength: 2_000 }) })

/** The owner is listed only if access was granted explicitly. */
export const Collaborators = Type.Object({ users: Type.Array(Type.String()) })
export type Collaborators = Static<typeof Collaborators>

export const listCollaborators = route({
  method: 'GET',
  path: '/v2/apps/:id/perms/',
  access: 'app',
  summary: 'List the collaborators of the app.',
  params: AppParams,
  status: 200,
  response: Collaborators,
})

export const addCollaborator = route({
  method: 'POST',
  path: '/v2/apps/:id/perms/',
  access: 'app-owner',
  recorded: true,
  summary: 'Give a user access to the app.',
  params: AppParams,
  body: Named,
  status: 201,
  response: Empty,
})

/** For owner and admins, and for collaborators to remove themselves. */
export const removeCollaborator = route({
  method: 'DELETE',
  path: '/v2/apps/:id/perms/:username',
  access: 'app',
  recorded: true,
  summary: 'Revoke a user’s access to the app.',
  params: Type.Object({ id: Word, username: Word }),
  status: 204,
  response: Empty,
})

export const Admin = Type.Object({ username: Type.String(), is_superuser: Type.Boolean() })
export type Admin = Static<typeof Admin>

export const listAdmins = route({
  method: 'GET',
  path: '/v2/admin/perms/',
  access: 'admin',
  summary: 'List the admins.',
  query: PageQuery,
  status: 200,
  response: Page(Admin),
})

export const addAdmin = route({
  method: 'POST',
  path: '/v2/admin/perms/',
  access: 'admin',
  summary: 'Give a user admin rights.',
  body: Named,
  status: 201,
  response: Empty,
})

/** The last admin cannot be removed. */
export const removeAdmin = route({
  method: 'DELETE',
  path: '/v2/admin/perms/:username',
  access: 'admin',
  summary: 'Revoke a user’s admin rights.',
  params: Named,
  status: 204,
  response: Empty,
})
