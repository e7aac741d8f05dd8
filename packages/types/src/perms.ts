// Who may use an app besides its owner, and who is admin (docs/contract/api.md §2.2, §2.11)?
import { type Static, Type } from 'typebox'
import { AppParams, Empty, Page, PageQuery, route, Word } from './route.ts'

const Named = Type.Object({ username: Type.String({ minLength: 1, maxLength: 2_000 }) })

/** The owner is only among them when granted explicitly. */
export const Collaborators = Type.Object({ users: Type.Array(Type.String()) })
export type Collaborators = Static<typeof Collaborators>

export const listCollaborators = route({
  method: 'GET',
  path: '/v2/apps/:id/perms/',
  access: 'app',
  summary: 'Who may use the app besides its owner.',
  params: AppParams,
  status: 200,
  response: Collaborators,
})

export const addCollaborator = route({
  method: 'POST',
  path: '/v2/apps/:id/perms/',
  access: 'app-owner',
  recorded: true,
  summary: 'Let a user use the app.',
  params: AppParams,
  body: Named,
  status: 201,
  response: Empty,
})

/** For owner and admin, and for collaborators about themselves. */
export const removeCollaborator = route({
  method: 'DELETE',
  path: '/v2/apps/:id/perms/:username',
  access: 'app',
  recorded: true,
  summary: 'Let a user no longer use the app.',
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
  summary: 'The admins.',
  query: PageQuery,
  status: 200,
  response: Page(Admin),
})

export const addAdmin = route({
  method: 'POST',
  path: '/v2/admin/perms/',
  access: 'admin',
  summary: 'Make a user admin.',
  body: Named,
  status: 201,
  response: Empty,
})

/** The last one stays. */
export const removeAdmin = route({
  method: 'DELETE',
  path: '/v2/admin/perms/:username',
  access: 'admin',
  summary: 'Make an admin an ordinary user.',
  params: Named,
  status: 204,
  response: Empty,
})
